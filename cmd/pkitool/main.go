// Command pkitool makes, checks and renews the PKI of a Kubernetes cluster.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/pkitool/pkitool/cmd"
)

var revision string // set by -ldflags where Go does not stamp the build itself

func main() {
	if len(os.Args) > 1 && os.Args[1] == "init" {
		debug.SetGCPercent(400) // it is over in milliseconds: what collecting would take is a fifth of it
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cmd.Run(ctx, os.Args[1:], cmd.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now(), LookupEnv: os.LookupEnv, Revision: revision}))
}
