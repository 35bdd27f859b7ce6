// Package audit looks at whole directories, whoever made them: what is wrong in them, row by row and across rows, and the
// picture of who signed whom. It reads, and never writes, but for what a run that was stopped left half done.
package audit

import (
	"context"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

// Place is a directory to look at, and what is known of the cluster and the node that it belongs to.
type Place struct {
	// Name is what an operator calls it; "" for the only one.
	Name string
	Site judge.Site
	Tree certs.Tree
}

// Options say what is looked at, and when.
type Options struct {
	Now time.Time
	// Within, if not nil, also finds the certificates whose end is near.
	Within *phases.Threshold
	// Kubeconfigs are further kubeconfigs, such as a person's: they are judged as they are, and against the cluster's CA.
	Kubeconfigs []string
	// Live are the addresses of components that run, each "HOST:PORT" or "ROW=HOST:PORT": what they serve is judged too.
	Live []string
	// Picture also fills Directory.Trust.
	Picture bool
}

// Directory is what was seen in a place. Nothing in it is secret.
type Directory struct {
	Name          string `json:"name,omitempty"`
	CertDir       string `json:"certDir"`
	KubeconfigDir string `json:"kubeconfigDir,omitempty"`
	// Certificates is how many were looked at.
	Certificates int `json:"certificates"`
	// Findings are what is wrong, or worth knowing, in the order of the tree, then by path.
	Findings []finding.Shown `json:"findings"`
	// Trust are the roots of the picture.
	Trust []*Node `json:"trust,omitempty"`
	// Finished are files that a run that was stopped had begun to replace: now they are new, or old again, as a whole.
	Finished []string `json:"-"`
}

// Look judges a place. The error joins what could not be read as a directory; what could be is told beside it.
func Look(ctx context.Context, p Place, o Options) (Directory, error) {
	d := Directory{Name: p.Name, CertDir: p.Site.Cert, KubeconfigDir: p.Site.Kubeconfig, Findings: []finding.Shown{}}
	inv, finished, err := phases.Look(ctx, p.Tree, p.Site, nil)
	if err != nil {
		return d, err
	}
	d.Finished = finished
	j := judge.Judge(p.Tree, inv, nil, o.Now)
	for c := range j.Cases() {
		for _, f := range c.Findings {
			d.Findings = append(d.Findings, f.Shown(finding.Check))
		}
		d.Certificates += len(c.Held.Chain)
	}
	if o.Picture {
		d.Trust = picture(j, nil, d.Findings, o.Now)
	}
	return d, nil
}
