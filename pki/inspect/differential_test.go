package inspect_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/inspect"
)

// node is an element of an encoded object that can be changed and encoded again with the lengths around it kept right.
type node struct {
	tag      byte
	content  []byte // of a leaf
	children []*node
	prefix   []byte // octets in front of the children: a BIT STRING's unused bits
	form     int    // of the length: 0 the shortest, 1 a longer one, 2 indefinite
}

func nodes(b []byte) (list []*node) {
	for len(b) > 0 {
		if len(b) < 2 || b[0]&0x1f == 0x1f {
			return nil
		}
		n, at := int(b[1]), 2
		if n > 0x83 || n == 0x80 {
			return nil
		}
		if n > 0x80 {
			if at += n & 0x7f; len(b) < at {
				return nil
			}
			n = 0
			for _, octet := range b[2:at] {
				n = n<<8 | int(octet)
			}
		}
		if len(b) < at+n {
			return nil
		}
		e := &node{tag: b[0], content: b[at : at+n]}
		b = b[at+n:]
		inner := e.content
		if e.tag == 3 && len(inner) > 1 && inner[0] == 0 {
			inner = inner[1:]
		}
		if e.tag&0x20 != 0 || e.tag == 4 || e.tag == 3 && len(inner) > 2 && inner[0] == 0x30 {
			if e.children = nodes(inner); len(e.children) > 0 {
				e.prefix = e.content[:len(e.content)-len(inner)]
			}
		}
		list = append(list, e)
	}
	return list
}

func (e *node) body() []byte {
	if len(e.children) == 0 {
		return e.content
	}
	body := bytes.Clone(e.prefix)
	for _, c := range e.children {
		body = append(body, c.encode()...)
	}
	return body
}

func (e *node) encode() []byte {
	body := e.body()
	switch n := len(body); {
	case e.form == 2 && e.tag&0x20 != 0:
		return slices.Concat([]byte{e.tag, 0x80}, body, []byte{0, 0})
	case e.form == 1 || n > 0xffff:
		return slices.Concat([]byte{e.tag, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body)
	case n > 0x7f:
		return slices.Concat([]byte{e.tag, 0x82, byte(n >> 8), byte(n)}, body)
	default:
		return slices.Concat([]byte{e.tag, byte(n)}, body)
	}
}

func (e *node) walk(visit func(e, parent *node)) {
	for _, c := range e.children {
		visit(c, e)
		c.walk(visit)
	}
}

// mangle changes one element of an encoded object.
func mangle(r *rand.Rand, der []byte) []byte {
	top := &node{children: nodes(der)}
	var all [][2]*node
	top.walk(func(e, parent *node) { all = append(all, [2]*node{e, parent}) })
	if len(all) == 0 {
		return der
	}
	place := all[r.IntN(len(all))]
	e, parent := place[0], place[1]
	at := slices.Index(parent.children, e)
	leaf := func() { e.content, e.children = bytes.Clone(e.body()), nil }
	switch r.IntN(12) {
	case 0:
		parent.children = slices.Delete(parent.children, at, at+1)
		parent.content = nil
	case 1:
		parent.children = slices.Insert(parent.children, at, e)
	case 2:
		tags := []byte{1, 2, 3, 4, 5, 6, 0x0a, 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1c, 0x1e, 0x30, 0x31, 0x80, 0x81, 0x82, 0x86, 0x87, 0x88, 0xa0, 0xa1, 0xa4, e.tag ^ 0x20}
		e.tag = tags[r.IntN(len(tags))]
	case 3, 4, 5:
		if leaf(); len(e.content) > 0 {
			e.content[r.IntN(len(e.content))] ^= 1 << r.IntN(8)
		}
	case 6:
		leaf()
		e.content = e.content[:r.IntN(len(e.content)+1)]
	case 7:
		leaf()
		tails := [][]byte{{0}, {0, 0}, {0xff}, {5, 0}, []byte("A"), []byte("é"), {0x1b}}
		e.content = append(e.content, tails[r.IntN(len(tails))]...)
	case 8:
		e.form = 1 + r.IntN(2)
	case 9:
		other := r.IntN(len(parent.children))
		parent.children[at], parent.children[other] = parent.children[other], parent.children[at]
	case 10:
		other := all[r.IntN(len(all))][0]
		parent.children[at] = &node{tag: other.tag, content: bytes.Clone(other.body())}
	case 11:
		leaf()
		e.content = append([]byte{[]byte{0, 0xff, 0x80, 1}[r.IntN(4)]}, e.content...)
	}
	return top.body()
}

// commands are what openssl shows each label with.
var commands = map[string]string{"CERTIFICATE": "x509", "TRUSTED CERTIFICATE": "x509", "CERTIFICATE REQUEST": "req", "X509 CRL": "crl"}

// shown is what both write of an object, made alike where they differ by design; "" for one that is not read.
func (s shell) shown(label string, der []byte) (ours, openssls string) {
	data := pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
	if objects, faults := inspect.Parse(data); len(faults) == 0 && len(objects) == 1 {
		ours = objects[0].Text()
	}
	c := exec.Command("openssl", commands[label], "-noout", "-text")
	c.Stdin = bytes.NewReader(data)
	out, _ := c.Output()
	ours, openssls = alike(ours), alike(opensslError.ReplaceAllString(string(out), ""))
	if stopped := strings.TrimRight(openssls, "\n"); stopped != "" && !strings.Contains(stopped, "Signature Value:") && strings.HasPrefix(ours, stopped) {
		return openssls, openssls // it gives up in the middle, at a time that is none or an attribute without values
	}
	if otherKey.MatchString(ours) && ours != openssls {
		ours, openssls = keyBlock.ReplaceAllString(ours, "$1"), keyBlock.ReplaceAllString(openssls, "$1")
	}
	if unbroken.Replace(ours) == unbroken.Replace(openssls) {
		return openssls, openssls // a line end in a name is a dot here
	}
	return ours, openssls
}

var unbroken = strings.NewReplacer("\n", "", ".", "")

var (
	// otherKey is a key of a type that is not supported: of it the name and the octets are written.
	otherKey     = regexp.MustCompile(`(?m)^ {16}\S.* Public-Key:$`)
	opensslError = regexp.MustCompile(`(?m)^[0-9A-F]+:error:.*\n`)
	keyBlock     = regexp.MustCompile(`(?m)^( {12}Public Key Algorithm: .*\n)(?: {12}.*\n)*`)
)

// alike puts a dot for what no terminal should get.
func alike(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(text, "."))
}

// sources makes objects with everything in them, by label.
func (s shell) sources() map[string][][]byte {
	s.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "k.key")
	s.openssl("genpkey", "-algorithm", "ED25519", "-out", "ed.key")
	s.openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "pss.key")
	s.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "rsa.key")
	out := map[string][][]byte{}
	add := func(file string) {
		data, err := os.ReadFile(filepath.Join(s.dir, file))
		require.NoError(s.t, err)
		b, _ := pem.Decode(data)
		require.NotNil(s.t, b, file)
		out[b.Type] = append(out[b.Type], b.Bytes)
	}
	certificate := func(args ...string) {
		s.openssl(append([]string{"req", "-x509", "-new", "-config", "c.cnf", "-out", "o.crt"}, args...)...)
		add("o.crt")
	}
	certificate("-key", "k.key", "-extensions", "all", "-subj", "/CN=aé/O=x y/O=z", "-utf8")
	certificate("-key", "ed.key", "-extensions", "more", "-subj", "/CN=more/serialNumber=5")
	certificate("-key", "pss.key", "-subj", "/CN=pss")
	certificate("-key", "rsa.key", "-subj", "/CN=short", "-set_serial", "5", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
	certificate("-key", "rsa.key", "-extensions", "plain", "-subj", "/CN=rsa")
	s.openssl("x509", "-in", "o.crt", "-trustout", "-addtrust", "serverAuth", "-addreject", "clientAuth", "-setalias", "an alias", "-out", "o.trusted")
	add("o.trusted")
	for _, reqexts := range []string{"asked", "more"} {
		s.openssl("req", "-new", "-key", "k.key", "-config", "a.cnf", "-reqexts", reqexts, "-out", "o.csr")
		add("o.csr")
	}
	certificate("-key", "k.key", "-extensions", "all", "-subj", "/CN=ca")
	s.write("index", "R\t271124120000Z\t251124120000Z,keyCompromise\t01\tunknown\t/CN=a\nR\t271124120000Z\t251124120000Z,CAkeyTime,20200101000000Z\t02\tunknown\t/CN=b\n")
	for _, section := range []string{"ce", "ceNamed", "ceCA"} {
		s.write("number", "05\n")
		s.openssl("ca", "-gencrl", "-config", "c.cnf", "-crlexts", section, "-keyfile", "k.key", "-cert", "o.crt", "-crldays", "30", "-out", "x.crl")
		add("x.crl")
	}
	return out
}

// TestTextOfMangledObjects changes sound objects at random, an element at a time, and asks openssl what it makes of them:
// it reads the same objects, and writes the same. PKITOOL_DIFF_CASES sets how many.
func TestTextOfMangledObjects(t *testing.T) {
	s := newShell(t)
	sources := s.sources()
	count := 60
	if n, err := strconv.Atoi(os.Getenv("PKITOOL_DIFF_CASES")); err == nil {
		count = n
	}
	labels := []string{"CERTIFICATE", "CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL", "TRUSTED CERTIFICATE"}
	seed, _ := strconv.ParseUint(os.Getenv("PKITOOL_DIFF_SEED"), 10, 64)
	differ, read := 0, 0
	for i := range count {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		label := labels[r.IntN(len(labels))]
		der := sources[label][r.IntN(len(sources[label]))]
		for range 1 + r.IntN(2) {
			der = mangle(r, der)
		}
		ours, openssls := s.shown(label, der)
		if ours != "" {
			read++
		}
		if !assert.Equal(t, openssls, ours, "case %d of seed %d:\n%s", i, seed, pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})) {
			if differ++; differ > 20 {
				t.Fatal("and more")
			}
		}
	}
	assert.Greater(t, read, count/4, "hardly any object was read")
	fmt.Fprintln(os.Stderr, "compared", count, "objects,", read, "of them read")
}
