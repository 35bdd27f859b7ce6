package phases

import (
	"context"

	"github.com/pkitool/pkitool/pki/store"
)

// Sets gives what Apply would hand to the store, in its order.
func (p Plan) Sets() ([][]store.Write, error) {
	todo, err := p.make(context.Background())
	return sets(todo), err
}

// Prove is the last part of a run.
var Prove = prove
