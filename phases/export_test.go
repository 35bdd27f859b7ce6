package phases

import (
	"context"

	"github.com/pkitool/pkitool/pki/store"
)

// Steps gives what Apply would hand to the store, in its order, so that tests
// can leave the disk in every state that a kill can leave it in.
func (p Plan) Steps() ([][]store.Write, error) {
	todo, err := p.make(context.Background())
	return steps(todo), err
}

// Prove is the last part of a run.
var Prove = prove
