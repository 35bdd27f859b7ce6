package opensslcmd

import (
	"fmt"
	"strconv"

	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// writeText says what openssl says, on the stream on which it says it.
func (r *request) writeText(a *answer, t target, report verify.Report) {
	if t.certificate == nil {
		a.stderr(t.said)
		return
	}
	for _, f := range report.Findings {
		r.writeFinding(a, f)
		if r.explain {
			r.writeExplanation(a, t, report, f)
		}
	}
	if report.Policy != nil && len(report.Findings) == 0 && r.options.NotifyPolicy {
		a.stderr(report.Policy.Text(openssl.ObjectName))
	}
	if !report.OK {
		a.stderr("error ", terminal.Line(t.name), ": verification failed\n")
		a.stderr(r.lookup.said()...)
		if r.explain && report.Internal {
			a.stderr("  ", report.Reason, "\n")
		}
		return
	}
	a.stdout(terminal.Line(t.name), ": OK\n")
	if r.showChain {
		r.writeChain(a, report)
	}
}

func (r *request) writeFinding(a *answer, f verify.Finding) {
	if f.Cert != nil {
		a.stderr(r.names.Name(f.Cert.Subject()), "\n")
	}
	if f.CRLPath {
		a.stderr("[CRL path] ")
	}
	a.stderr("error ", strconv.Itoa(int(f.Code)), " at ", strconv.Itoa(f.Depth), " depth lookup: ", f.Code.Text(), "\n")
	if f.Unsupported != "" {
		a.stderr("  ", f.Unsupported, "\n")
	}
	if f.Policy != nil {
		a.stderr(f.Policy.Text(openssl.ObjectName))
	}
}

func (r *request) writeChain(a *answer, report verify.Report) {
	a.stdout("Chain:\n")
	for depth, c := range report.Chain {
		a.stdout(fmt.Sprintf("depth=%d: ", depth), r.names.Name(c.Subject()))
		if depth < report.NumUntrusted {
			a.stdout(" (untrusted)")
		}
		a.stdout("\n")
	}
}
