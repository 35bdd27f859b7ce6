package phases_test

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

func pubOf(t testing.TB, keys ...crypto.Signer) []byte {
	t.Helper()
	var out []byte
	for _, k := range keys {
		data, err := pki.EncodePublicKey(k.Public())
		require.NoError(t, err)
		out = append(out, data...)
	}
	return out
}

// The service-account key is never made anew where any part of the pair exists:
// every token would die with it. --reissue changes nothing about that.
func TestServiceAccountKey(t *testing.T) {
	const (
		backup = "put the pair back from a backup, or move both files away to begin anew: that ends every token signed so far"
		derive = "move it away: it is derived from the private key again"
	)
	tests := []struct {
		name   string
		plant  func(w *world, s certs.Spec)
		verb   phases.Verb
		reason string
		fault  string
		hint   string
		after  func(w *world, s certs.Spec)
	}{
		{name: "complete", verb: phases.Keep, reason: "complete", plant: func(*world, certs.Spec) {}},
		{name: "absent", verb: phases.Create, reason: "nothing there", plant: func(w *world, s certs.Spec) { w.remove(w.dirs.Files(s)...) }},
		{name: "public key is missing", verb: phases.Create, reason: "public key is derived from the key that is there",
			plant: func(w *world, s certs.Spec) { w.remove(w.certFile(s)) },
			after: func(w *world, s certs.Spec) { assert.Equal(w.t, pubOf(w.t, w.key(s)), w.read(w.certFile(s))) }},
		{name: "private key is missing", verb: phases.Refuse, fault: "private key is missing, and its public key is there ({key})",
			hint:  "put the key back; a new one would end every token signed with the old one. To begin anew, move {pub} away",
			plant: func(w *world, s certs.Spec) { w.remove(w.keyFile(s)) }},
		{name: "public key of another", verb: phases.Refuse, fault: "public key is not of the private key ({pub})",
			hint:  "tokens signed with the one are refused with the other: find out which the API server uses, and move the other away",
			plant: func(w *world, s certs.Spec) { w.write(w.certFile(s), pubOf(w.t, newKey(w.t))) }},
		{name: "two public keys, of which one is right", verb: phases.Keep, reason: "complete, 2 public keys",
			plant: func(w *world, s certs.Spec) { w.write(w.certFile(s), pubOf(w.t, newKey(w.t), w.key(s))) }},
		{name: "private key is nonsense", verb: phases.Refuse, fault: "file holds no PEM block ({key})", hint: backup,
			plant: func(w *world, s certs.Spec) { w.write(w.keyFile(s), []byte("nonsense")) }},
		{name: "private key is nonsense, public key is missing", verb: phases.Refuse, fault: "file holds no PEM block ({key})", hint: backup,
			plant: func(w *world, s certs.Spec) { w.write(w.keyFile(s), []byte("nonsense")); w.remove(w.certFile(s)) }},
		{name: "private key is empty", verb: phases.Refuse, fault: "file is empty ({key})", hint: backup,
			plant: func(w *world, s certs.Spec) { w.write(w.keyFile(s), nil) }},
		{name: "private key is encrypted", verb: phases.Refuse, fault: "private key is encrypted ({key})",
			hint:  "remove the passphrase with `openssl pkey -in KEY -out NEW`, or put an unencrypted key in its place",
			plant: func(w *world, s certs.Spec) { w.write(w.keyFile(s), encryptedPKCS8) }},
		{name: "private key is a certificate", verb: phases.Refuse, fault: `file holds no private key, but a block of type "CERTIFICATE" ({key})`, hint: backup,
			plant: func(w *world, s certs.Spec) { w.write(w.keyFile(s), w.read(w.certFile(w.row("ca")))) }},
		{name: "private key is Ed25519", verb: phases.Refuse, hint: backup,
			fault: "no Kubernetes component signs tokens with Ed25519 ({key})\nsa: public key 1 cannot be read: kube-apiserver knows RSA and ECDSA keys only ({pub})",
			plant: func(w *world, s certs.Spec) {
				_, key, err := ed25519.GenerateKey(nil)
				require.NoError(w.t, err)
				w.write(w.keyFile(s), pemOf(w.t, key))
				w.write(w.certFile(s), pubOf(w.t, key))
			}},
		{name: "private key is Ed25519, public key is missing", verb: phases.Refuse, fault: "no Kubernetes component signs tokens with Ed25519 ({key})", hint: backup,
			plant: func(w *world, s certs.Spec) {
				_, key, err := ed25519.GenerateKey(nil)
				require.NoError(w.t, err)
				w.write(w.keyFile(s), pemOf(w.t, key))
				w.remove(w.certFile(s))
			}},
		{name: "public key is nonsense", verb: phases.Refuse, fault: "file holds no PEM block ({pub})", hint: derive,
			plant: func(w *world, s certs.Spec) { w.write(w.certFile(s), []byte("nonsense")) }},
		{name: "public key is torn", verb: phases.Refuse, fault: "PEM is damaged: 0 of 1 blocks can be read ({pub})", hint: derive,
			plant: func(w *world, s certs.Spec) { w.write(w.certFile(s), w.read(w.certFile(s))[:60]) }},
		{name: "loose private key", verb: phases.Keep, reason: "complete",
			plant: func(w *world, s certs.Spec) { require.NoError(w.t, os.Chmod(w.keyFile(s), 0o644)) },
			after: func(w *world, s certs.Spec) {
				assert.Equal(w.t, fs.FileMode(0o600), w.snapshot()[w.keyFile(s)].mode)
			}},
		{name: "public key for all to read", verb: phases.Keep, reason: "complete",
			plant: func(w *world, s certs.Spec) { require.NoError(w.t, os.Chmod(w.certFile(s), 0o644)) },
			after: func(w *world, s certs.Spec) {
				assert.Equal(w.t, fs.FileMode(0o644), w.snapshot()[w.certFile(s)].mode, "kubeadm join writes it so")
			}},
	}
	for _, tt := range tests {
		for _, o := range []phases.Options{at(now), reissue()} {
			t.Run(tt.name, func(t *testing.T) {
				w := complete(t)
				s := w.row("sa")
				tt.plant(w, s)
				words := strings.NewReplacer("{key}", w.keyFile(s), "{pub}", w.certFile(s))
				before := w.snapshot()
				r, err := w.init(nil, o)
				row := rowOf(t, r, "sa")
				require.Equal(t, tt.verb, row.Verb, "%+v", row)
				if tt.verb == phases.Refuse {
					var refused *phases.RefusedError
					require.True(t, errors.As(err, &refused), "%v", err)
					assert.EqualError(t, err, "sa: "+words.Replace(tt.fault))
					assert.Equal(t, words.Replace(tt.hint), row.Faults[0].Hint)
					w.unchanged(before)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, tt.reason, row.Reason)
				if tt.after != nil {
					tt.after(w, s)
				}
				w.unchanged(before, w.dirs.Files(s)...)
				w.settled(nil)
			})
		}
	}
}
