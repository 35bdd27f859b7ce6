package cases

import (
	"bytes"
	"crypto"
)

// revoked is one entry of a CRL.
type revoked struct {
	serial []byte
	date   []byte
	exts   []ext
}

// crl describes a certificate revocation list, encoded late as cert is.
type crl struct {
	issuer     *cert
	issuerName *name
	signer     *key
	version    []byte
	thisUpdate []byte
	nextUpdate []byte
	entries    []revoked
	exts       []ext
	hash       crypto.Hash
	innerAlg   []byte
	outerAlg   []byte
	breakSig   func([]byte) []byte
	mangle     func(tbs []byte) []byte // before signing
	encoded    []byte
	mixed      bool // known once it is encoded
}

func (l *crl) put(id string, crit []byte, value []byte) {
	l.drop(id)
	l.exts = append(l.exts, ext{id, crit, fixed(value)})
}

func (l *crl) drop(id string) {
	var kept []ext
	for _, e := range l.exts {
		if e.oid != id {
			kept = append(kept, e)
		}
	}
	l.exts = kept
}

func (l *crl) twin() *crl {
	t := *l
	t.encoded = nil
	t.exts = append([]ext{}, l.exts...)
	t.entries = append([]revoked{}, l.entries...)
	return &t
}

func (l *crl) der() []byte {
	if l.encoded != nil {
		return l.encoded
	}
	signer := l.issuer.key
	if l.signer != nil {
		signer = l.signer
	}
	issuerName := l.issuer.subject
	if l.issuerName != nil {
		issuerName = *l.issuerName
	}
	inner := signer.algorithm(l.hash, false)
	if l.innerAlg != nil {
		inner = l.innerAlg
	}
	outer := inner
	if l.outerAlg != nil {
		outer = l.outerAlg
	}
	l.mixed = !bytes.Equal(inner, outer)
	var entries [][]byte
	for _, e := range l.entries {
		entries = append(entries, seq(tlv(2, e.serial), e.date, l.extensions(e.exts)))
	}
	var list, exts []byte
	if len(entries) > 0 {
		list = seq(entries...)
	}
	if len(l.exts) > 0 {
		exts = cons(0, l.extensions(l.exts))
	}
	tbs := seq(l.version, inner, issuerName.der(), l.thisUpdate, l.nextUpdate, list, exts)
	if l.mangle != nil {
		tbs = l.mangle(tbs)
		l.mixed = true // it may be now
	}
	signature := signer.sign(l.hash, false, tbs)
	value := bitString(0, signature)
	if l.breakSig != nil {
		value = l.breakSig(signature)
	}
	l.encoded = seq(tbs, outer, value)
	return l.encoded
}

func (l *crl) extensions(exts []ext) []byte {
	if len(exts) == 0 {
		return nil
	}
	var parts [][]byte
	for _, e := range exts {
		parts = append(parts, seq(oid(e.oid), e.critical, octets(e.value(l.issuer))))
	}
	return seq(parts...)
}
