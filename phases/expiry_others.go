package phases

import (
	"crypto/x509"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/phases/judge"
)

// others tells of the certificates that are no row's.
func (x *expiry) others() error {
	return judge.Others(x.Tree, x.Site, expiryLimit, func(name string) {
		o := judge.ReadOther(name)
		p := place{name: filepath.ToSlash(filepath.Clean(name)), file: name, other: true}
		switch suffix := strings.ToLower(filepath.Ext(name)); {
		case suffix == ".conf" || suffix == ".kubeconfig":
			p.other = false // its entries have names
			if filepath.Dir(name) == filepath.Clean(x.Site.Kubeconfig) {
				p.name = filepath.Base(name)
			}
		}
		switch {
		case o.Fault != nil:
			x.missing(p, o.Fault)
		case o.Conf != nil:
			p.external = true
			x.conf(p, o.File)
		default:
			x.otherChain(p, o.Chain)
		}
	})
}

// otherChain tells of the certificates of a file.
func (x *expiry) otherChain(p place, chain []*x509.Certificate) {
	for i, c := range chain {
		q := p
		if i > 0 {
			q.name += "#" + strconv.Itoa(i+1)
		}
		q.ca, q.authority = x.issuer(c), c.IsCA
		q.external = true // by us: no row's file is renewed
		x.certificate(q, c)
	}
}
