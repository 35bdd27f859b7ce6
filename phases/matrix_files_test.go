package phases_test

import (
	"encoding/pem"
	"io/fs"
	"os"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// fileStates are files that are missing, broken, or lie there in another way.
func fileStates() []state {
	sameKey := func(w *world, s certs.Spec, before map[string]seen) {
		assert.Equal(w.t, before[w.keyFile(s)], w.snapshot()[w.keyFile(s)], "the key was touched")
	}
	return []state{
		{name: "absent", verb: phases.Create, reason: "nothing there",
			plant: func(w *world, s certs.Spec) []string { w.remove(w.dirs.Files(s)...); return nil }},
		{name: "certificate only", only: isPair, verb: phases.Refuse, faults: []string{"private key is missing ({key})"}, hint: "put the key back, or --reissue replaces it",
			plant: func(w *world, s certs.Spec) []string { w.remove(w.keyFile(s)); return nil }},
		{name: "key only", only: isPair, verb: phases.Create, reason: "certifies the key that is there", after: sameKey,
			plant: func(w *world, s certs.Spec) []string { w.remove(w.certFile(s)); return nil }},
		{name: "key only, and that broken", only: isPair, verb: phases.Refuse, faults: []string{"file holds no PEM block ({key})"},
			plant: func(w *world, s certs.Spec) []string {
				w.remove(w.certFile(s))
				w.write(w.keyFile(s), []byte("nonsense\n"))
				return nil
			}},
		{name: "certificate is nonsense", verb: phases.Refuse, faults: []string{"file holds no PEM block ({cert})"},
			plant: func(w *world, s certs.Spec) []string { w.setCert(s, []byte("nonsense\n")); return nil }},
		{name: "certificate is empty", only: isPair, verb: phases.Refuse, faults: []string{"file is empty ({cert})"},
			plant: func(w *world, s certs.Spec) []string { w.setCert(s, nil); return nil }},
		{name: "certificate is DER", verb: phases.Refuse, faults: []string{"file is DER, not PEM ({cert})"},
			plant: func(w *world, s certs.Spec) []string { w.setCert(s, w.chain(s)[0].Raw); return nil }},
		{name: "certificate is torn", verb: phases.Refuse, faults: []string{"PEM is damaged: 0 of 1 blocks can be read ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				data := pki.EncodeCertificates(w.chain(s)...)
				w.setCert(s, data[:len(data)/2])
				return nil
			}},
		{name: "certificate is a key", verb: phases.Refuse, faults: []string{"file holds no certificate, but a block of type \"EC PRIVATE KEY\" ({cert})"},
			plant: func(w *world, s certs.Spec) []string { w.setCert(s, pemOf(w.t, w.key(s))); return nil }},
		{name: "key is nonsense", verb: phases.Refuse, faults: []string{"file holds no PEM block ({key})"},
			plant: func(w *world, s certs.Spec) []string { w.setKey(s, []byte("nonsense\n")); return nil }},
		{name: "key is empty", only: isPair, verb: phases.Refuse, faults: []string{"file is empty ({key})"},
			plant: func(w *world, s certs.Spec) []string { w.setKey(s, nil); return nil }},
		{name: "key is no key inside", verb: phases.Refuse, faults: []string{"private key cannot be read ({key})"},
			plant: func(w *world, s certs.Spec) []string {
				w.setKey(s, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("0\x03\x02\x01\x00")}))
				return nil
			}},
		{name: "key is encrypted", verb: phases.Refuse, faults: []string{"private key is encrypted ({key})"},
			hint:  "remove the passphrase with `openssl pkey -in KEY -out NEW`, or put an unencrypted key in its place",
			plant: func(w *world, s certs.Spec) []string { w.setKey(s, encryptedPKCS8); return nil }},
		{name: "two keys", verb: phases.Refuse, faults: []string{"file holds more than one private key ({key})"},
			plant: func(w *world, s certs.Spec) []string {
				w.setKey(s, append(pemOf(w.t, w.key(s)), pemOf(w.t, newKey(w.t))...))
				return nil
			}},
		{name: "both are nonsense", verb: phases.Refuse, faults: []string{"file holds no PEM block ({cert})", "file holds no PEM block ({key})"},
			plant: func(w *world, s certs.Spec) []string {
				w.setKey(s, []byte("nonsense\n"))
				w.setCert(s, []byte("nonsense\n"))
				return nil
			}},
		{name: "Windows line ends and text before", verb: phases.Keep, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			w.setCert(s, []byte(strings.ReplaceAll("subject=CN=x\n"+string(pki.EncodeCertificates(w.chain(s)...)), "\n", "\r\n")))
			w.setKey(s, []byte(strings.ReplaceAll(string(pemOf(w.t, w.key(s))), "\n", "\r\n")))
			return nil
		}},
		{name: "loose key", verb: phases.Keep, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			require.NoError(w.t, os.Chmod(w.keyFile(s), 0o644))
			return nil
		}, after: func(w *world, s certs.Spec, before map[string]seen) {
			after := w.snapshot()[w.keyFile(s)]
			assert.Equal(w.t, fs.FileMode(0o600), after.mode)
			assert.Equal(w.t, before[w.keyFile(s)].mtime, after.mtime)
		}},
		{name: "key tighter than need be", verb: phases.Keep, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			require.NoError(w.t, os.Chmod(w.keyFile(s), 0o400))
			return nil
		}, after: sameKey},
		{name: "certificate that all may write", only: isPair, verb: phases.Keep, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			require.NoError(w.t, os.Chmod(w.certFile(s), 0o666))
			return nil
		}, after: func(w *world, s certs.Spec, _ map[string]seen) {
			assert.Equal(w.t, fs.FileMode(0o644), w.snapshot()[w.certFile(s)].mode)
		}},
		{name: "behind symbolic links", verb: phases.Keep, reason: "complete",
			plant: func(w *world, s certs.Spec) []string { w.link(s, 0o600); return nil }},
		{name: "loose key behind a symbolic link", verb: phases.Refuse, beyond: true,
			faults: []string{"private key can be read by others: mode 0640 behind a symbolic link ({key})"},
			hint:   "set the mode of the link's target to 0600, or put the file itself here",
			plant:  func(w *world, s certs.Spec) []string { w.link(s, 0o640); return nil }},
	}
}

// link moves a row's files aside and leaves links to them.
func (w *world) link(s certs.Spec, keyMode fs.FileMode) {
	w.t.Helper()
	for _, f := range w.dirs.Files(s) {
		require.NoError(w.t, os.Rename(f, f+".target"))
		require.NoError(w.t, os.Symlink(f+".target", f))
	}
	require.NoError(w.t, os.Chmod(w.keyFile(s)+".target", keyMode))
}
