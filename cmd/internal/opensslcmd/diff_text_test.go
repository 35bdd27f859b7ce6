package opensslcmd_test

import (
	"bytes"
	"encoding/pem"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// Names are written as openssl writes them, with any mixture of -nameopt's words.
func TestNameOptionsAgainstOpenSSL(t *testing.T) {
	seed := uint64(envNumber(t, "PKITOOL_DIFF_SEED", 11))
	r := rand.New(rand.NewPCG(seed, 0))
	words := openssl.NameOptionWords()
	var list []cases.Case
	for n := range envNumber(t, "PKITOOL_DIFF_CASES", 100) {
		c := cases.GenerateOf("names", seed, n)
		c.Args = withoutOption(c.Args, "-nameopt")
		more := []string{"-show_chain"}
		for range 1 + r.IntN(2) {
			var chosen []string
			for range 1 + r.IntN(5) {
				w := words[r.IntN(len(words))]
				switch r.IntN(12) {
				case 0, 1, 2:
					w = "-" + w
				case 3:
					w = "+" + strings.ToUpper(w)
				case 4:
					w = " " + w + ": x "
				}
				chosen = append(chosen, w)
			}
			if r.IntN(40) == 0 {
				chosen = append(chosen, []string{"", "nonsense", "-", ":"}[r.IntN(4)])
			}
			more = append(more, "-nameopt", strings.Join(chosen, ","))
		}
		c.Args = append(more, c.Args...)
		list = append(list, c)
	}
	agreeOn(t, list)
}

func withoutOption(args []string, name string) []string {
	args = slices.Clone(args)
	for i := slices.Index(args, name); i >= 0; i = slices.Index(args, name) {
		args = slices.Delete(args, i, i+2)
	}
	return args
}

// Files whose text was changed at random are read as openssl reads them: what is a block, what is passed over, what
// makes the whole file useless.
func TestFileTextAgainstOpenSSL(t *testing.T) {
	seed := uint64(envNumber(t, "PKITOOL_DIFF_SEED", 12))
	r := rand.New(rand.NewPCG(seed, 1))
	var list []cases.Case
	for n := range envNumber(t, "PKITOOL_DIFF_CASES", 100) {
		c := cases.GenerateOf([]string{"chain", "crl", "trust"}[r.IntN(3)], seed, n)
		c.Files = slices.Clone(c.Files)
		for range 1 + r.IntN(2) {
			f := &c.Files[r.IntN(len(c.Files))]
			f.Data = scribble(r, f.Data)
		}
		c.DeltaCRL, c.MixedCRL = true, true // for the table of exceptions: they may be, or not
		list = append(list, c)
	}
	agreeOn(t, list)
}

// scribble changes a file's text once.
func scribble(r *rand.Rand, text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	i := r.IntN(len(lines))
	at := r.IntN(len(text) + 1)
	insert := func(s string) []byte { return slices.Concat(text[:at], []byte(s), text[at:]) }
	switch r.IntN(19) {
	case 0:
		return bytes.Join(slices.Delete(slices.Clone(lines), i, i+1), nil)
	case 1:
		return bytes.Join(slices.Insert(slices.Clone(lines), i, lines[i]), nil)
	case 2:
		other := []string{"\n", "\r\n", " \n", "Comment: x\n", "Proc-Type: 4,ENCRYPTED\n", "a: b\n", "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", "-----BEGIN X-----\n", "text\n", "====\n", "\xef\xbb\xbf"}
		return bytes.Join(slices.Insert(slices.Clone(lines), i, []byte(other[r.IntN(len(other))])), nil)
	case 3:
		return insert("\n")
	case 4:
		return insert([]string{"\x00", "\x80", "=", "-", ":", " ", "\t", "A", "*", "\r", "\xff\xfe"}[r.IntN(11)])
	case 5:
		return text[:at]
	case 6:
		return text[at:]
	case 7:
		return bytes.ReplaceAll(text, []byte("CERTIFICATE"), []byte([]string{"X509 CERTIFICATE", "TRUSTED CERTIFICATE", "CERT", "certificate", "X509 CRL", "FOO", "PUBLIC KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE REQUEST"}[r.IntN(10)]))
	case 8:
		return bytes.ReplaceAll(text, []byte("\n"), []byte([]string{"\r\n", "\r", "\n\n", " \n", "\n ", "\n\t"}[r.IntN(6)]))
	case 9:
		return bytes.ReplaceAll(text, []byte("-----BEGIN"), []byte([]string{"----BEGIN", " -----BEGIN", "------BEGIN", "-----BEGIN "}[r.IntN(4)]))
	case 10: // one long line a block, or lines of another length
		return rewrap(text, []int{76, 65, 64, 63, 200, 253, 254, 255, 256, 4000, 1}[r.IntN(11)])
	case 11:
		return append(bytes.Repeat([]byte("x"), []int{10, 200, 253, 254, 255, 300}[r.IntN(6)]), text...)
	case 12:
		return append(bytes.Clone(text), text...)
	case 13:
		return append(bytes.Clone(text), []string{"-----BEGIN CERTIFICATE-----\n", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "\x30\x82\x01\x00abc", "\x30\x03\x02\x01\x05", "-----BEGIN EMPTY-----\n-----END EMPTY-----\n"}[r.IntN(6)]...)
	case 14: // a character replaced
		if at < len(text) {
			text = bytes.Clone(text)
			text[at] = []byte("A=-*\n \x00:")[r.IntN(8)]
		}
		return text
	case 15: // all blocks as they are in binary
		var out []byte
		for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
			out = append(out, b.Bytes...)
		}
		return out
	case 16: // an element in front, in the same line
		front := []string{"\x30\x00abcdef", "\x30\x80\x00\x00abcdef", "\x30\x0a", "\x04\x80abcdef", "-", "\x00\x00abcdef", "\x30\x82\x01\x00"}
		return append([]byte(front[r.IntN(len(front))]), text...)
	case 17: // a key, or what calls itself one
		labels := []string{"EC PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "FOO PRIVATE KEY", "EC PARAMETERS"}
		key := pem.EncodeToMemory(&pem.Block{Type: labels[r.IntN(len(labels))], Bytes: append([]byte{0x30, 0x31, 2, 1, 1, 4, 32, 35: 0x42},
			0x42, 0x42, 0x42, 0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7)})
		return append(key, text...)
	}
	b := bytes.TrimSpace(text)
	return bytes.ReplaceAll(b, []byte("-----\n"), []byte("-----\n\n"))
}

// rewrap breaks the base64 of every block into lines of that length.
func rewrap(text []byte, width int) []byte {
	var out, body bytes.Buffer
	flush := func() {
		for b := body.Bytes(); len(b) > 0; {
			n := min(width, len(b))
			out.Write(b[:n])
			out.WriteByte('\n')
			b = b[n:]
		}
		body.Reset()
	}
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("-----")) {
			flush()
			out.Write(line)
			continue
		}
		body.Write(bytes.TrimSpace(line))
	}
	flush()
	return out.Bytes()
}
