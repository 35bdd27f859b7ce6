package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// forgeTime is the moment at which forged chains are judged.
var forgeTime = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func forgeTLV(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out, err := asn1.Marshal(asn1.RawValue{Tag: 4, Bytes: body})
	if err != nil {
		panic(err)
	}
	out[0] = tag
	return out
}

func forgeSeq(parts ...[]byte) []byte { return forgeTLV(0x30, parts...) }

func forgeOID(dotted string) []byte {
	var id asn1.ObjectIdentifier
	for arc := range strings.SplitSeq(dotted, ".") {
		n, err := strconv.Atoi(arc)
		if err != nil {
			panic(err)
		}
		id = append(id, n)
	}
	out, err := asn1.Marshal(id)
	if err != nil {
		panic(err)
	}
	return out
}

func forgeInt(n int64) []byte {
	out, err := asn1.Marshal(big.NewInt(n))
	if err != nil {
		panic(err)
	}
	return out
}

func forgeBits(unused byte, octets ...byte) []byte { return forgeTLV(3, []byte{unused}, octets) }

func forgeUTCTime(t time.Time) []byte {
	return forgeTLV(0x17, []byte(t.UTC().Format("060102150405Z")))
}

func forgeAttr(id, value string) []byte {
	return forgeSeq(forgeOID(id), forgeTLV(0x0c, []byte(value)))
}

func forgeCN(values ...string) []byte {
	var rdns [][]byte
	for _, v := range values {
		rdns = append(rdns, forgeTLV(0x31, forgeAttr("2.5.4.3", v)))
	}
	return forgeSeq(rdns...)
}

// forgeDir is a GeneralName of type directoryName.
func forgeDir(name []byte) []byte { return forgeTLV(0xa4, name) }

func forgeURI(s string) []byte { return forgeTLV(0x86, []byte(s)) }

type forgedExt struct {
	id       string
	critical bool
	value    []byte
}

func forgeExts(exts []forgedExt) []byte {
	var list [][]byte
	for _, e := range exts {
		var critical []byte
		if e.critical {
			critical = []byte{1, 1, 0xff}
		}
		list = append(list, forgeSeq(forgeOID(e.id), critical, forgeTLV(4, e.value)))
	}
	return forgeSeq(list...)
}

var (
	forgedCA    = forgedExt{"2.5.29.19", true, forgeSeq([]byte{1, 1, 0xff})}
	forgedCAUse = forgedExt{"2.5.29.15", true, forgeBits(1, 0x06)} // keyCertSign, cRLSign
	forgedCRLKU = forgedExt{"2.5.29.15", true, forgeBits(1, 0x02)}
	forgedCSKU  = forgedExt{"2.5.29.15", true, forgeBits(2, 0x04)}
	forgedDSKU  = forgedExt{"2.5.29.15", true, forgeBits(7, 0x80)}
	asRoot      = []forgedExt{forgedCA, forgedCAUse}
)

func forgeKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// spki is the certificate's key, with a curve by name or spelt out.
func (c *forgedCert) spki() []byte {
	if !c.spelt {
		return forgeSPKI(c.key)
	}
	p := c.key.Curve.Params()
	number := func(n *big.Int) []byte {
		out, err := asn1.Marshal(n)
		if err != nil {
			panic(err)
		}
		return out
	}
	size := (p.BitSize + 7) / 8
	octets := func(n *big.Int) []byte { return forgeTLV(4, n.FillBytes(make([]byte, size))) }
	point, err := c.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	base := append([]byte{4}, append(p.Gx.FillBytes(make([]byte, size)), p.Gy.FillBytes(make([]byte, size))...)...)
	params := forgeSeq(forgeInt(1), forgeSeq(forgeOID("1.2.840.10045.1.1"), number(p.P)),
		forgeSeq(octets(new(big.Int).Sub(p.P, big.NewInt(3))), octets(p.B)), forgeTLV(4, base), number(p.N))
	return forgeSeq(forgeSeq(forgeOID("1.2.840.10045.2.1"), params), forgeBits(0, point...))
}

func forgeSPKI(key *ecdsa.PrivateKey) []byte {
	curve := map[string]string{
		"P-256": "1.2.840.10045.3.1.7", "P-224": "1.3.132.0.33", "P-384": "1.3.132.0.34", "P-521": "1.3.132.0.35",
	}[key.Curve.Params().Name]
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return forgeSeq(forgeSeq(forgeOID("1.2.840.10045.2.1"), forgeOID(curve)), forgeBits(0, point...))
}

var (
	forgedSHA256 = forgeSeq(forgeOID("1.2.840.10045.4.3.2"))
	forgedSHA384 = forgeSeq(forgeOID("1.2.840.10045.4.3.3"))
)

func forgeSign(key *ecdsa.PrivateKey, tbs, inner, outer []byte) []byte {
	digest := sha256.Sum256(tbs)
	sum := digest[:]
	if bytes.Equal(inner, forgedSHA384) {
		long := sha512.Sum384(tbs)
		sum = long[:]
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum)
	if err != nil {
		panic(err)
	}
	return forgeSeq(tbs, outer, forgeBits(0, signature...))
}

// forgedCert is a certificate described field by field; its zero values are what a plain one has.
type forgedCert struct {
	name     []byte
	issuer   *forgedCert // nil: itself
	serial   int64
	version  int64 // 0: v3, -1: v1
	from, to time.Time
	exts     []forgedExt
	key      *ecdsa.PrivateKey
	bare     bool // no key identifiers
	spelt    bool // the key's curve is spelt out
	alg      []byte
	der      []byte
}

func (c *forgedCert) keyID() []byte {
	sum := sha256.Sum256(c.spki())
	return sum[:20]
}

// issue makes the certificate.
func (c forgedCert) issue() *forgedCert {
	if c.key == nil {
		c.key = forgeKey(elliptic.P256())
	}
	if c.serial == 0 {
		c.serial = 1
	}
	issuer := c.issuer
	if issuer == nil {
		issuer = &c
	}
	if c.from.IsZero() {
		c.from = forgeTime.AddDate(-1, 0, 0)
	}
	if c.to.IsZero() {
		c.to = forgeTime.AddDate(1, 0, 0)
	}
	exts := append([]forgedExt{}, c.exts...)
	if !c.bare {
		exts = append(exts, forgedExt{"2.5.29.14", false, forgeTLV(4, c.keyID())})
		if c.issuer != nil {
			exts = append(exts, forgedExt{"2.5.29.35", false, forgeSeq(forgeTLV(0x80, issuer.keyID()))})
		}
	}
	var version, extensions []byte
	if c.version >= 0 {
		version = forgeTLV(0xa0, forgeInt(max(c.version, 2)))
	}
	if len(exts) > 0 {
		extensions = forgeTLV(0xa3, forgeExts(exts))
	}
	alg := c.alg
	if alg == nil {
		alg = forgedSHA256
	}
	tbs := forgeSeq(version, forgeInt(c.serial), alg, issuer.name, forgeSeq(forgeUTCTime(c.from), forgeUTCTime(c.to)),
		c.name, c.spki(), extensions)
	c.der = forgeSign(issuer.key, tbs, alg, alg)
	return &c
}

type forgedEntry struct {
	serial int64
	exts   []forgedExt
}

// forgedCRL is a CRL described field by field.
type forgedCRL struct {
	issuer     *forgedCert
	name       []byte // nil: the issuer's
	key        *ecdsa.PrivateKey
	this, next time.Time
	endless    bool
	entries    []forgedEntry
	exts       []forgedExt
	v1         bool
	alg, outer []byte
}

func (l forgedCRL) issue() []byte {
	var entries []byte
	for _, e := range l.entries {
		var ext []byte
		if e.exts != nil {
			ext = forgeExts(e.exts)
		}
		entries = append(entries, forgeSeq(forgeInt(e.serial), forgeUTCTime(forgeTime.AddDate(0, -1, 0)), ext)...)
	}
	return l.issueWith(entries)
}

// issueWith makes the CRL with encoded entries.
func (l forgedCRL) issueWith(entries []byte) []byte {
	if l.name == nil {
		l.name = l.issuer.name
	}
	if l.key == nil {
		l.key = l.issuer.key
	}
	if l.this.IsZero() {
		l.this = forgeTime.AddDate(0, 0, -1)
	}
	if l.next.IsZero() {
		l.next = forgeTime.AddDate(0, 0, 7)
	}
	if l.alg == nil {
		l.alg = forgedSHA256
	}
	if l.outer == nil {
		l.outer = l.alg
	}
	var version, next, exts []byte
	if !l.v1 {
		version = forgeInt(1)
	}
	if !l.endless {
		next = forgeUTCTime(l.next)
	}
	if entries != nil {
		entries = forgeSeq(entries)
	}
	if l.exts != nil {
		exts = forgeTLV(0xa0, forgeExts(l.exts))
	}
	tbs := forgeSeq(version, l.alg, l.name, forgeUTCTime(l.this), next, entries, exts)
	return forgeSign(l.key, tbs, l.alg, l.outer)
}
