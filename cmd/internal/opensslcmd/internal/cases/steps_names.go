package cases

import (
	"bytes"
	"math/big"
)

// nameSteps: names, their encodings, and serial numbers.
func nameSteps() []func(*world) {
	return []func(*world){
		func(w *world) { // issuer written otherwise than the issuer's subject
			c := w.issued()
			n := c.parent().subject.variant(w.r)
			c.issuerName = &n
		},
		func(w *world) { // richer names, then a variant
			c := w.ca()
			c.subject = name{{text(oidC, tagPrintable, "DE")}, {text(oidO, tagUTF8, "Example  Org")}, {text(oidCN, tagPrintable, "some ca")}}
			for _, child := range w.chain {
				if child.issuer == c {
					n := c.subject.variant(w.r)
					if w.r.chance(0.5) {
						n = n.variant(w.r)
					}
					child.issuerName = &n
				}
			}
		},
		func(w *world) { c := w.any(); c.subject = oddName(w.r, "odd name") },
		func(w *world) { c := w.leaf(); c.subject = oddName(w.r, "odd leaf") },
		func(w *world) { c := w.root(); c.subject = oddName(w.r, "odd root") },
		func(w *world) { n := name{}; c := w.any(); c.issuerName = &n },
		func(w *world) { // self-signed with issuer and subject written differently
			c := w.root()
			n := c.subject.variant(w.r)
			c.issuerName = &n
		},
		func(w *world) { c := w.any(); c.serial = oddSerial(w.r) },
		func(w *world) { // everybody has the same name
			for _, c := range w.chain {
				c.subject = cn("same")
			}
		},
		func(w *world) { c := w.any(); c.uniqueIDs = pick(w.r, prim(1, []byte{0, 1}), prim(2, []byte{0, 2})) },
	}
}

func oddSerial(r *rng) []byte {
	switch r.IntN(6) {
	case 0:
		return []byte{0}
	case 1:
		return integerOctets(big.NewInt(-100))
	case 2:
		return bytes.Repeat([]byte{0x55}, 40)
	case 3:
		return []byte{0, 1}
	case 4:
		return []byte{}
	}
	return []byte{0xff, 0x80}
}

// identifierSteps: authority and subject key identifiers.
func identifierSteps() []func(*world) {
	other := bytes.Repeat([]byte{7}, 20)
	return []func(*world){
		func(w *world) { w.any().put(oidAKID, nil, akid(other, nil, nil)) },
		func(w *world) { w.any().drop(oidAKID) },
		func(w *world) { w.any().drop(oidSKID) },
		func(w *world) { w.any().skid = pick(w.r, other, []byte{}, []byte{1}) },
		func(w *world) {
			w.any().putFunc(oidAKID, nil, func(c *cert) []byte {
				p := c.parent()
				return akid(p.keyID(), gnDir(decodeName(p)), p.serial)
			})
		},
		func(w *world) {
			w.any().putFunc(oidAKID, nil, func(c *cert) []byte { return akid(nil, gnDir(decodeName(c.parent())), c.parent().serial) })
		},
		func(w *world) { // the subject instead of the issuer of the issuer
			w.any().putFunc(oidAKID, nil, func(c *cert) []byte { return akid(nil, gnDir(c.parent().subject), c.parent().serial) })
		},
		func(w *world) { // another serial
			w.any().putFunc(oidAKID, nil, func(c *cert) []byte { return akid(c.parent().keyID(), gnDir(decodeName(c.parent())), []byte{9}) })
		},
		func(w *world) { w.any().put(oidAKID, nil, akid(nil, nil, []byte{9})) },
		func(w *world) {
			w.any().putFunc(oidAKID, nil, func(c *cert) []byte { return akid(nil, nil, c.parent().serial) })
		},
		func(w *world) { w.any().put(oidAKID, nil, akid(nil, gnDir(cn("nobody")), nil)) },
		func(w *world) { // no directory name, or the wrong one first
			names := pick(w.r, gnDNS("x"), append(gnDNS("x"), gnDir(cn("nobody"))...))
			w.any().put(oidAKID, nil, akid(nil, names, nil))
		},
		func(w *world) {
			w.any().putFunc(oidAKID, nil, func(c *cert) []byte {
				return akid(nil, append(gnDir(decodeName(c.parent())), gnDir(cn("nobody"))...), c.parent().serial)
			})
		},
		func(w *world) { // written with other letter case
			w.any().putFunc(oidAKID, nil, func(c *cert) []byte {
				n := decodeName(c.parent())
				if len(n) > 0 && len(n[0]) > 0 {
					n = n.clone()
					n[0][0].value = bytes.ToUpper(n[0][0].value)
				}
				return akid(nil, gnDir(n), nil)
			})
		},
		func(w *world) { w.any().put(oidAKID, nil, seq()) },
		func(w *world) { w.any().put(oidAKID, nil, akid([]byte{}, nil, nil)) },
		func(w *world) { w.any().put(oidAKID, critical, akid(nil, nil, nil)) },
		func(w *world) { c := w.any(); c.put(oidSKID, critical, octets(c.key.id())) },
		func(w *world) { c := w.any(); c.add(oidSKID, nil, octets(other)) },
		func(w *world) { c := w.any(); c.add(oidAKID, nil, akid(other, nil, nil)) },
		func(w *world) { w.any().put(oidSKID, nil, pick(w.r, []byte{4, 5, 1}, []byte{}, seq(), octets(nil))) },
		func(w *world) {
			w.any().put(oidAKID, nil, pick(w.r, []byte{0x30, 5}, []byte{}, octets(nil), append(seq(), 0)))
		},
	}
}

// decodeName is the issuer name of c: what authorityCertIssuer has to hold for what c issued.
func decodeName(c *cert) name {
	if c.issuerName != nil {
		return *c.issuerName
	}
	return c.parent().subject
}
