package verify

import "hash/maphash"

// Trust is a set of certificates that are trusted, and the CRLs that come with
// them. It is built once and may be used by many validations at once.
type Trust struct {
	certs     []*Certificate
	bySubject map[string][]*Certificate // canonical subject -> certificates in order
	store     bool                      // openssl's store, not its -trusted list
	crls      []*CRL                    // of the store, in order
	alike     map[uint64][]*Certificate // by print: a bundle may hold any number of one subject
	seed      maphash.Seed
	asking

	readInStore
}

// asking is where a store looks for what it does not have.
type asking struct {
	certificates func(subject Name) (read []*Certificate, found bool)
	lists        func(issuer Name) []*CRL
	asked        map[string]bool // names for which that was done, by what is asked for
}

// Ask makes the store look elsewhere, when it comes to a name and once for each: for certificates where it has none of the
// name, for CRLs in any case. What was read stays in the store, whatever its name; found false says that openssl ended
// at something odd, and so does not find the name this time. Such a store is for one validation.
func (t *Trust) Ask(certificates func(subject Name) (read []*Certificate, found bool), lists func(issuer Name) []*CRL) {
	t.asking = asking{certificates, lists, map[string]bool{}}
}

// first reports whether something is asked for the first time.
func (a asking) first(what string, name Name) bool {
	key := what + name.canon
	if a.asked == nil || a.asked[key] {
		return false
	}
	a.asked[key] = true
	return true
}

// NewStore returns trust with the rules of -CAfile: the certificates and the
// CRLs of one store. Of identical certificates the first stays, with its trust
// settings. CRLs of the store are consulted after those given to Verify.
func NewStore(certs []*Certificate, crls []*CRL) *Trust {
	t := newTrust(certs, true)
	t.crls = crls
	return t
}

// NewTrustedList returns trust with the rules of -trusted: certificates, and no
// store. The path of a CRL's own issuer looks only into a store, and so finds
// nothing here.
func NewTrustedList(certs []*Certificate) *Trust { return newTrust(certs, false) }

func newTrust(certs []*Certificate, store bool) *Trust {
	t := &Trust{bySubject: make(map[string][]*Certificate, len(certs)), store: store,
		alike: make(map[uint64][]*Certificate, len(certs)), seed: maphash.MakeSeed()}
	for _, c := range certs {
		t.add(c)
	}
	return t
}

func (t *Trust) add(c *Certificate) {
	same := t.bySubject[c.subject.canon]
	if len(same) > 0 { // all but the first have been compared when they came
		t.compare(same[0])
		t.compare(c)
	}
	if t.exact(c) != nil {
		return
	}
	t.certs = append(t.certs, c)
	t.bySubject[c.subject.canon] = append(same, c)
	key := t.print(c)
	t.alike[key] = append(t.alike[key], c)
}

// print is the same for equal certificates and, as good as always, for no others.
func (t *Trust) print(c *Certificate) uint64 {
	var h maphash.Hash
	h.SetSeed(t.seed)
	_, _ = h.Write(c.rawTBS)
	_, _ = h.Write(c.signature)
	return h.Sum64()
}

// Certificates returns the trusted certificates in order, without doubles.
func (t *Trust) Certificates() []*Certificate { return t.certs }

// named returns the certificates with that subject, in order.
func (t *Trust) named(subject Name) []*Certificate {
	if list := t.bySubject[subject.canon]; len(list) > 0 || !t.first("certificates of ", subject) {
		return list
	}
	read, found := t.certificates(subject)
	for _, c := range read {
		t.add(c)
	}
	if !found {
		return nil
	}
	return t.bySubject[subject.canon]
}

// exact returns the trusted copy of c, nil if there is none.
func (t *Trust) exact(c *Certificate) *Certificate {
	for _, known := range t.alike[t.print(c)] {
		if known.Equal(c) {
			return known
		}
	}
	return nil
}

// storeOnly is t as the path of a CRL issuer sees it.
func (t *Trust) storeOnly() *Trust {
	if t.store {
		return t
	}
	return newTrust(nil, true)
}
