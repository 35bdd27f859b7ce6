package cases

import (
	"crypto"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// ext is one extension; value is called when the certificate is written, when all issuers are known.
type ext struct {
	oid      string
	critical []byte // nothing, or the encoded BOOLEAN
	value    func(*cert) []byte
}

// cert describes a certificate and is encoded late, so that changes to an issuer reach what it issued.
type cert struct {
	issuer     *cert // nil: itself
	key        *key
	version    []byte // the whole [0] element, or nothing for v1
	serial     []byte // the INTEGER's content
	subject    name
	issuerName *name // where it differs from the issuer's subject
	notBefore  []byte
	notAfter   []byte
	exts       []ext
	uniqueIDs  []byte
	hash       crypto.Hash
	pss        bool
	innerAlg   []byte // where it differs from what the signature is
	outerAlg   []byte
	spki       []byte // where it differs from key's
	signer     *key   // where it differs from the issuer's
	breakSig   func(sig []byte) []byte
	breakTBS   func(tbs []byte) []byte // after signing
	mangle     func(tbs []byte) []byte // before
	skid       []byte                  // where it differs from the key's identifier
	trailer    []byte                  // after the certificate, inside the PEM block
	encoded    []byte
}

var (
	critical    = boolean(0xff)
	criticalBER = boolean(1)
	notCritical = boolean(0)
	version3    = cons(0, integer(2))
)

func fixed(b []byte) func(*cert) []byte { return func(*cert) []byte { return b } }

// put replaces the extension of that type, or adds it.
func (c *cert) put(id string, crit []byte, value []byte) { c.putFunc(id, crit, fixed(value)) }

func (c *cert) putFunc(id string, crit []byte, value func(*cert) []byte) {
	e := ext{id, crit, value}
	if i := c.find(id); i >= 0 {
		c.exts[i] = e
		return
	}
	c.exts = append(c.exts, e)
}

func (c *cert) add(id string, crit []byte, value []byte) {
	c.exts = append(c.exts, ext{id, crit, fixed(value)})
}

func (c *cert) find(id string) int {
	return slices.IndexFunc(c.exts, func(e ext) bool { return e.oid == id })
}

func (c *cert) drop(id string) {
	c.exts = slices.DeleteFunc(c.exts, func(e ext) bool { return e.oid == id })
}

func (c *cert) parent() *cert {
	if c.issuer == nil {
		return c
	}
	return c.issuer
}

func (c *cert) keyID() []byte {
	if c.skid != nil {
		return c.skid
	}
	return c.key.id()
}

func (c *cert) issuerDER() []byte {
	if c.issuerName != nil {
		return c.issuerName.der()
	}
	return c.parent().subject.der()
}

// der encodes once: a certificate that lies in two files is the same in both.
func (c *cert) der() []byte {
	if c.encoded != nil {
		return c.encoded
	}
	signer := c.parent().key
	if c.signer != nil {
		signer = c.signer
	}
	algorithm := signer.algorithm(c.hash, c.pss)
	inner, outer := algorithm, algorithm
	if c.innerAlg != nil {
		inner, outer = c.innerAlg, c.innerAlg
	}
	if c.outerAlg != nil {
		outer = c.outerAlg
	}
	spki := c.key.spki
	if c.spki != nil {
		spki = c.spki
	}
	tbs := seq(c.version, tlv(2, c.serial), inner, c.issuerDER(), seq(c.notBefore, c.notAfter),
		c.subject.der(), spki, c.uniqueIDs, c.extensions())
	if c.mangle != nil {
		tbs = c.mangle(tbs)
	}
	signature := signer.sign(c.hash, c.pss, tbs)
	value := bitString(0, signature)
	if c.breakSig != nil {
		value = c.breakSig(signature)
	}
	if c.breakTBS != nil {
		tbs = c.breakTBS(tbs)
	}
	c.encoded = seq(tbs, outer, value)
	return c.encoded
}

func (c *cert) extensions() []byte {
	if len(c.exts) == 0 {
		return nil
	}
	var list [][]byte
	for _, e := range c.exts {
		list = append(list, seq(oid(e.oid), e.critical, octets(e.value(c))))
	}
	return cons(3, seq(list...))
}

// twin is a copy that can be changed without the original noticing.
func (c *cert) twin() *cert {
	t := *c
	t.encoded = nil
	t.exts = slices.Clone(c.exts)
	t.subject = c.subject.clone()
	return &t
}

// timeDER is a Time as RFC 5280 4.1.2.5 wants it.
func timeDER(unix int64) []byte {
	t := time.Unix(unix, 0).UTC()
	if t.Year() >= 1950 && t.Year() < 2050 {
		return tlv(0x17, []byte(t.Format("060102150405Z")))
	}
	return tlv(0x18, []byte(t.Format("20060102150405Z")))
}

func generalizedTime(unix int64) []byte {
	return tlv(0x18, []byte(time.Unix(unix, 0).UTC().Format("20060102150405Z")))
}

func armour(label string, der []byte) string {
	var b strings.Builder
	b.WriteString("-----BEGIN " + label + "-----\n")
	text := base64.StdEncoding.EncodeToString(der)
	for len(text) > 64 {
		b.WriteString(text[:64] + "\n")
		text = text[64:]
	}
	b.WriteString(text + "\n-----END " + label + "-----\n")
	return b.String()
}

// akid encodes an AuthorityKeyIdentifier; nil parts are left out.
func akid(keyID []byte, issuer []byte, serial []byte) []byte {
	var parts [][]byte
	if keyID != nil {
		parts = append(parts, prim(0, keyID))
	}
	if issuer != nil {
		parts = append(parts, cons(1, issuer))
	}
	if serial != nil {
		parts = append(parts, prim(2, serial))
	}
	return seq(parts...)
}

func basicConstraints(ca bool, pathLen int) []byte {
	var parts [][]byte
	if ca {
		parts = append(parts, boolean(0xff))
	}
	if pathLen != noPathLen {
		parts = append(parts, integer(int64(pathLen)))
	}
	return seq(parts...)
}

const noPathLen = -1 << 20

// Key usage bits of RFC 5280 4.2.1.3.
const (
	kuDigitalSignature = iota
	kuNonRepudiation
	kuKeyEncipherment
	kuDataEncipherment
	kuKeyAgreement
	kuCertSign
	kuCRLSign
	kuEncipherOnly
	kuDecipherOnly
)

func eku(ids ...string) []byte {
	var parts [][]byte
	for _, id := range ids {
		parts = append(parts, oid(id))
	}
	return seq(parts...)
}

// General names.
func gnEmail(s string) []byte { return prim(1, []byte(s)) }
func gnDNS(s string) []byte   { return prim(2, []byte(s)) }
func gnURI(s string) []byte   { return prim(6, []byte(s)) }
func gnIP(b ...byte) []byte   { return prim(7, b) }
func gnRID(id string) []byte  { return prim(8, oidOctets(id)) }
func gnDir(n name) []byte     { return cons(4, n.der()) }
func gnOther(id string, value []byte) []byte {
	return cons(0, oid(id), cons(0, value))
}
