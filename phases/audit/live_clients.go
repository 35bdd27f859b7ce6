package audit

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

// admittance is how many CAs of one name a component should let clients of, and which file says so.
type admittance struct {
	count     int
	path, how string
}

// clients compares the CAs that the component names in its request for a client certificate with those of the directory.
// By their names: two CAs of one name show by their number.
func (c *component) clients() {
	switch {
	case c.row.Spec.Role == nil:
		return
	case !c.AsksClient:
		if !c.nobodyVerifies() {
			c.add(finding.New(finding.LiveClientsNotAsked), "")
		}
		return
	case len(c.Admits) == 0:
		return // it asks for one of whatever CA
	}
	wanted, order, paths := c.wanted()
	if len(paths) < len(c.row.Spec.Admits) {
		return // a CA is not here: what is not known is not judged
	}
	admitted := map[string]int{}
	var list []string
	for _, raw := range c.Admits {
		admitted[string(raw)]++
		if quoted := finding.Quote(subject(raw)); !slices.Contains(list, quoted) {
			list = append(list, quoted)
		}
	}
	for _, name := range order {
		w, quoted := wanted[name], finding.Quote(subject([]byte(name)))
		switch {
		case admitted[name] >= w.count || c.nobodyVerifies():
		case admitted[name] == 0:
			c.add(finding.New(finding.LiveClientCAOther, strings.Join(list, ", "), w.how).Want(quoted), w.path)
		default:
			c.add(finding.New(finding.LiveClientCAPartial, quoted, w.how).Want(w.path), w.path)
		}
		admitted[name] -= w.count
	}
	for _, raw := range c.Admits {
		if admitted[string(raw)] > 0 {
			admitted[string(raw)] = 0 // told once
			c.add(finding.New(finding.LiveClientCAStale, finding.Quote(subject(raw)), wanted[order[0]].how).Want(paths...), "")
		}
	}
}

// wanted are the CAs of the directory that the component should let clients of, by name, in order; paths are their files.
func (c *component) wanted() (byName map[string]admittance, order, paths []string) {
	byName = map[string]admittance{}
	var seen []*x509.Certificate // a pool has each once
	for _, role := range c.row.Spec.Admits {
		ca, ok := c.j.Case(certs.ID{Role: role})
		if !ok || len(ca.CA.Bundle) == 0 {
			continue
		}
		paths = append(paths, ca.CA.Path)
		for _, x := range ca.CA.Bundle {
			if slices.ContainsFunc(seen, x.Equal) {
				continue
			}
			seen = append(seen, x)
			name := string(x.RawSubject)
			w, known := byName[name]
			if !known {
				w = admittance{path: ca.CA.Path, how: uptake(ca.Spec, c.row.Spec.UsedBy[0])}
				order = append(order, name)
			}
			w.count++
			byName[name] = w
		}
	}
	return byName, order, paths
}

// uptake says how a component takes up a file of the row that has changed.
func uptake(s certs.Spec, component string) string {
	for _, u := range s.Uptakes() {
		if u.Component == component && u.Restart {
			return component + " " + u.How + ": restart it"
		}
		if u.Component == component {
			return component + " " + u.How
		}
	}
	return component + " takes its client CAs from the ConfigMap extension-apiserver-authentication in kube-system, which only gains some:" +
		" delete it once the old CA is gone everywhere, and the API server makes it anew"
}

// subject is a name in one line; one that cannot be read is its octets.
func subject(raw []byte) string {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &seq); err != nil || len(rest) > 0 {
		return fmt.Sprintf("%x", raw)
	}
	var name pkix.Name
	name.FillFromRDNSequence(&seq)
	return pki.SubjectOf(name, raw).String()
}
