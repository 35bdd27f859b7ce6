package verify_test

import "testing"

// A certificate that is invalid can still be an anchor, with partial chains and all alone. openssl
// keeps what it had read of it by then, and judges that.
func TestInvalidAnchor(t *testing.T) {
	badSAN := san([]byte{5, 0})
	flip := func(signature []byte) []byte {
		signature[len(signature)-1] ^= 1
		return signature
	}
	more := []byte{4, 0}
	var list []asked
	for _, row := range []struct {
		name   string
		exts   [][]byte
		tamper bool
		check  bool // -check_ss_sig
		want   string
	}{
		{"signature is not asked for", [][]byte{isCA, badSAN}, true, false, "OK"},
		{"good signature", [][]byte{isCA, badSAN}, false, true, "OK"},
		{"bad signature", [][]byte{isCA, badSAN}, true, true, "7@0"},
		{"may not sign", [][]byte{isCA, leafUse, badSAN}, false, true, "32@0"},
		{"may not sign and is no CA", [][]byte{leafUse, badSAN}, true, true, "7@0"},
		{"basicConstraints twice", [][]byte{isCA, isCA}, true, true, "7@0"},
		{"names another key", [][]byte{isCA, akid(forgeTLV(0x80, []byte{1})), skid(9), badSAN}, true, true, "OK"},
		{"unknown critical extension", [][]byte{isCA, badSAN, ext("1.2.3", true, nil)}, true, true, "34@0 7@0"},
		{"names another key, with more behind", [][]byte{isCA, akid(forgeTLV(0x80, []byte{1}), more), skid(9)}, true, true, "7@0"},
		{"names another key twice", [][]byte{isCA, akid(forgeTLV(0x80, []byte{1})), akid(forgeTLV(0x80, []byte{1})), skid(9)}, true, true, "7@0"},
	} {
		p := parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: row.exts}
		if row.tamper {
			p.tamper = flip
		}
		anchor, args := p.make(), []string{"-partial_chain"}
		if row.check {
			args = append(args, "-check_ss_sig")
		}
		list = append(list, asked{name: row.name, args: args, ca: [][]byte{anchor}, target: anchor, want: row.want})
	}
	ask(t, list)
}
