package phases_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/internal/weakkeys"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// weakKey is made once: RSA is slow.
var weakKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) })

func forged(change func(*x509.Certificate)) func(*world, certs.Spec) []string {
	return func(w *world, s certs.Spec) []string { w.forge(s, change); return nil }
}

// strange puts a row's certificate in place that a CA of another key and some name has signed.
func strange(w *world, s certs.Spec, caName string, behind bool) *x509.Certificate {
	caKey, key := newKey(w.t), newKey(w.t)
	c := template(w.row(s.Issuer.Role))
	if caName != "" {
		c.Subject.CommonName = caName
	}
	ca := certify(w.t, c, nil, caKey, nil)
	chain := []*x509.Certificate{certify(w.t, template(s), ca, key, caKey)}
	if behind {
		chain = append(chain, ca)
	}
	w.place(s, key, chain...)
	return ca
}

// certStates are what can be wrong with a certificate towards its CA, its key and its time.
func certStates() []state {
	return []state{
		{name: "complete", verbs: sound, reason: "complete", plant: func(*world, certs.Spec) []string { return nil }},
		{name: "key of another", verbs: wrong, want: []string{"key-mismatch: key does not match certificate ({cert})"},
			plant: func(w *world, s certs.Spec) []string { w.setKey(s, pemOf(w.t, newKey(w.t))); return nil }},
		{name: "signed by another CA", verbs: foreign, want: []string{`other-ca: certificate is signed by another CA: "CN = foreign-ca" ({cert})`},
			plant: func(w *world, s certs.Spec) []string { strange(w, s, "foreign-ca", false); return nil }},
		{name: "signed by another CA of the same name", verbs: foreign,
			want: []string{"other-ca-same-name: certificate is signed by another CA of the same name: it names the key {theirs}, the CA here has {ours} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				ca := strange(w, s, "", false)
				return []string{"{theirs}", fmt.Sprintf("%x", ca.SubjectKeyId[:8]), "{ours}", fmt.Sprintf("%x", w.bundle(s.Issuer.Role)[0].SubjectKeyId[:8])}
			}},
		{name: "self-signed", verbs: foreign, want: []string{`other-ca: certificate is signed by another CA: {subject} ({cert})`},
			plant: func(w *world, s certs.Spec) []string {
				key := newKey(w.t)
				w.place(s, key, certify(w.t, template(s), nil, key, nil))
				return nil
			}},
		{name: "signed by a CA that only its own file knows", verbs: foreign,
			want:  []string{`other-ca: certificate is signed by another CA: "CN = stowaway" ({cert})`},
			plant: func(w *world, s certs.Spec) []string { strange(w, s, "stowaway", true); return nil }},
		{name: "expired", verbs: wrong, want: []string{"certificate-expired: certificate has expired on 2026-11-24T11:59:59Z ({cert})"},
			plant: forged(expiredCert)},
		{name: "in its last second", verbs: sound, reason: "complete", plant: forged(func(c *x509.Certificate) { c.NotAfter = now })},
		{name: "not yet valid", verbs: wrong, want: []string{"certificate-not-yet-valid: certificate is not valid before 2026-11-24T12:00:01Z ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })},
		{name: "outlives its CA", verbs: sound, reason: "complete",
			want:  []string{"outlives-ca: certificate outlives its CA: valid until 2036-05-29T12:00:01Z, the CA ends 2036-05-29T12:00:00Z ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.NotAfter = birth.Add(3650*day + time.Second) })},
		{name: "ends with its CA", verbs: sound, reason: "complete", plant: forged(func(c *x509.Certificate) { c.NotAfter = birth.Add(3650 * day) })},
		{name: "signed with SHA-1", verbs: wrong,
			want:  []string{"signature-weak: certificate is signed with ECDSA-SHA1, which Kubernetes components refuse ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 })},
		{name: "weak key", verbs: verbs{phases.Refuse, phases.Renew, phases.Refuse, phases.Refuse}, want: []string{"key-unfit: RSA key of 1024 bits: 2048 to 8192 are accepted ({key})"},
			plant: func(w *world, s certs.Spec) []string {
				key, err := weakKey()
				require.NoError(w.t, err)
				w.place(s, key, certify(w.t, template(s), w.bundle(s.Issuer.Role)[0], key, w.key(w.row(s.Issuer.Role))))
				return nil
			}},
		{name: "key that anybody can compute", verbs: keyless, want: []string{"key-weak: RSA key of a broken library of Infineon (ROCA, CVE-2017-15361) ({key})"},
			plant: keyOf(weakkeys.ROCA)},
		{name: "key with a small exponent", verbs: better, reason: "complete", want: []string{"key-exponent-small: RSA key with the public exponent 3, smaller than 65537 ({key})"},
			plant: keyOf(weakkeys.Exponent3)},
		{name: "two things at once", verbs: wrong, want: []string{
			"key-mismatch: key does not match certificate ({cert})",
			"certificate-expired: certificate has expired on 2026-11-24T11:59:59Z ({cert})",
		}, plant: func(w *world, s certs.Spec) []string {
			w.forge(s, expiredCert)
			w.setKey(s, pemOf(w.t, newKey(w.t)))
			return nil
		}},
		{name: "critical extension that nobody knows", verbs: wrong,
			want: []string{"chain-refused: does not verify against {ca}: unhandled critical extension ({cert})"},
			plant: forged(func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
			})},
		{name: "further certificates behind it", verbs: sound, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			w.place(s, w.key(s), append(w.chain(s), w.bundle(s.Issuer.Role)...)...)
			return nil
		}},
	}
}

// keyOf is a row of which only the key is unusual.
func keyOf(make func() (*rsa.PrivateKey, error)) func(*world, certs.Spec) []string {
	return func(w *world, s certs.Spec) []string {
		key, err := make()
		require.NoError(w.t, err)
		if s.Kind == certs.CA {
			w.place(s, key, certify(w.t, template(s), nil, key, nil))
		} else {
			w.place(s, key, certify(w.t, template(s), w.bundle(s.Issuer.Role)[0], key, w.key(w.row(s.Issuer.Role))))
		}
		return nil
	}
}

// nameStates are subject, names and usages.
func nameStates() []state {
	differs := func(change func(*x509.Certificate)) func(w *world, s certs.Spec) []string {
		return func(w *world, s certs.Spec) []string {
			c := w.forge(s, change)
			return []string{"{got}", strconv.Quote(pki.CertificateSubject(c).String())}
		}
	}
	masters := func(c *x509.Certificate) { c.Subject.Organization = []string{"system:masters"} }
	old := func(group string) func(certs.Spec) bool {
		return func(s certs.Spec) bool {
			return slices.ContainsFunc(s.OlderGroups, func(g []string) bool { return g[0] == group })
		}
	}
	return []state{
		{name: "other common name", only: known, verbs: foreign, want: []string{`subject-differs: subject is {got}, not {subject} ({cert})`},
			plant: differs(func(c *x509.Certificate) { c.Subject.CommonName = "somebody" })},
		{name: "other common name, and nobody reads it", only: nobody, verbs: sound, want: []string{`subject-other-name: subject is {got}, pkitool would write {subject} ({cert})`},
			plant: differs(func(c *x509.Certificate) { c.Subject.CommonName = "somebody" })},
		{name: "a group of nobody's", only: known, verbs: foreign, want: []string{`subject-differs: subject is {got}, not {subject} ({cert})`},
			plant: differs(func(c *x509.Certificate) { c.Subject.Organization = append(c.Subject.Organization, "ops") })},
		{name: "system:masters where kubeadm gave it", only: old("system:masters"), verbs: sound, want: []string{"groups-older: groups are system:masters, as an older kubeadm gave them ({cert})"}, plant: differs(masters)},
		{name: "system:masters where it never was", only: func(s certs.Spec) bool {
			return !old("system:masters")(s) && s.Name != "super-admin"
		}, verbs: foreign, want: []string{`subject-differs: subject is {got}, not {subject} ({cert})`}, plant: differs(masters)},
		{name: "kubeadm:cluster-admins where kubeadm gave it", only: func(s certs.Spec) bool { return old("kubeadm:cluster-admins")(s) && s.Name != "admin" },
			verbs: sound, want: []string{"groups-older: groups are kubeadm:cluster-admins, as an older kubeadm gave them ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.Subject.Organization = []string{"kubeadm:cluster-admins"} })},
		{name: "no common name", only: known, verbs: foreign, want: []string{"common-name-missing: certificate has no common name: the API server takes its holder for nobody ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.Subject.CommonName = "" })},
		{name: "no common name, and nobody reads it", only: nobody, verbs: sound,
			want:  []string{`subject-other-name: subject is {got}, pkitool would write {subject} ({cert})`},
			plant: differs(func(c *x509.Certificate) { c.Subject.CommonName = "" })},
		{name: "a country as well", verbs: sound, reason: "complete", plant: forged(func(c *x509.Certificate) { c.Subject.Country = []string{"CH"} })},
		{name: "a node's name of 65 characters", only: func(s certs.Spec) bool { return s.Name == "kubelet" }, verbs: sound,
			want: []string{"common-name-long: common name has 72 characters, more than the 64 of RFC 5280 ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				c := cluster()
				c.Nodes[0].Name = strings.Repeat("n", 60)
				w.tree = treeOf(w.t, c)
				w.forge(w.row(s.Name), func(*x509.Certificate) {})
				return nil
			}},
		{name: "another node's name, and nobody gave one", only: func(s certs.Spec) bool { return s.Name == "kubelet" }, verbs: sound, reason: "complete",
			plant: func(w *world, s certs.Spec) []string {
				w.assume(certs.NodeName)
				w.forge(s, func(c *x509.Certificate) { c.Subject.CommonName = "system:node:cp-2" })
				return nil
			}},
		{name: "no name at all", only: hasNames, verbs: wrong, want: []string{"names-none: certificate of a server has no DNS name and no address ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })},
		{name: "given name missing", only: func(s certs.Spec) bool { return s.Name == "apiserver" }, verbs: wrong,
			want: []string{"names-missing: certificate lacks the names DNS:api.example.com ({cert})"},
			plant: forged(func(c *x509.Certificate) {
				c.DNSNames = slices.DeleteFunc(c.DNSNames, func(n string) bool { return n == "api.example.com" })
			})},
		{name: "given address missing", only: hasNames, verbs: wrong, want: []string{"names-missing: certificate lacks the names IP:192.0.2.10 ({cert})"}, plant: forged(dropIP("192.0.2.10"))},
		{name: "address of this host missing", only: hasNames, verbs: sound, want: []string{"names-left-out: certificate is without the names IP:192.0.2.10, which pkitool would write ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				w.assume(certs.AdvertiseAddress)
				w.forge(s, dropIP("192.0.2.10"))
				return nil
			}},
		{name: "usual name missing", only: hasNames, verbs: better, want: []string{"names-usual-missing: certificate lacks the names DNS:{usual} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				usual := "localhost"
				if s.Kind == certs.Serving {
					usual = "kubernetes.default"
				}
				w.forge(s, func(c *x509.Certificate) {
					c.DNSNames = slices.DeleteFunc(c.DNSNames, func(n string) bool { return n == usual })
				})
				return []string{"{usual}", usual}
			}},
		{name: "one name more", only: hasNames, verbs: sound, want: []string{"names-more: certificate has more names than planned: DNS:old.example.com ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "old.example.com") })},
		{name: "no serverAuth", only: serves, verbs: wrong, want: []string{"usage-missing: certificate lacks the extended key usage serverAuth ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })},
		{name: "no clientAuth", only: dials, verbs: wrong, want: []string{"usage-missing: certificate lacks the extended key usage clientAuth ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
		{name: "anyExtendedKeyUsage", verbs: sound, reason: "complete", plant: forged(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })},
		{name: "no extended key usage", verbs: sound, reason: "complete", plant: forged(func(c *x509.Certificate) { c.ExtKeyUsage = nil })},
		{name: "no digitalSignature", verbs: sound, want: []string{"signature-usage-missing: certificate lacks the key usage digitalSignature ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })},
		{name: "no key usage", verbs: sound, reason: "complete", plant: forged(func(c *x509.Certificate) { c.KeyUsage = 0 })},
		{name: "kubeadm's key usage", verbs: sound, reason: "complete", plant: forged(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyEncipherment })},
		{name: "a CA", verbs: foreign, want: []string{"leaf-is-ca: certificate is a CA: whoever holds its key can sign for anybody ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign })},
		{name: "a CA that may sign nothing", verbs: sound, reason: "complete", plant: forged(func(c *x509.Certificate) { c.IsCA = true })},
	}
}

// assume makes the world's tree one of which nobody gave some facts.
func (w *world) assume(facts certs.Facts) {
	c := cluster()
	c.Assumed = facts
	w.tree = treeOf(w.t, c)
}

func dropIP(addr string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.IPAddresses = slices.DeleteFunc(c.IPAddresses, func(ip net.IP) bool { return ip.String() == addr })
	}
}

func expiredCert(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }
