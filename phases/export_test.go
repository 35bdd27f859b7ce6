package phases

import (
	"context"

	"github.com/pkitool/pkitool/pki/store"
)

// Steps gives what Apply would hand to the store, in its order, so that tests
// can leave the disk in every state that a kill can leave it in.
func (p Plan) Steps(o Options) ([][]store.Write, error) {
	var todo []*work
	for i := range p.actions {
		if a := &p.actions[i]; a.Verb == Create || a.Verb == Renew {
			todo = append(todo, &work{Action: a, key: a.key})
		}
	}
	if err := makeKeys(context.Background(), todo); err != nil {
		return nil, err
	}
	if err := sign(context.Background(), todo, p.cas, o); err != nil {
		return nil, err
	}
	return steps(todo, o)
}

// Prove is the last part of Init.
var Prove = prove
