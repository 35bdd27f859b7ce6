package verify_test

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki/verify"
)

// FuzzExtensions puts hostile values into the extensions of policies and of distribution points, in a
// certificate between anchor and leaf and in the leaf: validation ends, twice with the same outcome,
// and each finding is of a code that these extensions may lead to.
func FuzzExtensions(f *testing.F) {
	ids := []string{extPolicies, extMappings, extConstraints, extInhibitAny, extCRLDP}
	add := func(which byte, e forgedExt) { f.Add(which, e.value) }
	add(0, forgePolicies("1.2.3", anyPolicy))
	f.Add(byte(0), forgeSeq(forgeSeq(forgeOID("1.2.3"), forgeSeq(
		forgeSeq(forgeOID("1.3.6.1.5.5.7.2.1"), forgeTLV(0x16, []byte("x"))),
		forgeSeq(forgeOID("1.3.6.1.5.5.7.2.2"), forgeSeq(forgeSeq(forgeTLV(0x0c, []byte("org")), forgeSeq(forgeInt(1))), forgeTLV(0x0c, []byte("text"))))))))
	add(1, forgeMappings("1.2.3", "1.2.4"))
	add(2, forgeConstraints(0, 1))
	add(3, forgeInhibitAny(0))
	add(4, forgeCRLDP(forgeSeq(forgeFullName(forgeURI("http://a")), forgeTLV(0x81, []byte{0, 0x60}), forgeTLV(0xa2, forgeDir(forgeCN("a"))))))

	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	key := forgeKey(root.key.Curve)
	anchor, err := verify.ParseCertificate(root.der)
	require.NoError(f, err)
	trust := verify.NewStore([]*verify.Certificate{anchor}, nil)
	opts := verify.NewOptions(forgeTime)
	opts.PolicyCheck, opts.NotifyPolicy, opts.ExplicitPolicy = true, true, true
	opts.Policies = []string{"1.2.3", "1.2.4"}
	f.Fuzz(func(t *testing.T, which byte, value []byte) {
		defer fuzzbound.Hold(t, len(value))()
		e := []forgedExt{{ids[int(which)%len(ids)], false, value}}
		sub := forgedCert{name: forgeCN("sub"), issuer: root, serial: 2, key: key, exts: append(e, asRoot...)}.issue()
		leaf, err := verify.ParseCertificate(forgedCert{name: forgeCN("sub", "leaf"), issuer: sub, serial: 3, key: key, exts: append(e, forgePolicies("1.2.3"))}.issue().der)
		require.NoError(t, err)
		middle, err := verify.ParseCertificate(sub.der)
		require.NoError(t, err)
		first := verify.Verify(leaf, trust, []*verify.Certificate{middle}, nil, opts)
		second := verify.Verify(leaf, trust, []*verify.Certificate{middle}, nil, opts)
		assert.Equal(t, first.OK, second.OK)
		assert.Equal(t, first.Findings, second.Findings)
		if first.Policy != nil {
			text := first.Policy.Text(func(dotted string) string { return dotted })
			assert.Equal(t, sha256.Sum256([]byte(text)), sha256.Sum256([]byte(second.Policy.Text(func(dotted string) string { return dotted }))))
		}
		for _, found := range first.Findings {
			switch found.Code {
			case verify.ErrUnableToGetIssuerCertLocally, verify.ErrInvalidPolicyExtension, verify.ErrNoExplicitPolicy:
			default:
				assert.Fail(t, "no code for such an extension", "%d at %d", found.Code, found.Depth)
			}
		}
	})
}
