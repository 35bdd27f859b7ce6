package phases_test

import (
	"encoding/pem"
	"io/fs"
	"os"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// encryptedPKCS8 is no key, but says that it is one under a passphrase.
var encryptedPKCS8 = pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("0\x03\x02\x01\x00")})

const byteOrderMark = "\xef\xbb\xbf"

// link moves a row's files aside and leaves links to them.
func (w *world) link(s certs.Spec, keyMode fs.FileMode) {
	w.t.Helper()
	for _, f := range w.site.Files(s) {
		require.NoError(w.t, os.Rename(f, f+".target"))
		require.NoError(w.t, os.Symlink(f+".target", f))
	}
	require.NoError(w.t, os.Chmod(w.keyFile(s)+".target", keyMode))
}

// fileStates are files that are missing, broken, or lie there in another way.
func fileStates() []state {
	cert := func(data func(w *world, s certs.Spec) []byte) func(*world, certs.Spec) []string {
		return func(w *world, s certs.Spec) []string { w.setCert(s, data(w, s)); return nil }
	}
	key := func(data func(w *world, s certs.Spec) []byte) func(*world, certs.Spec) []string {
		return func(w *world, s certs.Spec) []string { w.setKey(s, data(w, s)); return nil }
	}
	text := func(data []byte) func(*world, certs.Spec) []byte {
		return func(*world, certs.Spec) []byte { return data }
	}
	nonsense := text([]byte("nonsense\n"))
	ownCert := func(w *world, s certs.Spec) []byte { return pki.EncodeCertificates(w.chain(s)...) }
	ownKey := func(w *world, s certs.Spec) []byte { return pemOf(w.t, w.key(s)) }
	// A certificate that cannot be read in a pair whose key can: the request is for that key.
	unread := verbs{phases.Refuse, phases.Renew, phases.Refuse, phases.Request}
	return []state{
		{name: "absent", verbs: verbs{phases.Create, phases.Create, phases.Refuse, phases.Request}, reason: "nothing there",
			plant: func(w *world, s certs.Spec) []string { w.remove(w.site.Files(s)...); return nil }},
		{name: "certificate only", only: isPair, verbs: wrong, want: []string{"key-missing: private key is missing ({key})"},
			plant: func(w *world, s certs.Spec) []string { w.remove(w.keyFile(s)); return nil }},
		{name: "key only", only: isPair, verbs: verbs{phases.Create, phases.Create, phases.Refuse, phases.Request}, reason: "certifies the key that is there",
			plant: func(w *world, s certs.Spec) []string { w.remove(w.certFile(s)); return nil }},
		{name: "key only, and that broken", only: isPair, verbs: verbs{phases.Refuse, phases.Renew, phases.Refuse, phases.Refuse}, want: []string{"pem-missing: file holds no PEM block ({key})"},
			plant: func(w *world, s certs.Spec) []string {
				w.remove(w.certFile(s))
				w.write(w.keyFile(s), []byte("nonsense\n"))
				return nil
			}},
		{name: "certificate is nonsense", verbs: unread, want: []string{"pem-missing: file holds no PEM block ({cert})"}, plant: cert(nonsense)},
		{name: "certificate is empty", only: isPair, verbs: unread, want: []string{"file-empty: file is empty ({cert})"}, plant: cert(text(nil))},
		{name: "certificate is DER", verbs: unread, want: []string{"der-instead-of-pem: file is DER, not PEM ({cert})"},
			plant: cert(func(w *world, s certs.Spec) []byte { return w.chain(s)[0].Raw })},
		{name: "certificate is torn", verbs: unread, want: []string{"pem-damaged: PEM is damaged: 0 of 1 blocks can be read ({cert})"},
			plant: cert(func(w *world, s certs.Spec) []byte { d := ownCert(w, s); return d[:len(d)/2] })},
		{name: "certificate is a key", verbs: unread, want: []string{"certificate-none: file holds no certificate, but a block of type \"EC PRIVATE KEY\" ({cert})"}, plant: cert(ownKey)},
		{name: "certificate behind a byte-order mark", verbs: unread,
			want:  []string{"byte-order-mark: begins with a byte-order mark, behind which no Kubernetes component finds a PEM block ({cert})"},
			plant: cert(func(w *world, s certs.Spec) []byte { return append([]byte(byteOrderMark), ownCert(w, s)...) })},
		{name: "certificate in UTF-16", verbs: unread, want: []string{"utf-16: file is UTF-16 text ({cert})"}, plant: cert(text([]byte("\xff\xfe-\x00-\x00")))},
		{name: "certificate with another version of its form", verbs: unread, want: []string{"certificate-broken: certificate 1 cannot be read: malformed tbs certificate ({cert})"},
			plant: cert(text(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("0\x03\x02\x01\x00")})))},
		{name: "key is nonsense", verbs: keyless, want: []string{"pem-missing: file holds no PEM block ({key})"}, plant: key(nonsense)},
		{name: "key is empty", only: isPair, verbs: keyless, want: []string{"file-empty: file is empty ({key})"}, plant: key(text(nil))},
		{name: "key is no key inside", verbs: keyless, want: []string{"key-broken: private key cannot be read ({key})"},
			plant: key(text(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("0\x03\x02\x01\x00")})))},
		{name: "key is encrypted", verbs: keyless, want: []string{"key-encrypted: private key is encrypted ({key})"}, plant: key(text(encryptedPKCS8))},
		{name: "key is a certificate", verbs: keyless, want: []string{"key-none: file holds no private key, but a block of type \"CERTIFICATE\" ({key})"}, plant: key(ownCert)},
		{name: "key behind a byte-order mark", verbs: keyless,
			want:  []string{"byte-order-mark: begins with a byte-order mark, behind which no Kubernetes component finds a PEM block ({key})"},
			plant: key(func(w *world, s certs.Spec) []byte { return append([]byte(byteOrderMark), ownKey(w, s)...) })},
		{name: "two keys", verbs: keyless, want: []string{"key-several: file holds more than one private key ({key})"},
			plant: key(func(w *world, s certs.Spec) []byte { return append(ownKey(w, s), pemOf(w.t, newKey(w.t))...) })},
		{name: "both are nonsense", verbs: verbs{phases.Refuse, phases.Renew, phases.Refuse, phases.Refuse},
			want: []string{"pem-missing: file holds no PEM block ({key})", "pem-missing: file holds no PEM block ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				w.setKey(s, []byte("nonsense\n"))
				w.setCert(s, []byte("nonsense\n"))
				return nil
			}},
		{name: "Windows line ends and text before", verbs: sound, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			crlf := func(data []byte) []byte { return []byte(strings.ReplaceAll(string(data), "\n", "\r\n")) }
			w.setKey(s, crlf(ownKey(w, s)))
			w.setCert(s, crlf(append([]byte("subject=CN=x\n"), ownCert(w, s)...)))
			return nil
		}},
		{name: "a key and its label differ", verbs: sound, reason: "complete", plant: key(func(w *world, s certs.Spec) []byte {
			return []byte(strings.ReplaceAll(string(ownKey(w, s)), "EC PRIVATE KEY", "PRIVATE KEY"))
		})},
		{name: "behind symbolic links", verbs: verbs{phases.Keep, phases.Keep, phases.Refuse, phases.Request}, reason: "complete",
			plant: func(w *world, s certs.Spec) []string { w.link(s, 0o600); return nil }},
		{name: "wrong behind symbolic links", verbs: verbs{phases.Refuse, phases.Refuse, phases.Refuse, phases.Request},
			want: []string{"certificate-expired: certificate has expired on 2026-11-24T11:59:59Z ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				w.forge(s, expiredCert)
				w.link(s, 0o600)
				return nil
			}},
		{name: "loose key", verbs: sound, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			require.NoError(w.t, os.Chmod(w.keyFile(s), 0o644))
			return nil
		}},
		{name: "loose key behind a symbolic link", verbs: verbs{phases.Refuse, phases.Refuse, phases.Refuse, phases.Request},
			plant: func(w *world, s certs.Spec) []string { w.link(s, 0o640); return nil }},
	}
}
