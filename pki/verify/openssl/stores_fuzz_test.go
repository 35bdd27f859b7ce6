package openssl_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// FuzzStores: the readers of stores find no certificate that the reader of targets does not find, and each ends in
// memory that its input bounds.
func FuzzStores(f *testing.F) {
	c := plain(f)
	seeds := [][]byte{[]byte(armour("CERTIFICATE", c.Raw)), c.Raw, []byte(armour("TRUSTED CERTIFICATE", c.Raw)), []byte(armour("X509 CRL", c.Raw)), []byte(armour("X", nil) + armour("CERTIFICATE", c.Raw)), []byte("-----BEGIN CERTIFICATE-----\na: b\n\nAAAA\n")}
	require.NotEmpty(f, seeds)
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		var all, store, hashed, lists, found openssl.Objects
		var err error
		var whole, good bool
		fuzzbound.Within(t, len(data), func() {
			all = openssl.Parse(data, nil)
			store, err = openssl.ParseStore(data)
			hashed, whole = openssl.ParseHashed(data, false)
			lists, _ = openssl.ParseHashed(data, true)
			found, good = openssl.ParseCAStore(data)
		})
		require.Empty(t, lists.Certificates)
		require.Empty(t, hashed.CRLs)
		require.True(t, err != nil || len(store.Certificates)+len(store.CRLs) > 0)
		require.True(t, !whole || len(hashed.Certificates) > 0)
		require.True(t, !good || len(found.Certificates)+len(found.CRLs) > 0)
		require.LessOrEqual(t, len(found.Certificates), len(all.Certificates))
	})
}

// FuzzNameOptions: words are read or refused, and a word twice is the word once.
func FuzzNameOptions(f *testing.F) {
	words := openssl.NameOptionWords()
	require.NotEmpty(f, words)
	for _, w := range words {
		f.Add(w)
		f.Add("-" + w + ",oneline")
	}
	f.Fuzz(func(t *testing.T, list string) {
		defer fuzzbound.Hold(t, len(list))()
		one, err := openssl.NameOptions(0).Parse(list)
		if err != nil {
			return
		}
		two, err := one.Parse(list)
		require.NoError(t, err)
		require.Equal(t, one, two)
	})
}

// FuzzObjectID: what a text stands for is written with dots, and stands for itself.
func FuzzObjectID(f *testing.F) {
	seeds := []string{"commonName", "CN", "1.2.3", "2.999.1", "1 2 3", "1..2", "", "0.40", "2.5.29.37.0", "anyPolicy", "1.2.", "9.9", "1.99999999999999999999999"}
	require.NotEmpty(f, seeds)
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		defer fuzzbound.Hold(t, len(text))()
		dotted, ok := openssl.ObjectID(text)
		if !ok {
			return
		}
		again, ok := openssl.ObjectID(dotted)
		require.True(t, ok)
		require.Equal(t, dotted, again)
		require.NotEmpty(t, openssl.ObjectName(dotted))
	})
}
