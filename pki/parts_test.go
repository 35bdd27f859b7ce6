package pki

import (
	"encoding/pem"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a file is patched together from, we see the blocks that encoding/pem sees, and no others.
func TestPartsAsGo(t *testing.T) {
	good := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("a certificate")}))
	headed := string(pem.EncodeToMemory(&pem.Block{Type: "X", Headers: map[string]string{"a": "b"}, Bytes: []byte("x")}))
	pieces := []string{
		good, headed, good[:len(good)-1], good[:30], good[:len(good)-12], good[10:], "-----BEGIN ", "-----BEGIN A-----\n", "-----END A-----\n", "-----END CERTIFICATE-----\n",
		"\n", "\r\n", " ", "\t", "# ", "text", "\xef\xbb\xbf", "-----", "-", "AAAA\n", "a: b\n\n", "-----BEGIN -----\n-----END -----\n", "-----BEGIN A-----\n-----END A-----\n", "-----BEGIN A-----B\n", "\x00",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var data []byte
		for range 1 + random.IntN(8) {
			data = append(data, pieces[random.IntN(len(pieces))]...)
		}
		var want, got []*pem.Block
		for rest := data; ; {
			var b *pem.Block
			if b, rest = pem.Decode(rest); b == nil {
				break
			}
			want = append(want, b)
		}
		all, err := parts(data, "")
		require.Equal(t, err != nil, len(all) == 0, "%q", data)
		for _, p := range all {
			require.Equal(t, p.block == nil, p.unseen != nil, "%q", data)
			if p.block != nil {
				got = append(got, p.block)
				require.Equal(t, p.block.Type, p.kind, "%q", data)
			}
		}
		require.Equal(t, want, got, "%q", data)
	}
}
