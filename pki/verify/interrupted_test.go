package verify_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/internal/openssltest"
)

// unmadePoint is a distribution point whose relative name has no form in Unicode: openssl stops
// reading the certificate at it.
var unmadePoint = ext("2.5.29.31", false, forgeSeq(forgeSeq(forgeTLV(0xa0, forgeTLV(0xa1, attr("2.5.4.11", forgeTLV(0x0c, []byte{0xff})))))))

// Whoever asks first for such a certificate is told that it is invalid; afterwards it is as good as
// any, and what it says behind is not known.
func TestInterruptedReading(t *testing.T) {
	critical := ext("1.2.3", true, nil)
	badSAN := san([]byte{5, 0})
	own := func(exts ...[]byte) []byte {
		return parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: append([][]byte{isCA}, exts...)}.make()
	}
	one := func(certs ...[]byte) [][]byte { return certs }
	leaf, root := aLeaf(unmadePoint), aRoot(unmadePoint)
	alone, invalid := own(unmadePoint), own(badSAN, unmadePoint, critical)
	ask(t, []asked{
		{name: "target", ca: one(aRoot()), target: leaf, want: "OK"},
		{name: "target, in a list", trusted: one(aRoot()), target: leaf, want: "20@0"},
		{name: "target, in a list of two", trusted: one(aRoot(), aRoot(skid(1))), target: leaf, want: "OK"},
		{name: "target, in a list, but looked for among the untrusted first", trusted: one(aRoot()), untrusted: one(anIntermediate()), target: under(unmadePoint), want: "OK"},
		{name: "target, behind an invalid anchor", ca: one(aRoot(badSAN), aRoot()), target: leaf, want: "20@0"},
		{name: "target with a critical extension", ca: one(aRoot()), target: aLeaf(critical, unmadePoint), want: "OK"},
		{name: "target's signature has no strength", args: []string{"-auth_level", "1"}, ca: one(aRoot()), target: leaf, want: "68@0"},
		{name: "anchor", ca: one(root), target: aLeaf(), want: "OK"},
		{name: "anchor, in a list", trusted: one(root), target: aLeaf(), want: "20@0"},
		{name: "anchor, in a list, twice", trusted: one(root, root), target: aLeaf(), want: "20@0"},
		{name: "intermediate", ca: one(aRoot()), untrusted: one(anIntermediate(unmadePoint)), target: under(), want: "20@0"},
		{name: "self-signed target", ca: one(aLeaf()), target: alone, want: "20@0"},
		{name: "self-signed target that is trusted", ca: one(alone), target: alone, want: "18@0"},
		{name: "trusted target, partial", args: []string{"-partial_chain"}, trusted: one(leaf), target: leaf, want: "OK"},
		{name: "and invalid, too", args: []string{"-partial_chain"}, ca: one(invalid), target: invalid, want: "OK"},
	})
	openssltest.Path(t)
	every := 9 // of the grid, unless openssl is required, as in CI
	if os.Getenv("PKITOOL_REQUIRE_OPENSSL") != "" {
		every = 1
	}
	count := 0
	mark := func(yes bool) [][]byte {
		if yes {
			return one(unmadePoint)
		}
		return nil
	}
	for n := range 8 {
		anchor, twin := aRoot(mark(n&1 != 0)...), aRoot(append(mark(n&1 != 0), skid(1))...)
		inter, target := anIntermediate(mark(n&2 != 0)...), under(mark(n&4 != 0)...)
		for i, trusted := range [][][]byte{one(anchor), one(anchor, twin), one(inter), one(inter, anchor), one(target, anchor), one(aRoot(badSAN), anchor)} {
			for j, untrusted := range [][][]byte{nil, one(inter), one(inter, anchor)} {
				for _, args := range [][]string{nil, {"-partial_chain"}, {"-check_ss_sig", "-x509_strict"}} {
					for _, store := range []bool{false, true} {
						a := asked{name: fmt.Sprint(n, i, j, args, store), args: args, trusted: trusted, untrusted: untrusted, target: target}
						if store {
							a.ca, a.trusted = trusted, nil
						}
						if count++; count%every != 0 {
							continue
						}
						assert.Equal(t, a.openssl(t), a.ours(t), a.name)
					}
				}
			}
		}
	}
}
