package cases

import (
	"strconv"
)

// chainSteps: which certificates there are and where they lie.
func chainSteps() []func(*world) {
	steps := []func(*world){
		func(w *world) { w.lose(&w.untrusted) },
		func(w *world) { w.lose(&w.anchors) },
		func(w *world) { w.placeIn(&w.untrusted, w.root()) },
		func(w *world) { w.anchors = nil; w.placeIn(&w.untrusted, w.root()) },
		func(w *world) { w.placeIn(&w.anchors, w.any()) },
		func(w *world) { w.placeIn(&w.anchors, w.any()); w.option("-partial_chain") },
		func(w *world) { w.anchors = nil; w.placeIn(&w.anchors, w.any()); w.maybe(0.7, "-partial_chain") },
		func(w *world) { w.placeIn(&w.anchors, w.leaf()); w.maybe(0.5, "-partial_chain") },
		func(w *world) { w.placeIn(&w.untrusted, w.leaf()) },
		func(w *world) { w.placeIn(&w.untrusted, w.any()); w.placeIn(&w.anchors, w.any()) },
		func(w *world) { w.targets = []*cert{w.any()} },
		func(w *world) { w.targets = append([]*cert{}, w.chain...) },
		func(w *world) { w.option("-verify_depth", strconv.Itoa(w.r.IntN(len(w.chain)+1))) },
		func(w *world) { // all intermediates trusted
			w.anchors = append(w.anchors, w.untrusted...)
			w.untrusted = nil
		},
		func(w *world) { // all of them untrusted, and the leaf
			w.untrusted = append(w.untrusted, w.anchors...)
			w.anchors = []entry{plain(w.leaf())}
			w.maybe(0.7, "-partial_chain")
		},
	}
	return append(steps, twinSteps()...)
}

// lose takes one entry away.
func (w *world) lose(list *[]entry) {
	if len(*list) == 0 {
		return
	}
	i := w.r.IntN(len(*list))
	*list = append(append([]entry{}, (*list)[:i]...), (*list)[i+1:]...)
}

// twinSteps: several certificates of one name, cross-signing, loops.
func twinSteps() []func(*world) {
	return []func(*world){
		func(w *world) { // same name and key, other times
			t := w.ca().twin()
			t.serial = []byte{99}
			t.notBefore, t.notAfter = w.window()
			w.place(t)
		},
		func(w *world) { // several of them
			for i := range 2 + w.r.IntN(3) {
				t := w.ca().twin()
				t.serial = []byte{100, byte(i)}
				t.notBefore, t.notAfter = w.window()
				w.place(t)
			}
		},
		func(w *world) { // same name, other key of the same or another type; identifiers follow the key, or not
			c := w.ca()
			t := c.twin()
			t.key = w.key("")
			t.serial = []byte{98}
			if w.r.chance(0.6) {
				t.drop(oidSKID)
				if w.r.chance(0.5) {
					t.skid = c.keyID()
				}
			}
			if t.issuer == nil && w.r.chance(0.3) {
				t.issuer = c
			}
			w.place(t)
		},
		func(w *world) { // cross-signed by another root
			other := w.cert(nil, cn("other root"), w.key(""))
			w.dressCA(other)
			t := w.ca().twin()
			t.issuer = other
			t.serial = []byte{97}
			w.place(t)
			w.place(other)
			if w.r.chance(0.5) {
				w.lose(&w.anchors)
			}
		},
		func(w *world) { // two CAs that certify each other
			a := w.ca()
			b := w.cert(a, cn("loop"), w.key(""))
			w.dressCA(b)
			t := a.twin()
			t.issuer, t.serial = b, []byte{96}
			list := pick(w.r, &w.anchors, &w.untrusted)
			w.placeIn(list, t)
			w.placeIn(list, b)
			if w.r.chance(0.6) {
				w.remove(a)
			}
		},
		func(w *world) { // key rollover: a self-issued certificate in between
			c := w.ca()
			old := c.twin()
			old.key = w.key("")
			c.issuer, c.issuerName = old, nil
			w.placeIn(&w.untrusted, c)
			w.placeIn(pick(w.r, &w.anchors, &w.untrusted), old)
		},
		func(w *world) { // a self-issued leaf
			c := w.leaf()
			if c.issuer != nil {
				c.subject = c.issuer.subject
			}
		},
		func(w *world) { // a mimic of the root among the untrusted
			t := w.root().twin()
			t.serial = []byte{95}
			if w.r.chance(0.5) {
				t.key = w.key("")
			}
			w.placeIn(&w.untrusted, t)
		},
		func(w *world) { // and one as the target
			t := w.root().twin()
			t.serial = []byte{94}
			if w.r.chance(0.5) {
				t.key = w.key("")
			}
			w.targets = []*cert{t}
		},
		func(w *world) { // copies of the same certificates
			w.untrusted = append(w.untrusted, w.untrusted...)
			w.anchors = append(w.anchors, w.anchors...)
		},
		func(w *world) { // a self-signed certificate with the name of an intermediate
			c := w.intermediate()
			if c == nil {
				return
			}
			t := c.twin()
			t.issuer, t.issuerName, t.serial = nil, nil, []byte{93}
			w.place(t)
		},
	}
}

func (w *world) remove(c *cert) {
	keep := func(list []entry) []entry {
		var out []entry
		for _, e := range list {
			if e.cert != c {
				out = append(out, e)
			}
		}
		return out
	}
	w.anchors, w.untrusted = keep(w.anchors), keep(w.untrusted)
}

// window is a validity: around the checked time, over, or to come.
func (w *world) window() ([]byte, []byte) {
	switch w.r.IntN(5) {
	case 0:
		return timeDER(base - 10*year), timeDER(base - year - int64(w.r.IntN(5))*day)
	case 1:
		return timeDER(base + year), timeDER(base + 10*year)
	case 2:
		return timeDER(base - 2*year), timeDER(base + int64(w.r.IntN(3)-1))
	}
	return timeDER(base - 3*year), timeDER(base + int64(1+w.r.IntN(9))*year)
}

// trustSteps: the settings of TRUSTED CERTIFICATE.
func trustSteps() []func(*world) {
	return []func(*world){
		func(w *world) { w.settle(&w.anchors); w.trustOption() },
		func(w *world) {
			w.placeIn(&w.anchors, w.any())
			w.settle(&w.anchors)
			w.settle(&w.anchors)
			w.trustOption()
		},
		func(w *world) {
			w.placeIn(&w.anchors, w.leaf())
			w.settle(&w.anchors)
			w.trustOption()
			w.maybe(0.5, "-partial_chain")
		},
		func(w *world) { w.settle(&w.untrusted); w.trustOption() },
		func(w *world) { // the same certificate twice with different settings
			e := pick(w.r, append(w.anchors, plain(w.root()))...)
			w.anchors = append(w.anchors, e)
			w.settle(&w.anchors)
			w.settle(&w.anchors)
			w.trustOption()
		},
		func(w *world) { // an expired intermediate as anchor
			c := w.ca()
			c.notBefore, c.notAfter = w.window()
			w.anchors = []entry{{c, "TRUSTED CERTIFICATE", settings(w.r)}}
			w.trustOption()
		},
		func(w *world) { w.trustOption() },
	}
}

func (w *world) trustOption() {
	switch w.r.IntN(3) {
	case 0:
		w.option("-purpose", pick(w.r, "sslserver", "sslclient", "smimesign", "timestampsign", "any", "crlsign", "ocsphelper", "nssslserver", "smimeencrypt"))
	case 1:
		w.option("-verify_name", pick(w.r, "default", "pkcs7", "smime_sign", "ssl_client", "ssl_server"))
	}
}

func (w *world) settle(list *[]entry) {
	if len(*list) == 0 {
		return
	}
	i := w.r.IntN(len(*list))
	(*list)[i] = entry{(*list)[i].cert, "TRUSTED CERTIFICATE", settings(w.r)}
}

func settings(r *rng) []byte {
	uses := func() []byte {
		var ids []string
		for range pick(r, 0, 1, 1, 2) {
			ids = append(ids, pick(r, oidServerAuth, oidClientAuth, oidEmail, oidAnyEKU, oidAnyEKU, oidTimeStamping, oidCodeSigning))
		}
		return eku(ids...)
	}
	if r.chance(0.08) {
		return nil
	}
	var parts [][]byte
	if r.chance(0.75) {
		parts = append(parts, uses())
	}
	if r.chance(0.4) {
		list := uses()
		list[0] = 0xa0
		parts = append(parts, list)
	}
	if r.chance(0.2) {
		parts = append(parts, utf8String("alias"))
	}
	if r.chance(0.2) {
		parts = append(parts, octets([]byte{1, 2}))
	}
	return seq(parts...)
}
