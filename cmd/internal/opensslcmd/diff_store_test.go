package opensslcmd_test

import (
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
	"github.com/pkitool/pkitool/pki/verify"
)

// Anchors and CRLs in directories by hash, in -CAstore, and beside a -CAfile, are found as openssl finds them.
func TestStoresAgainstOpenSSL(t *testing.T) {
	seed := uint64(envNumber(t, "PKITOOL_DIFF_SEED", 13))
	r := rand.New(rand.NewPCG(seed, 2))
	var list []cases.Case
	classes := []string{"chain", "crl", "trust", "names", "indirect", "identifiers", "time"}
	for n := 0; len(list) < envNumber(t, "PKITOOL_DIFF_CASES", 80); n++ {
		c := cases.GenerateOf(classes[r.IntN(len(classes))], seed, n)
		if i := slices.Index(c.Args, "-CAfile"); i >= 0 && !c.DeltaCRL {
			list = append(list, hashed(r, c))
		}
	}
	agreeOn(t, list)
}

// hashed moves the blocks of ca.pem, or some of them, to a directory or a store.
func hashed(r *rand.Rand, c cases.Case) cases.Case {
	var files []cases.File
	var left, moved []byte
	counts := map[string]int{}
	mode := r.IntN(5) // 0, 1: all to a directory; 2: some; 3: all to a -CAstore file; 4: some
	for _, f := range c.Files {
		if f.Name != "ca.pem" {
			files = append(files, f)
			continue
		}
		for rest := f.Data; ; {
			var b *pem.Block
			if b, rest = pem.Decode(rest); b == nil {
				break
			}
			text := pem.EncodeToMemory(b)
			key, ok := hashName(b)
			switch {
			case !ok || mode%2 == 0 && mode > 0 && r.IntN(2) == 0:
				left = append(left, text...)
			case mode >= 3:
				moved = append(moved, text...)
			default:
				files = append(files, cases.File{Name: fmt.Sprintf("hashed/%s%d", key, counts[key]), Data: text})
				counts[key]++
			}
		}
	}
	args := slices.DeleteFunc(slices.Clone(c.Args), func(a string) bool { return a == "-CAfile" || a == "ca.pem" })
	switch {
	case mode < 3:
		option := []string{"-CApath", "-CAstore"}[r.IntN(2)]
		files = append(files, cases.File{Name: "hashed/README", Data: []byte("no certificate")})
		args = append([]string{option, "hashed"}, args...)
	case len(moved) > 0:
		files = append(files, cases.File{Name: "store.pem", Data: moved})
		args = append([]string{"-CAstore", "store.pem"}, args...)
	}
	if len(left) > 0 {
		files = append(files, cases.File{Name: "ca.pem", Data: left})
		args = append([]string{"-CAfile", "ca.pem"}, args...)
	}
	// The system's own places are empty in these runs, but openssl would still look there, and sometimes stop at it.
	for option, no := range map[string]string{"-CAfile": "-no-CAfile", "-CApath": "-no-CApath", "-CAstore": "-no-CAstore"} {
		if !slices.Contains(args, option) {
			args = append([]string{no}, args...)
		}
	}
	c.Files, c.Args = files, args
	c.Class += fmt.Sprintf(" in a store, %d", mode)
	return c
}

// hashName is the file name for a block, without its number.
func hashName(b *pem.Block) (string, bool) {
	if b.Type == "X509 CRL" {
		l, err := verify.ParseCRL(b.Bytes)
		if err != nil {
			return "", false
		}
		return fmt.Sprintf("%08x.r", l.Issuer().Hash()), true
	}
	c, err := verify.ParseTrustedCertificate(b.Bytes)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("%08x.", c.Subject().Hash()), true
}
