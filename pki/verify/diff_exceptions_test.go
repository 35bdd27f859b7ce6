package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/internal/cases"
)

// An exceptionRow is a class of cases in which this program differs from some openssl on purpose. Where the two
// differ, the row must show by a detour that nothing else is behind it.
type exceptionRow struct {
	name, reason string
	applies      func(c cases.Case) bool
	proven       func(path, dir string, c cases.Case, theirs, own outcome) bool
}

var exceptions = []exceptionRow{
	{
		name:    "delta CRL as a complete one",
		reason:  "up to 3.0.19 openssl takes a delta CRL for a complete one unless -extended_crl is given; later versions never do, and we follow them",
		applies: func(c cases.Case) bool { return c.DeltaCRL },
		proven: func(path, dir string, c cases.Case, _, own outcome) bool {
			if !slices.Contains(c.Args, "-use_deltas") {
				// Nobody asked for deltas: it must be as if there were none.
				stripped := withoutCRLs(c, isDelta)
				theirs, again, err := both(path, dir, stripped)
				return err == nil && difference(theirs, again) == "" && difference(own, again) == ""
			}
			// With -extended_crl old versions do not take them for complete ones either, but for those of some reasons.
			extended := withoutCRLs(c, func(der []byte) bool { return isDelta(der) && hasReasons(der) })
			extended.Args = append([]string{"-extended_crl"}, extended.Args...)
			theirs, again, err := both(path, dir, extended)
			return err == nil && difference(theirs, again) == ""
		},
	},
	{
		name:    "CRL with two algorithms",
		reason:  "up to 3.0.19 openssl does not compare the algorithm inside of what a CRL's issuer signed with the one outside; later versions report error 8, and so do we",
		applies: func(c cases.Case) bool { return c.MixedCRL },
		proven: func(_, _ string, _ cases.Case, theirs, own outcome) bool {
			mine, others := own.findings(), theirs.findings()
			if len(mine) == 0 || mine[len(mine)-1].Code != int(verify.ErrCRLSignatureFailure) {
				return false
			}
			before := mine[:len(mine)-1]
			return len(others) >= len(before) && slices.Equal(others[:len(before)], before)
		},
	},
}

// excused reports whether a row of the table explains the difference.
func excused(path, dir string, c cases.Case, theirs, own outcome) bool {
	for _, row := range exceptions {
		if row.applies(c) && row.proven(path, dir+"-detour", c, theirs, own) {
			return true
		}
	}
	return false
}

func isDelta(der []byte) bool {
	l, err := verify.ParseCRL(der)
	return err == nil && l.IsDelta()
}

// hasReasons looks for onlySomeReasons, [3], in an issuing distribution point.
func hasReasons(der []byte) bool {
	at := bytes.Index(der, []byte{6, 3, 0x55, 0x1d, 28})
	if at < 0 {
		return false
	}
	rest := cryptobyte.String(der[at+5:])
	var value, point cryptobyte.String
	if !rest.SkipOptionalASN1(asn1.BOOLEAN) || !rest.ReadASN1(&value, asn1.OCTET_STRING) || !value.ReadASN1(&point, asn1.SEQUENCE) {
		return false
	}
	for !point.Empty() {
		var field cryptobyte.String
		var tag asn1.Tag
		if !point.ReadAnyASN1(&field, &tag) {
			return false
		}
		if tag == asn1.Tag(3).ContextSpecific() {
			return true
		}
	}
	return false
}

// withoutCRLs is the case with a list of a stranger in the place of each such CRL: nothing looks at it, and what
// else the file holds is read as before, or fails as before.
func withoutCRLs(c cases.Case, drop func(der []byte) bool) cases.Case {
	out := c
	out.Files, out.Args = nil, slices.Clone(c.Args)
	for _, f := range c.Files {
		var changed bytes.Buffer
		dropped := false
		for rest := f.Data; ; {
			var b *pem.Block
			if b, rest = pem.Decode(rest); b == nil {
				break
			}
			if b.Type == "X509 CRL" && drop(b.Bytes) {
				dropped = true
				b.Bytes = strangersCRL()
			}
			_ = pem.Encode(&changed, b)
		}
		if dropped {
			f.Data = changed.Bytes()
		}
		out.Files = append(out.Files, f)
	}
	return out
}

// strangersCRL is a complete list by somebody whom no case knows.
var strangersCRL = sync.OnceValue(func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	issuer := &x509.Certificate{Subject: pkix.Name{CommonName: "a stranger"}, SubjectKeyId: []byte{1}, KeyUsage: x509.KeyUsageCRLSign}
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Unix(0, 0), NextUpdate: time.Unix(1<<33, 0)}, issuer, key)
	if err != nil {
		panic(err)
	}
	return list
})

// Each row must still be needed: among many cases one that it applies to differs, on the versions it is about.
func TestExceptionsStillDiffer(t *testing.T) {
	path, version := openSSL(t), openSSLVersion(t)
	if version != "3.0.19" {
		t.Skipf("openssl is %s: the exceptions are about 3.0.19", version)
	}
	for _, row := range exceptions {
		t.Run(row.name, func(t *testing.T) {
			differs := false
			for n := 0; n < 60000 && !differs; n++ {
				c := cases.Generate(1, n)
				if !row.applies(c) {
					continue
				}
				dir := filepath.Join(t.TempDir(), "case")
				theirs, own, err := both(path, dir, c)
				require.NoError(t, err)
				differs = difference(theirs, own) != "" && row.proven(path, dir+"-detour", c, theirs, own)
			}
			assert.True(t, differs, "the row is not needed any more: %s", row.reason)
		})
	}
}
