// Command pkitool makes, checks and renews the PKI of a Kubernetes cluster.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/pkitool/pkitool/cmd"
)

var revision string // set by -ldflags where Go does not stamp the build itself

// grace is how long an interrupted run may take to end by itself.
const grace = time.Second

func main() {
	closeMemory()
	if len(os.Args) > 1 && (os.Args[1] == "init" || os.Args[1] == "certs") {
		debug.SetGCPercent(200) // with ECDSA keys init ends before the first collection; an audit leaves little behind
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { interrupted(stop) })
	os.Exit(cmd.Run(ctx, os.Args[1:], cmd.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now(), Built: cmd.Built(), LookupEnv: os.LookupEnv, Revision: revision}))
}

// interrupted ends a run that does not look at its context: one that reads a
// terminal or a pipe on which nothing comes. It may be stopped anywhere, since
// saves survive that; a second signal does so at once.
func interrupted(stop context.CancelFunc) {
	stop()
	time.Sleep(grace)
	fmt.Fprintln(os.Stderr, "error: interrupted")
	os.Exit(2)
}
