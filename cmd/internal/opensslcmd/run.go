package opensslcmd

import (
	"context"
	"runtime"
	"sync"

	"github.com/pkitool/pkitool/pki/verify"
)

// answer is what one target or several give: text for the two streams, in order.
type answer struct {
	pieces []piece
	bad    bool // some target is not good
}

type piece struct {
	toStderr bool
	text     []byte
}

func (a *answer) stdout(texts ...string) { a.write(false, texts) }
func (a *answer) stderr(texts ...string) { a.write(true, texts) }

// write appends text; consecutive text of one stream is one piece.
func (a *answer) write(toStderr bool, texts []string) {
	if n := len(a.pieces); n == 0 || a.pieces[n-1].toStderr != toStderr {
		a.pieces = append(a.pieces, piece{toStderr: toStderr})
	}
	p := &a.pieces[len(a.pieces)-1]
	for _, t := range texts {
		p.text = append(p.text, t...)
	}
}

// batchSize is how many targets a worker takes at a time: enough that handing over costs nothing.
const batchSize = 16

// bufferSize holds most files that hold one certificate. A worker reads one file after the other into the same
// buffer: what a file gives is used up before the next is read.
const bufferSize = 16 << 10

type batch struct {
	first, end int
	done       chan answer
}

// verifyAll verifies all targets, several at a time, and writes their answers in the order of the arguments. What
// is under way is bounded, and so is memory, however many targets there are. It reports whether all are good.
func (r *request) verifyAll(ctx context.Context, targets []string) bool {
	workers := min(runtime.GOMAXPROCS(0), (len(targets)+batchSize-1)/batchSize)
	if o := &r.options; o.CRLCheck && o.ExtendedCRL && len(r.untrusted) > 0 {
		// What openssl says of a CRL's issuer depends on the targets before.
		workers, o.Memory = 1, verify.NewMemory()
	}
	work := make(chan batch)
	order := make(chan batch, 4*workers)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			buffer := make([]byte, bufferSize)
			for b := range work {
				var a answer
				for i := b.first; i < b.end; i++ {
					r.verifyOne(&a, i, targets[i], buffer)
				}
				b.done <- a
			}
		})
	}
	go func() {
		for first := 0; first < len(targets) && ctx.Err() == nil; first += batchSize {
			b := batch{first, min(first+batchSize, len(targets)), make(chan answer, 1)}
			order <- b
			work <- b
		}
		close(work)
		close(order)
	}()
	good := true
	for b := range order {
		a := <-b.done
		r.put(a)
		good = good && !a.bad
	}
	running.Wait()
	if r.format == "json" {
		var end answer
		end.stdout("\n]\n")
		r.put(end)
	}
	return good && ctx.Err() == nil
}

// put writes an answer to the streams. Who gave them finds out what cannot be written.
func (r *request) put(a answer) {
	for _, p := range a.pieces {
		stream := r.env.Stdout
		if p.toStderr {
			stream = r.env.Stderr
		}
		_, _ = stream.Write(p.text)
	}
}

// verifyOne reads and verifies target number i.
func (r *request) verifyOne(a *answer, i int, name string, buffer []byte) {
	t := r.loadTarget(name, buffer)
	var report verify.Report
	if t.certificate != nil {
		report = r.judge(t.certificate)
	}
	as := r.role.judge(r, t)
	a.bad = a.bad || as == nil && !report.OK || as != nil && !as.OK
	switch {
	case r.format == "json" || r.format == "yaml":
		r.writeDocument(a, i, t, report, as)
	case as != nil:
		as.write(a, t, report)
	default:
		r.writeText(a, t, report)
	}
}
