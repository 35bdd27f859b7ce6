package opensslcmd

import (
	"bytes"
	"context"
	"runtime"
	"sync"

	"github.com/pkitool/pkitool/pki/verify"
)

// answer is what one target gives: what goes to which stream, in order.
type answer struct {
	pieces []piece
	good   bool
}

type piece struct {
	toStderr bool
	text     []byte
}

// out and err give the buffer of a stream; consecutive text of one stream is one piece.
func (a *answer) out() *piece { return a.stream(false) }
func (a *answer) err() *piece { return a.stream(true) }

func (a *answer) stream(toStderr bool) *piece {
	if n := len(a.pieces); n > 0 && a.pieces[n-1].toStderr == toStderr {
		return &a.pieces[n-1]
	}
	a.pieces = append(a.pieces, piece{toStderr: toStderr})
	return &a.pieces[len(a.pieces)-1]
}

func (p *piece) write(texts ...string) {
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
	w := newWriter(r)
	if len(targets) == 0 {
		good := w.write(r.answerOne("", false, nil))
		return w.close() && good
	}
	workers := min(runtime.GOMAXPROCS(0), (len(targets)+batchSize-1)/batchSize)
	if o := &r.options; o.CRLCheck && o.ExtendedCRL && len(r.untrusted) > 0 {
		// What openssl says of a CRL's issuer depends on the targets before.
		workers, o.Memory = 1, verify.NewMemory()
	}
	if workers == 1 {
		good := true
		for _, name := range targets {
			if ctx.Err() != nil {
				return false
			}
			good = w.write(r.answerOne(name, true, nil)) && good
		}
		return w.close() && good
	}
	good := r.inParallel(ctx, targets, workers, w)
	return w.close() && good
}

func (r *request) inParallel(ctx context.Context, targets []string, workers int, w *writer) bool {
	work := make(chan batch)
	order := make(chan batch, 4*workers)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			buffer := make([]byte, bufferSize)
			for b := range work {
				a := answer{good: true}
				for _, name := range targets[b.first:b.end] {
					one := r.answerOne(name, true, buffer)
					a.append(one)
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
		good = w.write(<-b.done) && good
	}
	running.Wait()
	return good && ctx.Err() == nil
}

func (a *answer) append(b answer) {
	for _, p := range b.pieces {
		s := a.stream(p.toStderr)
		s.text = append(s.text, p.text...)
	}
	a.good = a.good && b.good
}

// answerOne reads and verifies one target. An empty file name without isFile is standard input.
func (r *request) answerOne(name string, isFile bool, buffer []byte) answer {
	t := loadTarget(name, isFile, r.env.Stdin, buffer)
	var report verify.Report
	if t.certificate != nil {
		report = r.judge(t.certificate)
	}
	var a answer
	a.good = t.certificate != nil && report.OK
	if r.format == "json" || r.format == "yaml" {
		r.writeDocument(&a, t, report)
	} else {
		r.writeText(&a, t, report)
	}
	return a
}

// writer puts answers onto the streams, and brackets around documents.
type writer struct {
	r      *request
	count  int
	failed bool
}

func newWriter(r *request) *writer { return &writer{r: r} }

func (w *writer) write(a answer) bool {
	for _, p := range a.pieces {
		stream := w.r.env.Stdout
		if p.toStderr {
			stream = w.r.env.Stderr
		} else if w.r.format == "json" {
			p.text = w.separate(p.text)
		}
		if _, err := stream.Write(p.text); err != nil {
			w.failed = true
		}
	}
	w.count++
	return a.good
}

// separate makes elements of an array of objects that end in ",\n".
func (w *writer) separate(text []byte) []byte {
	text = bytes.TrimSuffix(text, []byte(",\n"))
	if w.count == 0 {
		return append([]byte("[\n"), text...)
	}
	return append([]byte(",\n"), text...)
}

// close ends the output and reports whether all of it could be written.
func (w *writer) close() bool {
	if w.r.format == "json" {
		if _, err := w.r.env.Stdout.Write([]byte("\n]\n")); err != nil {
			w.failed = true
		}
	}
	return !w.failed
}
