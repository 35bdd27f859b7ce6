package phases_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// state is one way in which a row can be found, and what is made of it.
type state struct {
	name  string
	only  func(certs.Spec) bool // the rows that can be in it; nil: all
	plant func(w *world, s certs.Spec) (more []string)

	// verb and reason are what is decided; with faults and hint where it is a
	// refusal. {cert} and {key} stand for the paths, {subject} for the row's
	// subject, {names} for its names, and plant returns further pairs.
	verb   phases.Verb
	reason string
	faults []string
	hint   string // of every fault; "" is hintReissue for a refusal

	// beyond is true where --reissue does not help either.
	beyond bool
	// after looks at what was made of it, where that is more than being right.
	after func(w *world, s certs.Spec, before map[string]seen)
}

const hintReissue = "--reissue replaces it"

func isPair(s certs.Spec) bool { return s.Place.Kubeconfig == "" }
func isConf(s certs.Spec) bool { return s.Place.Kubeconfig != "" }

func hasNames(s certs.Spec) bool { return !s.SANs.Empty() }
func serves(s certs.Spec) bool   { return s.Kind == certs.Serving || s.Kind == certs.Peer }
func dials(s certs.Spec) bool    { return s.Kind == certs.Client || s.Kind == certs.Peer }

// weakKey is made once: RSA is slow.
var weakKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) })

// encryptedPKCS8 is no key, but says that it is one under a passphrase.
var encryptedPKCS8 = pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("0\x03\x02\x01\x00")})

// setCert and setKey replace one half of a row's pair.
func (w *world) setCert(s certs.Spec, data []byte) {
	w.t.Helper()
	if isConf(s) {
		w.conf(s, func(c *kubeconfig.Single) { c.ClientCert = data })
		return
	}
	w.write(w.certFile(s), data)
}

func (w *world) setKey(s certs.Spec, data []byte) {
	w.t.Helper()
	if isConf(s) {
		w.conf(s, func(c *kubeconfig.Single) { c.ClientKey = data })
		return
	}
	w.write(w.keyFile(s), data)
}

func leafStates() []state {
	return append(append(append(certStates(), nameStates()...), fileStates()...), kubeconfigStates()...)
}

// certStates are what can be wrong with a certificate towards its CA, its key and its time.
func certStates() []state {
	return []state{
		{name: "complete", verb: phases.Keep, reason: "complete", plant: func(*world, certs.Spec) []string { return nil }},
		{name: "key of another", verb: phases.Refuse, faults: []string{"key does not match certificate ({cert})"},
			plant: func(w *world, s certs.Spec) []string { w.setKey(s, pemOf(w.t, newKey(w.t))); return nil }},
		{name: "signed by another CA", verb: phases.Refuse, faults: []string{`certificate is signed by another CA: "CN = foreign-ca" ({cert})`},
			plant: func(w *world, s certs.Spec) []string {
				caKey, key := newKey(w.t), newKey(w.t)
				ca := template(w.row(s.Issuer))
				ca.Subject.CommonName = "foreign-ca"
				w.place(s, key, certify(w.t, template(s), certify(w.t, ca, nil, caKey, nil), key, caKey))
				return nil
			}},
		{name: "signed by another CA of the same name", verb: phases.Refuse,
			faults: []string{"certificate is signed by another CA of the same name: it names the key {theirs}, the CA here has {ours} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				caKey, key := newKey(w.t), newKey(w.t)
				ca := certify(w.t, template(w.row(s.Issuer)), nil, caKey, nil)
				w.place(s, key, certify(w.t, template(s), ca, key, caKey))
				return []string{"{theirs}", fmt.Sprintf("%x", ca.SubjectKeyId[:8]), "{ours}", fmt.Sprintf("%x", w.bundle(s.Issuer)[0].SubjectKeyId[:8])}
			}},
		{name: "self-signed", verb: phases.Refuse, faults: []string{`certificate is signed by another CA: {subject} ({cert})`},
			plant: func(w *world, s certs.Spec) []string {
				key := newKey(w.t)
				w.place(s, key, certify(w.t, template(s), nil, key, nil))
				return nil
			}},
		{name: "expired", verb: phases.Refuse, faults: []string{"certificate has expired on 2026-11-24T12:00:00Z ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.NotAfter = now })},
		{name: "in its last second", verb: phases.Keep, reason: "complete", plant: forged(func(c *x509.Certificate) { c.NotAfter = now.Add(time.Second) })},
		{name: "not yet valid", verb: phases.Refuse, faults: []string{"certificate is not valid before 2026-11-24T12:00:01Z ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })},
		{name: "outlives its CA", verb: phases.Refuse,
			faults: []string{"certificate outlives its CA: valid until 2036-05-29T12:00:01Z, the CA ends 2036-05-29T12:00:00Z ({cert})"},
			plant:  forged(func(c *x509.Certificate) { c.NotAfter = birth.Add(3650*day + time.Second) })},
		{name: "ends with its CA", verb: phases.Keep, reason: "complete", plant: forged(func(c *x509.Certificate) { c.NotAfter = birth.Add(3650 * day) })},
		{name: "weak key", verb: phases.Refuse, faults: []string{"RSA key of 1024 bits: 2048 to 8192 are accepted ({key})"},
			plant: func(w *world, s certs.Spec) []string {
				key, err := weakKey()
				require.NoError(w.t, err)
				ca := w.row(s.Issuer)
				w.place(s, key, certify(w.t, template(s), w.bundle(s.Issuer)[0], key, w.key(ca)))
				return nil
			}},
		{name: "three things at once", verb: phases.Refuse, faults: []string{
			"key does not match certificate ({cert})",
			`subject is "CN = somebody", not {subject} ({cert})`,
			"certificate has expired on 2026-11-24T12:00:00Z ({cert})",
		}, plant: func(w *world, s certs.Spec) []string {
			w.forge(s, func(c *x509.Certificate) { c.Subject, c.NotAfter = pkix.Name{CommonName: "somebody"}, now })
			w.setKey(s, pemOf(w.t, newKey(w.t)))
			return nil
		}},
		{name: "critical extension that nobody knows", verb: phases.Refuse,
			faults: []string{"does not verify against {ca}: unhandled critical extension (X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION at depth 0) ({cert})"},
			plant: forged(func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
			})},
		{name: "signed by a CA that only its own file knows", verb: phases.Refuse,
			faults: []string{"does not verify against {ca}: self-signed certificate in certificate chain (X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN at depth 1) ({cert})"}, plant: func(w *world, s certs.Spec) []string {
				caKey, key := newKey(w.t), newKey(w.t)
				c := template(w.row(s.Issuer))
				c.Subject.CommonName = "stowaway"
				ca := certify(w.t, c, nil, caKey, nil)
				w.place(s, key, certify(w.t, template(s), ca, key, caKey), ca)
				return nil
			}},
		{name: "further certificates behind it", verb: phases.Keep, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			w.place(s, w.key(s), append(w.chain(s), w.bundle(s.Issuer)...)...)
			return nil
		}},
	}
}

func forged(change func(*x509.Certificate)) func(*world, certs.Spec) []string {
	return func(w *world, s certs.Spec) []string { w.forge(s, change); return nil }
}

// nameStates are subject, names and usages.
func nameStates() []state {
	return []state{
		{name: "other common name", verb: phases.Refuse, faults: []string{`subject is {got}, not {subject} ({cert})`},
			plant: func(w *world, s certs.Spec) []string {
				c := w.forge(s, func(c *x509.Certificate) { c.Subject.CommonName = "somebody" })
				return []string{"{got}", strconv.Quote(pki.CertificateSubject(c).String())}
			}},
		{name: "one organization more", verb: phases.Refuse, faults: []string{`subject is {got}, not {subject} ({cert})`},
			plant: func(w *world, s certs.Spec) []string {
				c := w.forge(s, func(c *x509.Certificate) {
					c.Subject.Organization = append([]string{"system:masters2"}, c.Subject.Organization...)
				})
				return []string{"{got}", strconv.Quote(pki.CertificateSubject(c).String())}
			}},
		{name: "no organization", only: func(s certs.Spec) bool { return len(s.Subject.Organization) > 0 }, verb: phases.Refuse,
			faults: []string{`subject is {got}, not {subject} ({cert})`},
			plant: func(w *world, s certs.Spec) []string {
				w.forge(s, func(c *x509.Certificate) { c.Subject.Organization = nil })
				return []string{"{got}", strconv.Quote("CN = " + s.Subject.CommonName)}
			}},
		{name: "a country as well", verb: phases.Keep, reason: "complete", plant: forged(func(c *x509.Certificate) { c.Subject.Country = []string{"CH"} })},
		{name: "all names missing", only: hasNames, verb: phases.Refuse, faults: []string{"certificate lacks the names {names} ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })},
		{name: "one name missing", only: hasNames, verb: phases.Refuse, faults: []string{"certificate lacks the names {first} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				w.forge(s, func(c *x509.Certificate) { c.DNSNames = c.DNSNames[1:] })
				return []string{"{first}", s.SANs.Strings()[0]}
			}},
		{name: "one address missing", only: hasNames, verb: phases.Refuse, faults: []string{"certificate lacks the names IP:192.0.2.10 ({cert})"},
			plant: forged(func(c *x509.Certificate) {
				var ips []net.IP
				for _, ip := range c.IPAddresses {
					if ip.String() != "192.0.2.10" {
						ips = append(ips, ip)
					}
				}
				c.IPAddresses = ips
			})},
		{name: "a name more", verb: phases.Keep, reason: "complete, with more names than planned: DNS:old.example.com, IP:198.51.100.7",
			plant: forged(func(c *x509.Certificate) {
				c.DNSNames = append(c.DNSNames, "old.example.com")
				c.IPAddresses = append(c.IPAddresses, net.IPv4(198, 51, 100, 7))
			})},
		{name: "no serverAuth", only: serves, verb: phases.Refuse, faults: []string{"certificate lacks the usage serverAuth ({cert})"},
			plant: forged(func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageCodeSigning}
			})},
		{name: "no clientAuth", only: dials, verb: phases.Refuse, faults: []string{"certificate lacks the usage clientAuth ({cert})"},
			plant: forged(func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageCodeSigning}
			})},
		{name: "a usage that has no name", only: func(s certs.Spec) bool { return s.Kind != certs.Peer }, verb: phases.Refuse, faults: []string{"certificate lacks the usage {usage} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				w.forge(s, func(c *x509.Certificate) {
					c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{1, 2, 3}}
				})
				return []string{"{usage}", map[certs.Kind]string{certs.Serving: "serverAuth", certs.Client: "clientAuth"}[s.Kind]}
			}},
		{name: "no extended usage", verb: phases.Keep, reason: "complete", plant: forged(func(c *x509.Certificate) { c.ExtKeyUsage = nil })},
		{name: "any extended usage", verb: phases.Keep, reason: "complete",
			plant: forged(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })},
		{name: "no digitalSignature", verb: phases.Refuse, faults: []string{"certificate lacks the usage digitalSignature ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })},
		{name: "a CA", verb: phases.Refuse, faults: []string{"certificate is a CA: whoever holds its key can sign for anybody ({cert})"},
			plant: forged(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign })},
		{name: "a CA that may sign nothing", verb: phases.Keep, reason: "complete", plant: forged(func(c *x509.Certificate) { c.IsCA = true })},
		{name: "no key usage", verb: phases.Keep, reason: "complete", plant: forged(func(c *x509.Certificate) { c.KeyUsage = 0 })},
		{name: "kubeadm's key usage", verb: phases.Keep, reason: "complete",
			plant: forged(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyEncipherment })},
	}
}

// TestMatrix plants every state in every row below a CA, and looks at the
// decision, at every word of it, and at the disk: a refusal changes nothing,
// and --reissue makes the row right and touches no other.
func TestMatrix(t *testing.T) {
	cases := 0
	for _, s := range treeOf(t, cluster()).Rows() {
		if s.Kind == certs.CA || s.Kind == certs.KeyPair {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for _, st := range leafStates() {
				if st.only == nil || st.only(s) {
					t.Run(st.name, func(t *testing.T) { st.try(t, s) })
				}
			}
		})
		cases++
	}
	assert.Equal(t, 12, cases, "kubeadm's 7 pairs and 5 kubeconfigs")
}

// try plants the state in a complete PKI and runs init without and with --reissue.
func (st state) try(t *testing.T, s certs.Spec) {
	w := complete(t)
	words := strings.NewReplacer(append([]string{
		"{cert}", w.certFile(s), "{key}", w.keyFile(s), "{subject}", strconv.Quote(s.Subject.String()), "{names}", s.SANs.String(), "{ca}", w.certFile(w.row(s.Issuer)),
	}, st.plant(w, s)...)...)
	before := w.snapshot()
	chosen := []string{s.Name}
	r, err := w.init(chosen, at(now))
	require.Len(t, r.Rows, 1)
	row := r.Rows[0]
	require.Equal(t, st.verb, row.Verb, "%+v", row)
	if st.verb != phases.Refuse {
		require.NoError(t, err)
		assert.Equal(t, st.reason, row.Reason)
		assert.Empty(t, row.Faults)
		w.unchanged(before, w.dirs.Files(s)...)
		written, after := []string{}, w.snapshot()
		for _, f := range row.Files {
			if before[f].data != after[f].data {
				written = append(written, f)
			}
		}
		assert.Equal(t, written, append([]string{}, row.Written...), "what it says it wrote")
		if st.after != nil {
			st.after(w, s, before)
		} else if st.verb == phases.Keep {
			w.unchanged(before)
		}
		w.settled(chosen)
		return
	}
	st.refused(t, s, row, err, words)
	w.unchanged(before)

	r, err = w.init(chosen, reissue())
	if st.beyond {
		st.refused(t, s, r.Rows[0], err, words)
		w.unchanged(before)
		return
	}
	require.NoError(t, err)
	assert.Equal(t, phases.Renew, r.Rows[0].Verb)
	assert.Equal(t, r.Rows[0].Faults[0].Text, r.Rows[0].Reason, "why it was replaced")
	assert.Equal(t, w.dirs.Files(s), r.Rows[0].Written)
	w.unchanged(before, w.dirs.Files(s)...)
	w.tidy()
	assert.Equal(t, "complete", w.settled(chosen).Rows[0].Reason)
	c := w.chain(s)[0]
	assert.Equal(t, now.Add(365*day), c.NotAfter.UTC())
	assert.Equal(t, s.SANs, pki.SANsOf(c))
}

func (st state) refused(t *testing.T, s certs.Spec, row phases.Row, err error, words *strings.Replacer) {
	t.Helper()
	var refused *phases.RefusedError
	require.True(t, errors.As(err, &refused), "%v", err)
	require.NotEmpty(t, row.Faults)
	var lines []string
	for i, f := range row.Faults {
		hint := st.hint
		if hint == "" {
			hint = hintReissue
		}
		if assert.Less(t, i, len(st.faults), "one fault too many: %s", f) {
			assert.Equal(t, words.Replace(st.faults[i]), f.String())
		}
		assert.Equal(t, words.Replace(hint), f.Hint)
		lines = append(lines, s.Name+": "+f.String())
	}
	assert.Len(t, row.Faults, len(st.faults))
	assert.Equal(t, strings.Join(lines, "\n"), err.Error())
}
