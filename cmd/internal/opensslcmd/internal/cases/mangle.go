package cases

import (
	"bytes"
	"slices"
)

// element is a node of a DER tree that can be changed and encoded again, with the lengths around it kept right.
type element struct {
	tag      byte
	content  []byte // of a leaf
	children []*element
	prefix   []byte // an octet of a BIT STRING in front of the children
	form     lengthForm
}

// lengthForm is how the length of an element is written.
type lengthForm int

const (
	shortest lengthForm = iota
	overlong
	indefinite
)

// parseTree takes DER apart, into the values of extensions and keys too. It returns nil for what is not DER.
func parseTree(b []byte) []*element {
	var list []*element
	for len(b) > 0 {
		if len(b) < 2 || b[0]&0x1f == 0x1f {
			return nil
		}
		length, at := int(b[1]), 2
		if length > 0x83 || length == 0x80 {
			return nil
		}
		if length > 0x80 {
			at += length & 0x7f
			if len(b) < at {
				return nil
			}
			length = 0
			for _, o := range b[2:at] {
				length = length<<8 | int(o)
			}
		}
		if len(b) < at+length {
			return nil
		}
		e := &element{tag: b[0], content: b[at : at+length]}
		b = b[at+length:]
		inner := e.content
		if e.tag == 3 && len(inner) > 1 && inner[0] == 0 {
			inner = inner[1:]
		}
		if e.tag&0x20 != 0 || e.tag == 4 || e.tag == 3 && len(inner) > 2 && inner[0] == 0x30 {
			if children := parseTree(inner); len(children) > 0 {
				e.children, e.prefix = children, e.content[:len(e.content)-len(inner)]
			}
		}
		list = append(list, e)
	}
	return list
}

func (e *element) encode() []byte {
	body := e.content
	if e.children != nil {
		body = bytes.Clone(e.prefix)
		for _, c := range e.children {
			body = append(body, c.encode()...)
		}
	}
	switch {
	case e.form == indefinite && e.tag&0x20 != 0:
		return slices.Concat([]byte{e.tag, 0x80}, body, []byte{0, 0})
	case e.form == overlong:
		n := len(body)
		return slices.Concat([]byte{e.tag, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body)
	}
	return tlv(e.tag, body)
}

// all are the element and everything below it, each with its parent.
func (e *element) all(parent *element, visit func(e, parent *element)) {
	visit(e, parent)
	for _, c := range e.children {
		c.all(e, visit)
	}
}

// mangle changes one element of a DER structure at random.
func mangle(r *rng, der []byte) []byte {
	tree := parseTree(der)
	if len(tree) != 1 {
		return der
	}
	type place struct{ e, parent *element }
	var places []place
	tree[0].all(nil, func(e, parent *element) {
		if parent != nil {
			places = append(places, place{e, parent})
		}
	})
	if len(places) == 0 {
		return der
	}
	p := pick(r, places...)
	i := slices.Index(p.parent.children, p.e)
	switch r.IntN(11) {
	case 0:
		p.parent.children = slices.Delete(p.parent.children, i, i+1)
	case 1:
		p.parent.children = slices.Insert(p.parent.children, i, p.e)
	case 2:
		p.e.tag = pick[byte](r, 1, 2, 3, 4, 5, 6, 0x0a, 0x0c, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1c, 0x1e, 0x30, 0x31, 0x80, 0x81, 0x82, 0x86, 0x87, 0xa0, 0xa1, 0xa4, p.e.tag^0x20)
	case 3, 4:
		p.e.flatten()
		if len(p.e.content) > 0 {
			p.e.content = bytes.Clone(p.e.content)
			p.e.content[r.IntN(len(p.e.content))] ^= 1 << r.IntN(8)
		}
	case 5:
		p.e.flatten()
		p.e.content = p.e.content[:r.IntN(len(p.e.content)+1)]
	case 6:
		p.e.flatten()
		p.e.content = append(bytes.Clone(p.e.content), pick(r, []byte{0}, []byte{0, 0}, []byte{0xff}, []byte{5, 0}, []byte("A"))...)
	case 7:
		p.e.form = pick(r, overlong, indefinite)
	case 8:
		j := r.IntN(len(p.parent.children))
		p.parent.children[i], p.parent.children[j] = p.parent.children[j], p.parent.children[i]
	case 9:
		other := pick(r, places...)
		p.parent.children[i] = &element{tag: other.e.tag, content: other.e.body()}
	case 10:
		p.e.flatten()
		p.e.content = append([]byte{pick[byte](r, 0, 0, 0xff, 0x80)}, p.e.content...)
	}
	return tree[0].encode()
}

func (e *element) body() []byte {
	if e.children == nil {
		return e.content
	}
	body := bytes.Clone(e.prefix)
	for _, c := range e.children {
		body = append(body, c.encode()...)
	}
	return body
}

// flatten makes the element a leaf with the octets that it has.
func (e *element) flatten() {
	e.content, e.children, e.prefix = e.body(), nil, nil
}

// setupMangled signs structures that were changed at random: what no other class thinks of.
func setupMangled(w *world) {
	if w.r.chance(0.25) {
		setupCRL(w)
		l := w.list()
		l.mangle = w.mangler()
		if w.r.chance(0.6) {
			return
		}
	} else {
		pick(w.r, setupPlain, setupPlain, setupConstraints, setupPolicy, setupIdentity, setupPurpose)(w)
	}
	if len(w.chain) == 0 {
		w.grow(pick(w.r, 0, 1, 2))
	}
	w.any().mangle = w.mangler()
}

func setupPlain(*world) {}

func (w *world) mangler() func([]byte) []byte {
	times, seed := pick(w.r, 1, 1, 1, 2), w.r.Uint64()
	return func(tbs []byte) []byte {
		r := newRNG(seed, 0)
		for range times {
			tbs = mangle(r, tbs)
		}
		return tbs
	}
}
