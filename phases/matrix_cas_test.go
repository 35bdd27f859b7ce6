package phases_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/internal/weakkeys"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// resign replaces a CA's certificate by one for the same key that change has spoilt.
func resign(change func(*x509.Certificate)) func(*world, certs.Spec) []string {
	return func(w *world, s certs.Spec) []string {
		c, key := template(s), w.key(s)
		c.SubjectKeyId = w.chain(s)[0].SubjectKeyId
		change(c)
		w.write(w.certFile(s), pki.EncodeCertificates(certify(w.t, c, nil, key, nil)))
		return nil
	}
}

// What policies make of a CA: a request for it, or its renewal, is nobody's business, and --reissue never replaces one.
var (
	keptCA    = verbs{init: phases.Keep, reissue: phases.Keep}
	refusedCA = verbs{init: phases.Refuse, reissue: phases.Refuse}
	madeCA    = verbs{init: phases.Create, reissue: phases.Create}
)

// caStates are the ways in which a CA can be found, with one row that it has signed.
func caStates() []state {
	notCA := func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }
	noSign := func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign }
	expired := func(c *x509.Certificate) { c.NotAfter = now }
	early := func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }
	keyless := func(plant func(*world, certs.Spec) []string) func(*world, certs.Spec) []string {
		return func(w *world, s certs.Spec) []string { plant(w, s); w.remove(w.keyFile(s)); return nil }
	}
	key := func(data []byte) func(*world, certs.Spec) []string {
		return func(w *world, s certs.Spec) []string { w.write(w.keyFile(s), data); return nil }
	}
	cert := func(data []byte) func(*world, certs.Spec) []string {
		return func(w *world, s certs.Spec) []string { w.write(w.certFile(s), data); return nil }
	}
	issued := func(plant func(w *world, s certs.Spec)) func(*world, certs.Spec) []string {
		return func(w *world, s certs.Spec) []string {
			plant(w, s)
			return []string{"{leaf}", w.below(w.certFile(belowOf(w, s)))}
		}
	}
	bad := func(name, want string, plant func(*world, certs.Spec) []string) state {
		return state{name: "CA: " + name, verbs: refusedCA, want: []string{want}, plant: plant}
	}
	good := func(name, reason string, plant func(*world, certs.Spec) []string, want ...string) state {
		return state{name: "CA: " + name, verbs: keptCA, reason: reason, plant: plant, want: want}
	}
	return []state{
		good("complete", "complete", func(*world, certs.Spec) []string { return nil }),
		good("certificate only", "external CA: its key is not here", keyless(func(*world, certs.Spec) []string { return nil }), "ca-key-elsewhere: external CA: its key is not here ({cert})"),
		good("with a DNS name, as kubeadm", "complete", resign(func(c *x509.Certificate) { c.DNSNames = []string{c.Subject.CommonName} })),
		good("without a key identifier, as of Go before 1.15", "complete", func(w *world, s certs.Spec) []string {
			w.write(w.certFile(s), pki.EncodeCertificates(withoutKeyID(w.t, template(s), w.key(s))))
			return nil
		}),
		good("behind links", "complete", func(w *world, s certs.Spec) []string { w.link(s, 0o600); return nil }),
		good("loose key", "complete", func(w *world, s certs.Spec) []string { require.NoError(w.t, os.Chmod(w.keyFile(s), 0o644)); return nil }),
		good("an old one beside it", "complete, a bundle of 2 certificates", func(w *world, s certs.Spec) []string {
			c, key := template(s), newKey(w.t)
			c.NotAfter = now.Add(-time.Second)
			w.write(w.certFile(s), append(w.read(w.certFile(s)), pki.EncodeCertificates(certify(w.t, c, nil, key, nil))...))
			return nil
		}, "ca-part-expired: certificate 2 of the bundle has expired on 2026-11-24T11:59:59Z ({cert})"),
		{name: "CA: absent, and nothing below it", verbs: madeCA, reason: "nothing there", plant: func(w *world, s certs.Spec) []string {
			w.remove(append(w.site.Files(s), w.site.Files(belowOf(w, s))...)...)
			return nil
		}},
		{name: "CA: key only, and nothing below it", verbs: madeCA, reason: "certifies the key that is there", plant: func(w *world, s certs.Spec) []string {
			w.remove(append(w.site.Files(belowOf(w, s)), w.certFile(s))...)
			return nil
		}},
		bad("key of another", "ca-none-of-key: key does not match certificate ({cert})", func(w *world, s certs.Spec) []string { w.write(w.keyFile(s), pemOf(w.t, newKey(w.t))); return nil }),
		bad("not a CA", "not-a-ca: certificate is not a CA ({cert})", resign(notCA)),
		bad("not a CA, without key", "not-a-ca: certificate is not a CA ({cert})", keyless(resign(notCA))),
		bad("may not sign", "ca-may-not-sign: certificate may not sign certificates (its key usage lacks keyCertSign) ({cert})", resign(noSign)),
		bad("without subject", "ca-without-subject: certificate has no subject, so it cannot be named as an issuer ({cert})", resign(func(c *x509.Certificate) { c.Subject.CommonName = "" })),
		bad("expired", "ca-expired: CA has expired on 2026-11-24T12:00:00Z ({cert})", resign(expired)),
		bad("expired, without key", "ca-expired: CA has expired on 2026-11-24T12:00:00Z ({cert})", keyless(resign(expired))),
		bad("not yet valid", "ca-not-yet-valid: CA is not valid before 2026-11-24T12:00:01Z ({cert})", resign(early)),
		bad("certificate is nonsense", "pem-missing: file holds no PEM block ({cert})", cert([]byte("nonsense"))),
		bad("certificate is empty", "file-empty: file is empty ({cert})", cert(nil)),
		bad("certificate behind a byte-order mark", "byte-order-mark: begins with a byte-order mark, behind which no Kubernetes component finds a PEM block ({cert})", func(w *world, s certs.Spec) []string {
			return cert(append([]byte(byteOrderMark), w.read(w.certFile(s))...))(w, s)
		}),
		{name: "CA: certificate with PEM headers", only: func(s certs.Spec) bool { return !s.Etcd }, verbs: refusedCA,
			want:  []string{"pem-headers: certificate 1 has PEM headers: Kubernetes components do not read a CA certificate with headers ({cert})"},
			plant: withHeaders},
		{name: "CA: certificate with PEM headers, which etcd reads", only: func(s certs.Spec) bool { return s.Etcd }, verbs: keptCA, reason: "complete", plant: withHeaders},
		bad("key is nonsense", "pem-missing: file holds no PEM block ({key})", key([]byte("nonsense"))),
		bad("key is empty", "file-empty: file is empty ({key})", key(nil)),
		bad("key is encrypted", "key-encrypted: private key is encrypted ({key})", key(encryptedPKCS8)),
		bad("weak key", "key-unfit: RSA key of 1024 bits: 2048 to 8192 are accepted ({key})", func(w *world, s certs.Spec) []string {
			weak, err := weakKey()
			require.NoError(w.t, err)
			w.place(s, weak, certify(w.t, template(s), nil, weak, nil))
			return nil
		}),
		bad("key that anybody can compute", "key-weak: RSA key of a broken library of Infineon (ROCA, CVE-2017-15361) ({key})", keyOf(weakkeys.ROCA)),
		{name: "CA: key that anybody can compute, and that is not here", verbs: refusedCA, plant: keyless(keyOf(weakkeys.ROCA)), want: []string{
			"key-weak: RSA key of a broken library of Infineon (ROCA, CVE-2017-15361) ({cert})", "ca-key-elsewhere: external CA: its key is not here ({cert})"}},
		bad("beside one with a key that anybody can compute", "key-weak: RSA key of a broken library of Infineon (ROCA, CVE-2017-15361) ({cert})", func(w *world, s certs.Spec) []string {
			key, err := weakkeys.ROCA()
			require.NoError(w.t, err)
			w.write(w.certFile(s), append(w.read(w.certFile(s)), pki.EncodeCertificates(certify(w.t, template(s), nil, key, nil))...))
			return nil
		}),
		{name: "CA: key with a small exponent", verbs: keptCA, reason: "complete", want: []string{"key-exponent-small: RSA key with the public exponent 3, smaller than 65537 ({key})"}, plant: keyOf(weakkeys.Exponent3)},
		bad("certificate is gone", "ca-lost-with-issued: certificate is missing, but a certificate that it signed is there: {leaf} ({cert})", issued(func(w *world, s certs.Spec) { w.remove(w.certFile(s)) })),
		bad("gone", "ca-missing-with-issued: certificate and key are missing, but a certificate that they signed is there: {leaf} ({cert})", issued(func(w *world, s certs.Spec) { w.remove(w.site.Files(s)...) })),
		{name: "CA: certificate is gone, key is nonsense", verbs: refusedCA,
			want: []string{"pem-missing: file holds no PEM block ({key})", "ca-lost-with-issued: certificate is missing, but a certificate that it signed is there: {leaf} ({cert})"},
			plant: issued(func(w *world, s certs.Spec) {
				w.remove(w.certFile(s))
				w.write(w.keyFile(s), []byte("nonsense"))
			})},
		{name: "CA: version 1", only: func(s certs.Spec) bool { return s.Name == "ca" }, verbs: keptCA,
			want: []string{"ca-version-1: is a version 1 certificate, which Go takes as a CA in a trust file ({cert})", "ca-key-elsewhere: external CA: its key is not here ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				w.write(w.certFile(s), pki.EncodeCertificates(version1(w.t, w.bundle(s.Name)[0], w.key(s))))
				w.remove(w.keyFile(s))
				return nil
			}},
	}
}

func withHeaders(w *world, s certs.Spec) []string {
	w.write(w.certFile(s), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"friendlyName": "ca"}, Bytes: w.bundle(s.Name)[0].Raw}))
	return nil
}

// pairStates are the ways in which the service-account key pair can be found. The key is never made anew where any
// part of the pair exists: every token would die with it. --reissue changes nothing about that.
func pairStates() []state {
	ed := func(w *world) ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(nil)
		require.NoError(w.t, err)
		return key
	}
	st := func(name string, v verbs, reason string, plant func(w *world, s certs.Spec), want ...string) state {
		return state{name: "pair: " + name, verbs: v, reason: reason, want: want, plant: func(w *world, s certs.Spec) []string { plant(w, s); return nil }}
	}
	bad := func(name string, plant func(w *world, s certs.Spec), want ...string) state {
		return st(name, refusedCA, "", plant, want...)
	}
	return []state{
		st("complete", keptCA, "complete", func(*world, certs.Spec) {}),
		st("absent", madeCA, "nothing there", func(w *world, s certs.Spec) { w.remove(w.site.Files(s)...) }),
		st("key only", madeCA, "public key is derived from the key that is there", func(w *world, s certs.Spec) { w.remove(w.certFile(s)) }),
		st("loose key", keptCA, "complete", func(w *world, s certs.Spec) { require.NoError(w.t, os.Chmod(w.keyFile(s), 0o644)) }),
		st("behind links", keptCA, "complete", func(w *world, s certs.Spec) { w.link(s, 0o600) }),
		st("two public keys, of which one is right", keptCA, "complete, 2 public keys", func(w *world, s certs.Spec) { w.write(w.certFile(s), pubOf(w.t, newKey(w.t), w.key(s))) }),
		st("a certificate as the public key, as the hard way has it", keptCA, "complete", func(w *world, s certs.Spec) {
			key := w.key(s)
			w.write(w.certFile(s), pki.EncodeCertificates(certify(w.t, template(w.row("scheduler")), nil, key, nil)))
		}),
		st("the private key as the public key", keptCA, "complete", func(w *world, s certs.Spec) { w.write(w.certFile(s), w.read(w.keyFile(s))) },
			"sa-public-secret: file of the public key holds the private key ({cert})"),
		st("a damaged public key beside it", keptCA, "complete", func(w *world, s certs.Spec) {
			w.write(w.certFile(s), append(w.read(w.certFile(s)), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})...))
		}, "public-key-part-refused: public key 2 cannot be read, so tokens of its private key are refused: it is damaged, or no public key ({cert})"),
		bad("public key only", func(w *world, s certs.Spec) { w.remove(w.keyFile(s)) }, "sa-key-missing: private key is missing, and its public key is there ({key})"),
		bad("public key of another", func(w *world, s certs.Spec) { w.write(w.certFile(s), pubOf(w.t, newKey(w.t))) }, "sa-public-other: public key is not of the private key ({cert})"),
		bad("private key is nonsense", func(w *world, s certs.Spec) { w.write(w.keyFile(s), []byte("nonsense")) }, "pem-missing: file holds no PEM block ({key})"),
		bad("private key is nonsense, public key is missing", func(w *world, s certs.Spec) {
			w.write(w.keyFile(s), []byte("nonsense"))
			w.remove(w.certFile(s))
		}, "pem-missing: file holds no PEM block ({key})"),
		bad("private key is encrypted", func(w *world, s certs.Spec) { w.write(w.keyFile(s), encryptedPKCS8) }, "key-encrypted: private key is encrypted ({key})"),
		bad("private key is Ed25519", func(w *world, s certs.Spec) {
			w.write(w.keyFile(s), pemOf(w.t, ed(w)))
			w.remove(w.certFile(s))
		}, "sa-key-unfit: no Kubernetes component signs tokens with Ed25519 ({key})"),
		bad("private key that anybody can compute", func(w *world, s certs.Spec) {
			key, err := weakkeys.ROCA()
			require.NoError(w.t, err)
			w.write(w.keyFile(s), pemOf(w.t, key))
			w.write(w.certFile(s), pubOf(w.t, key))
		}, "key-weak: RSA key of a broken library of Infineon (ROCA, CVE-2017-15361) ({key})"),
		bad("old public key whose private key anybody can compute", func(w *world, s certs.Spec) {
			key, err := weakkeys.ROCA()
			require.NoError(w.t, err)
			w.write(w.certFile(s), append(w.read(w.certFile(s)), pubOf(w.t, key)...))
		}, "key-weak: RSA key of a broken library of Infineon (ROCA, CVE-2017-15361) ({cert})"),
		bad("public key is nonsense", func(w *world, s certs.Spec) { w.write(w.certFile(s), []byte("nonsense")) }, "pem-missing: file holds no PEM block ({cert})"),
		bad("public key is torn", func(w *world, s certs.Spec) { w.write(w.certFile(s), w.read(w.certFile(s))[:60]) }, "pem-damaged: PEM is damaged: 0 of 1 blocks can be read ({cert})"),
		bad("public key behind a byte-order mark", func(w *world, s certs.Spec) {
			w.write(w.certFile(s), append([]byte(byteOrderMark), w.read(w.certFile(s))...))
		}, "byte-order-mark: begins with a byte-order mark, behind which no Kubernetes component finds a PEM block ({cert})"),
	}
}
