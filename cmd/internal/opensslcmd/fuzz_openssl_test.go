package opensslcmd_test

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/internal/openssltest"
)

// mutate changes octets of the certificates and CRLs of a case: for every three octets of changes it picks a place
// and flips bits there. The files stay good PEM.
func mutate(c cases.Case, changes []byte) cases.Case {
	type place struct{ file, block int }
	var places []place
	files := make([][]*pem.Block, len(c.Files))
	for i, f := range c.Files {
		for rest := f.Data; ; {
			var b *pem.Block
			if b, rest = pem.Decode(rest); b == nil {
				break
			}
			b.Bytes = bytes.Clone(b.Bytes)
			places = append(places, place{i, len(files[i])})
			files[i] = append(files[i], b)
		}
	}
	for ; len(changes) >= 4 && len(places) > 0; changes = changes[4:] {
		p := places[int(changes[0])%len(places)]
		der := files[p.file][p.block].Bytes
		if len(der) > 0 {
			der[(int(changes[1])<<8|int(changes[2]))%len(der)] ^= changes[3]
		}
	}
	out := c
	out.Files = nil
	for i, f := range c.Files {
		if len(files[i]) == 0 {
			out.Files = append(out.Files, f)
			continue
		}
		var text bytes.Buffer
		for _, b := range files[i] {
			_ = pem.Encode(&text, &pem.Block{Type: b.Type, Bytes: b.Bytes})
			// One whose structure broke may still be read, and by its words be mixed.
			out.MixedCRL = out.MixedCRL || b.Type == "X509 CRL"
		}
		out.Files = append(out.Files, cases.File{Name: f.Name, Data: text.Bytes()})
	}
	return out
}

// FuzzAgainstOpenSSL: whatever becomes of a chain's octets, nothing panics, no answer takes long, and where an openssl
// is installed it says the same.
func FuzzAgainstOpenSSL(f *testing.F) {
	for i := range cases.Classes() {
		f.Add(uint8(i), uint32(1), []byte{})
		f.Add(uint8(i), uint32(2), []byte{0, 0, 90, 1})
		f.Add(uint8(i), uint32(3), []byte{1, 1, 20, 0x20, 2, 0, 200, 0xff})
	}
	path, err := exec.LookPath("openssl")
	if err != nil {
		f.Log("OPENSSL IS NOT INSTALLED: only panics and time are looked for")
	}
	f.Fuzz(func(t *testing.T, class uint8, number uint32, changes []byte) {
		defer fuzzbound.Hold(t, len(changes))()
		names := cases.Classes()
		c := mutate(cases.GenerateOf(names[int(class)%len(names)], 99, int(number)), changes[:min(len(changes), 64)])
		dir := filepath.Join(t.TempDir(), "case")
		if err := lay(dir, c); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		own := ours(dir, c.Args)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %s", c, took)
		}
		if own.Exit > 2 {
			t.Fatalf("%s: %s", c, own.Stderr)
		}
		if path == "" || c.RealTime || os.Getenv("PKITOOL_FUZZ_ALONE") != "" {
			return
		}
		theirs, err := openssltest.Verify(path, dir, c.Args)
		if err != nil {
			t.Fatal(err)
		}
		if difference(theirs, own) != "" && !excused(path, dir, c, theirs, own) {
			t.Error(describe(c, theirs, own))
		}
	})
}

// TestMutatedAgainstOpenSSL flips bits in the cases of the differential test: a fixed sample here, and more by
// PKITOOL_DIFF_CASES. What is signed breaks, but not before it was read.
func TestMutatedAgainstOpenSSL(t *testing.T) {
	count, seed := envNumber(t, "PKITOOL_DIFF_CASES", 80), envNumber(t, "PKITOOL_DIFF_SEED", 4)
	var list []cases.Case
	for n := range count {
		c := cases.Generate(uint64(seed), n)
		h := uint32(n)*2654435761 + uint32(seed)
		changes := []byte{byte(h >> 24), byte(h >> 5), byte(h >> 13), byte(1) << (h >> 8 & 7), byte(h >> 16), byte(h), byte(h >> 3), byte(h >> 11)}
		list = append(list, mutate(c, changes[:4+4*(n%2)]))
	}
	agreeOn(t, list)
}
