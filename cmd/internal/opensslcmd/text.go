package opensslcmd

import (
	"fmt"
	"strconv"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// writeText says what openssl says, on the stream on which it says it.
func (r *request) writeText(a *answer, t target, report verify.Report) {
	if t.certificate == nil {
		a.err().write(t.said)
		return
	}
	for _, f := range report.Findings {
		r.writeFinding(a.err(), f)
		if r.explain {
			r.writeExplanation(a.err(), t, report, f)
		}
	}
	if report.Policy != nil && len(report.Findings) == 0 && r.options.NotifyPolicy {
		a.err().write(report.Policy.Text(openssl.ObjectName))
	}
	if !report.OK {
		a.err().write("error ", t.name, ": verification failed\n")
		a.err().write(r.lookup.said()...)
		if r.explain && report.Internal {
			a.err().write("  ", report.Reason, "\n")
		}
		return
	}
	a.out().write(t.name, ": OK\n")
	if r.showChain {
		r.writeChain(a.out(), report)
	}
	if r.role != nil {
		r.role.writeIdentity(a.out(), t.certificate)
	}
}

func (r *request) writeFinding(p *piece, f verify.Finding) {
	if f.Cert != nil {
		p.write(r.names.Name(f.Cert.Subject()), "\n")
	}
	if f.CRLPath {
		p.write("[CRL path] ")
	}
	p.write("error ", strconv.Itoa(int(f.Code)), " at ", strconv.Itoa(f.Depth), " depth lookup: ", f.Code.Text(), "\n")
	if f.Unsupported != "" {
		p.write("  ", f.Unsupported, "\n")
	}
	if f.Policy != nil {
		p.write(f.Policy.Text(openssl.ObjectName))
	}
}

func (r *request) writeChain(p *piece, report verify.Report) {
	p.write("Chain:\n")
	for depth, c := range report.Chain {
		p.write(fmt.Sprintf("depth=%d: ", depth), r.names.Name(c.Subject()))
		if depth < report.NumUntrusted {
			p.write(" (untrusted)")
		}
		p.write("\n")
	}
}
