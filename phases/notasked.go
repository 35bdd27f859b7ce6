package phases

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

// notAsked refuses what neither the row, nor the old certificate, nor the request has: names, groups and usages.
func (im *importer) notAsked(a *Action, c judge.Case, old *judge.Held, accept bool) {
	if c.Spec.Kind == certs.CA || len(c.Held.Chain) == 0 {
		return
	}
	asked := askedFor{template: c.Spec.Template()}
	if len(old.Chain) > 0 {
		asked.old = old.Chain[0]
	}
	if csr := judge.ReadFile(requestPath(old)); csr.Exists {
		if r, err := inspect.ReadRequest(csr.Data); err == nil {
			asked.request = r
		}
	}
	for _, more := range []struct {
		id   finding.ID
		what []string
	}{
		{finding.NamesNotAsked, asked.names(c.Held.Chain[0])}, {finding.GroupsNotAsked, asked.groups(c.Held.Chain[0])}, {finding.UsagesNotAsked, asked.usages(c.Held.Chain[0])},
	} {
		f := finding.New(more.id, more.what...)
		switch {
		case len(more.what) == 0:
		case accept:
			a.note("%s", f.Text())
		case a.Verb == Refuse:
			a.refuse(f.At("", "", im.source[c.Spec.ID]))
		default:
			a.refuseOnly(f.At("", "", im.source[c.Spec.ID]))
		}
	}
}

// askedFor is what somebody wanted of a certificate; old may be nil.
type askedFor struct {
	template pki.Template
	request  inspect.Request
	old      *x509.Certificate
}

func (q askedFor) names(c *x509.Certificate) []string {
	known, other := []pki.SANs{q.template.SANs, q.request.SANs}, map[string]bool{}
	if q.old != nil {
		known = append(known, pki.SANsOf(q.old))
		for _, n := range otherNames(pki.RawSANs(q.old)) {
			other[string(n.FullBytes)] = true
		}
	}
	out := pki.SANsOf(c).Minus(pki.Join(known...)).Strings()
	for _, n := range otherNames(pki.RawSANs(c)) {
		if !other[string(n.FullBytes)] {
			out = append(out, "a name of the kind "+otherKinds[n.Tag])
		}
	}
	return out
}

// groups are the organizations, by which the API server gives rights.
func (q askedFor) groups(c *x509.Certificate) []string {
	known := slices.Concat(q.template.Subject.Organization, q.request.Subject.Organization)
	if q.old != nil {
		known = append(known, q.old.Subject.Organization...)
	}
	return missing(c.Subject.Organization, known)
}

// usages are the extended key usages, and those of keys that make a CA; without any a certificate is good for all.
func (q askedFor) usages(c *x509.Certificate) []string {
	known := slices.Concat(named(q.template.ExtKeyUsage), q.request.UsageNames(), q.request.AuthorityUsages())
	if q.old != nil {
		known = append(known, usagesOf(q.old)...)
	}
	return missing(usagesOf(c), known)
}

func usagesOf(c *x509.Certificate) []string {
	out := named(c.ExtKeyUsage)
	for _, u := range c.UnknownExtKeyUsage {
		out = append(out, u.String())
	}
	if len(out) == 0 {
		out = named([]x509.ExtKeyUsage{x509.ExtKeyUsageAny})
	}
	return append(out, inspect.Request{KeyUsage: c.KeyUsage}.AuthorityUsages()...)
}

func named(usages []x509.ExtKeyUsage) []string {
	var out []string
	for _, u := range usages {
		out = append(out, u.String())
	}
	return out
}

// missing are the elements of list that are not among the known.
func missing(list, known []string) []string {
	has := map[string]bool{}
	for _, v := range known {
		has[v] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(v string) bool { return has[v] })
}

// otherKinds are the kinds of names of which pki.SANs knows nothing, by their tags (RFC 5280 4.2.1.6).
var otherKinds = map[int]string{0: "otherName", 3: "x400Address", 4: "directoryName", 5: "ediPartyName", 8: "registeredID"}

// otherNames are the names of other kinds in an encoded GeneralNames.
func otherNames(der []byte) []asn1.RawValue {
	var names []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &names); err != nil {
		return nil
	}
	return slices.DeleteFunc(names, func(v asn1.RawValue) bool { return slices.Contains([]int{1, 2, 6, 7}, v.Tag) })
}
