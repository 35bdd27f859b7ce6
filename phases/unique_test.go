package phases_test

import (
	"context"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// No two certificates have a serial number, and no two rows a key, in common: both are drawn from the system's randomness
// for each by itself, 159 bits for a serial number. Five times the PKI of eight nodes, of which nothing is alike.
func TestSerialsAndKeysAreUnique(t *testing.T) {
	tree := fleet(t, 8)
	serials, keys := map[string]bool{}, map[string]bool{}
	ones, zeros := new(big.Int), new(big.Int)
	all := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 159), big.NewInt(1))
	for range 5 {
		site := siteIn(t.TempDir())
		made, err := phases.DecideInit(judge.Judge(tree, judge.Take(tree, site, nil), nil, now), nil, at(now)).Render(context.Background())
		require.NoError(t, err)
		for _, m := range made {
			require.NotNil(t, m.Key)
			der, err := x509.MarshalPKIXPublicKey(m.Key.Public())
			require.NoError(t, err)
			assert.False(t, keys[string(der)], "a key twice")
			keys[string(der)] = true
			if len(m.Chain) == 0 {
				continue // the service-account key
			}
			n := m.Chain[0].SerialNumber
			assert.False(t, serials[n.String()], "a serial number twice")
			serials[n.String()] = true
			assert.True(t, n.Sign() > 0 && n.BitLen() <= 159)
			ones.Or(ones, n)
			zeros.Or(zeros, new(big.Int).AndNot(all, n))
			assert.True(t, pki.SameKey(m.Chain[0].PublicKey, m.Key.Public()))
		}
	}
	assert.Greater(t, len(serials), 300)
	// A bit that is always the same is not drawn: by chance that happens once in 2^300.
	assert.Equal(t, all.Text(2), ones.Text(2))
	assert.Equal(t, all.Text(2), zeros.Text(2))
}
