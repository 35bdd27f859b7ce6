package cases

import (
	"crypto"
	"math/rand/v2"
	"strconv"
)

// base is the instant around which every generated validity lies: 15 June 2025, noon.
const base int64 = 1749988800

const (
	minute int64 = 60
	day          = 86400
	year         = 365 * day
)

// rng is the source of all choices of one case.
type rng struct{ *rand.Rand }

func (r *rng) chance(p float64) bool { return r.Float64() < p }

func pick[T any](r *rng, from ...T) T { return from[r.IntN(len(from))] }

// entry is a certificate in a file, with the trust settings that follow it there.
type entry struct {
	*cert
	label string
	aux   []byte
}

func plain(c *cert) entry { return entry{cert: c, label: "CERTIFICATE"} }

// world is one case while it grows: the certificates, where they lie, and the options.
type world struct {
	r         *rng
	algorithm string // of every key, or "" for a mixture
	keys      map[string]int
	chain     []*cert // the leaf first, the root last
	anchors   []entry
	untrusted []entry
	targets   []*cert
	crls      []*crl
	storeCRLs []*crl
	options   [][]string
	useStore  bool // anchors in -CAfile; otherwise in -trusted
	attime    int64
	noTime    bool // no -attime: the real clock decides
	spoil     map[string]func(string) string
}

// key takes the next key of the algorithm, or of a usual one.
func (w *world) key(algorithm string) *key {
	if algorithm == "" {
		algorithm = w.algorithm
	}
	if algorithm == "" {
		algorithm = pick(w.r, "p256", "p256", "p256", "p256", "ed25519", "ed25519", "rsa1024", "p384")
	}
	n := w.keys[algorithm]
	w.keys[algorithm]++
	size := map[string]int{"p256": 16, "ed25519": 8, "p384": 4}[algorithm]
	if size == 0 {
		size = 3
	}
	return keyNamed(algorithm, n%size)
}

// grow makes a chain with that many CAs above a leaf, all as they should be.
func (w *world) grow(cas int) {
	var issuer *cert
	var made []*cert
	for i := range cas {
		subject := cn(pick(w.r, "root", "Test Root CA", "kubernetes"))
		if i > 0 {
			subject = cn("intermediate " + strconv.Itoa(i))
		}
		if w.r.chance(0.2) {
			subject = append(name{{text(oidO, tagUTF8, "Example  Org")}}, subject...)
		}
		c := w.cert(issuer, subject, w.key(""))
		w.dressCA(c)
		made = append(made, c)
		issuer = c
	}
	leaf := w.cert(issuer, cn("leaf.example.com"), w.key(""))
	w.dressLeaf(leaf)
	made = append(made, leaf)
	for i := len(made) - 1; i >= 0; i-- {
		w.chain = append(w.chain, made[i])
	}
	w.targets = []*cert{leaf}
	if cas == 0 {
		w.anchors = []entry{plain(leaf)}
		return
	}
	w.anchors = []entry{plain(w.root())}
	for _, c := range w.chain[1:cas] {
		w.untrusted = append(w.untrusted, plain(c))
	}
	if w.r.chance(0.5) {
		w.r.Shuffle(len(w.untrusted), func(i, j int) {
			w.untrusted[i], w.untrusted[j] = w.untrusted[j], w.untrusted[i]
		})
	}
}

// cert is a version 3 certificate with usual serial, times and key identifiers.
func (w *world) cert(issuer *cert, subject name, k *key) *cert {
	c := &cert{
		issuer: issuer, key: k, version: version3, subject: subject,
		serial:    []byte{byte(1 + w.r.IntN(126)), byte(w.r.IntN(256)), byte(w.r.IntN(256))},
		notBefore: timeDER(base - year - int64(w.r.IntN(1000))),
		notAfter:  timeDER(base + 30*year + int64(w.r.IntN(1000))),
		hash:      pick(w.r, crypto.SHA256, crypto.SHA256, crypto.SHA256, crypto.SHA384, crypto.SHA1),
	}
	return c
}

func (w *world) dressCA(c *cert) {
	pathLen := noPathLen
	if w.r.chance(0.1) {
		pathLen = w.r.IntN(5)
	}
	c.put(oidBC, critical, basicConstraints(true, pathLen))
	c.put(oidKeyUsage, critical, namedBits(kuDigitalSignature, kuCertSign, kuCRLSign))
	w.dressIDs(c)
}

func (w *world) dressLeaf(c *cert) {
	if w.r.chance(0.7) {
		c.put(oidBC, critical, basicConstraints(false, noPathLen))
	}
	if w.r.chance(0.8) {
		c.put(oidKeyUsage, critical, namedBits(kuDigitalSignature, kuKeyEncipherment))
	}
	if w.r.chance(0.8) {
		c.put(oidEKU, nil, eku(pick(w.r, oidServerAuth, oidServerAuth, oidClientAuth, oidEmail)))
	}
	if w.r.chance(0.8) {
		c.put(oidSAN, nil, seq(gnDNS("leaf.example.com"), gnDNS("*.a.example.com"), gnIP(10, 0, 0, 1), gnEmail("a@example.com")))
	}
	w.dressIDs(c)
}

func (w *world) dressIDs(c *cert) {
	if w.r.chance(0.9) {
		c.putFunc(oidSKID, nil, func(c *cert) []byte { return octets(c.keyID()) })
	}
	if w.r.chance(0.85) {
		c.putFunc(oidAKID, nil, func(c *cert) []byte { return akid(c.parent().keyID(), nil, nil) })
	}
}

func (w *world) leaf() *cert { return w.chain[0] }
func (w *world) root() *cert { return w.chain[len(w.chain)-1] }

// any is any certificate of the chain, ca one that issued another if there is one, issued one that is not the root.
func (w *world) any() *cert { return pick(w.r, w.chain...) }

func (w *world) ca() *cert {
	if len(w.chain) == 1 {
		return w.chain[0]
	}
	return pick(w.r, w.chain[1:]...)
}

func (w *world) issued() *cert {
	if len(w.chain) == 1 {
		return w.chain[0]
	}
	return pick(w.r, w.chain[:len(w.chain)-1]...)
}

// intermediate is nil where the chain has none.
func (w *world) intermediate() *cert {
	if len(w.chain) < 3 {
		return nil
	}
	return pick(w.r, w.chain[1:len(w.chain)-1]...)
}

func (w *world) option(words ...string) { w.options = append(w.options, words) }

// maybe adds the option with probability p.
func (w *world) maybe(p float64, words ...string) {
	if w.r.chance(p) {
		w.option(words...)
	}
}

// place puts c somewhere, before or after what is there.
func (w *world) place(c *cert) {
	list := pick(w.r, &w.anchors, &w.untrusted, &w.untrusted)
	w.placeIn(list, c)
}

func (w *world) placeIn(list *[]entry, c *cert) {
	if w.r.chance(0.5) {
		*list = append([]entry{plain(c)}, *list...)
		return
	}
	*list = append(*list, plain(c))
}
