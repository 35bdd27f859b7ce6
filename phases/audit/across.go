package audit

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"net/url"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// digest stands for a key, or for a serial number under a CA: a directory may hold many thousand of them.
type digest [16]byte

// digestOf is of parts, each with its length in front: they cannot be shifted against each other.
func digestOf(parts ...[]byte) (out digest) {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte{byte(len(p) >> 8), byte(len(p))})
		h.Write(p)
	}
	copy(out[:], h.Sum(nil))
	return out
}

// holder is the row that has a key.
type holder struct {
	row  string
	kind certs.Kind
}

// issued is the certificate that has a serial number.
type issued struct {
	cert digest
	name string
}

// holds compares the keys of a row with those of the rows before it. Two CAs are the judge's.
func (a *auditor) holds(c judge.Case) {
	h, s := c.Held, c.Spec
	var keys []crypto.PublicKey
	for i, x := range h.Chain {
		if i == 0 || s.Kind == certs.CA {
			keys = append(keys, x.PublicKey)
		}
	}
	keys = append(keys, h.Pubs...)
	if h.Signer != nil {
		keys = append(keys, h.Signer.Public())
	}
	told := false
	for _, key := range keys {
		id, ok := keyDigest(key)
		if !ok {
			continue
		}
		other, shared := a.keys[id]
		if !shared {
			a.keys[id] = holder{s.ID.String(), s.Kind}
			continue
		}
		if told || other.row == s.ID.String() {
			continue
		}
		told = true
		at := path(h)
		if h.Key.Path != "" {
			at = h.Key.Path
		}
		switch {
		case s.Kind == certs.CA && other.kind == certs.CA, c.Has(finding.KeyMismatch):
		case other.kind == certs.CA && s.Kind != certs.KeyPair:
			a.of(c, finding.New(finding.CAKeyShared, other.row), at)
		case s.Kind == certs.KeyPair:
			a.of(c, finding.New(finding.SAKeyShared, other.row), at)
		case other.kind == certs.KeyPair:
			sa, _ := a.j.Case(certs.ID{Role: other.row})
			a.of(sa, finding.New(finding.SAKeyShared, s.ID.String()), sa.Held.Key.Path)
		default:
			a.of(c, finding.New(finding.KeyShared, other.row), at)
		}
	}
}

func keyDigest(key crypto.PublicKey) (digest, bool) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return digestOf(der), err == nil
}

// numberOf is a certificate's serial number under its CA.
func numberOf(x *x509.Certificate) digest {
	return digestOf(x.RawIssuer, x.AuthorityKeyId, x.SerialNumber.Bytes())
}

// serial says that another certificate of the same CA has the same serial number. A copy has it by rights.
func (a *auditor) serial(x *x509.Certificate, number digest, name string) *finding.Finding {
	first, ok := a.serials[number]
	if !ok {
		a.serials[number] = issued{digestOf(x.Raw), name}
	}
	if !ok || first.cert == digestOf(x.Raw) {
		return nil
	}
	return finding.New(finding.SerialRepeated, x.SerialNumber.Text(16), first.name)
}

// servers finds the kubeconfigs of rows that lead to a server which the API server's certificate does not name.
func (a *auditor) servers() map[certs.ID]*finding.Finding {
	out := map[certs.ID]*finding.Finding{}
	for s, h := range a.j.Leading() {
		if s.Issuer.Role == certs.ClusterCA {
			if u, err := url.Parse(h.Entry.Cluster.Server); err == nil {
				a.leads[u.Hostname()] = true
			}
			if f := a.server(h.Entry.Cluster); f != nil {
				out[s.ID] = f
			}
		}
	}
	return out
}

// server says that no API server here may answer for the server of a cluster.
func (a *auditor) server(c kubeconfig.Cluster) *finding.Finding {
	u, err := url.Parse(c.Server)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || c.InsecureSkipTLSVerify || len(a.serving) == 0 {
		return nil
	}
	host := u.Hostname()
	if c.TLSServerName != "" {
		host = c.TLSServerName
	}
	covers := func(x *x509.Certificate) bool {
		return len(x.DNSNames)+len(x.IPAddresses) == 0 || x.VerifyHostname(host) == nil
	}
	if slices.ContainsFunc(a.serving, covers) { // one without any name has its own finding
		return nil
	}
	apiserver, _ := a.j.Case(certs.ID{Role: "apiserver"})
	at := "apiserver.crt"
	if apiserver.Held != nil {
		at = apiserver.Held.Cert.Path
	}
	return finding.New(finding.ServerUncovered, c.Server, host).Want(at)
}

// node says that a kubelet is of another node than the etcd member beside it, where nobody gave the node's name.
func (a *auditor) node(c judge.Case) *finding.Finding {
	if !c.Spec.NodeAssumed || !c.Spec.Identity || len(c.Held.Chain) == 0 {
		return nil
	}
	node := c.Spec.NodeOf(pki.CertificateSubject(c.Held.Chain[0]))
	for m := range a.j.Cases() {
		if m.Spec.Kind != certs.Peer || node == "" || len(m.Held.Chain) == 0 {
			continue
		}
		x := m.Held.Chain[0]
		if host := m.Spec.NodeOf(pki.CertificateSubject(x)); host != "" && x.VerifyHostname(host) == nil && x.VerifyHostname(node) != nil {
			return finding.New(finding.NodeOther, node).Want(host)
		}
	}
	return nil
}
