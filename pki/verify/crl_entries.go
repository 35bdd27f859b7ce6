package verify

import (
	"bytes"
	"hash/maphash"
	"math"
	"time"
)

// parseEntries reads revokedCertificates. The first entry whose certificateIssuer or reasonCode is
// malformed ends openssl's look at extensions: from there on entries are of the CRL's issuer, for
// no reason, and no critical mark counts.
func (l *CRL) parseEntries() bool {
	if len(l.entries) > math.MaxUint32 {
		return false
	}
	var exts []extension
	issuer, blind := int32(-1), false
	for r := l.entries; len(r) > 0; {
		offset := len(l.entries) - len(r)
		e, ok := r.next(classUniversal, tagSequence)
		if !ok || !e.constructed {
			return false
		}
		if l.spots == nil { // most lists have entries of one size
			l.spots = make([]crlSpot, 0, len(l.entries)/len(e.raw)+1)
		}
		entry := reader(e.body)
		serial, ok := entry.next(classUniversal, tagInteger)
		if !ok || !integerContents(&serial) {
			return false
		}
		date, ok := entry.any()
		if !ok || !isTime(&date) {
			return false
		}
		if exts, ok = entryExtensions(exts[:0], entry); !ok {
			return false
		}
		spot := crlSpot{
			serial: uint32(offset + headerSize(&e) + headerSize(&serial)),
			size:   uint32(len(serial.body)),
			issuer: -1,
		}
		if !blind {
			blind = !l.readEntry(&spot, exts, &issuer)
		}
		l.spots = append(l.spots, spot)
	}
	return true
}

// entryExtensions reads crlEntryExtensions, if there are any, into out.
func entryExtensions(out []extension, entry reader) ([]extension, bool) {
	if len(entry) == 0 {
		return out, true
	}
	list, ok := entry.sequenceOf()
	if !ok || len(entry) != 0 {
		return nil, false
	}
	return appendExtensions(out, list)
}

func headerSize(e *element) int {
	n := len(e.raw) - len(e.body)
	if e.indefinite {
		n -= 2
	}
	return n
}

// readEntry takes from an entry's extensions what spot holds. issuer is the certificateIssuer that
// holds so far: it stays until the next one (RFC 5280 section 5.3.3).
func (l *CRL) readEntry(spot *crlSpot, exts []extension, issuer *int32) bool {
	if x, ok := onlyExtension(exts, oidCertificateIssuer); !ok {
		return false
	} else if x != nil {
		names, ok := generalNamesExtension(x.value)
		if !ok {
			return false
		}
		l.issuers = append(l.issuers, names)
		*issuer = int32(len(l.issuers) - 1)
	}
	spot.issuer = *issuer
	if x, ok := onlyExtension(exts, oidCRLReason); !ok {
		return false
	} else if x != nil {
		r := reader(x.value)
		e, ok := r.next(classUniversal, tagEnumerated)
		if !ok || !integerContents(&e) {
			return false
		}
		n, ok := int64Contents(e.body)
		spot.remove = ok && int32(n) == removeFromCRL // cut to an int, as in openssl
	}
	for i := range exts {
		if exts[i].critical && exts[i].oid != oidCertificateIssuer {
			l.unhandledCritical = true
		}
	}
	return true
}

// onlyExtension returns the extension of that type, nil if there is none; two are an error.
func onlyExtension(exts []extension, oid string) (*extension, bool) {
	var only *extension
	for i := range exts {
		if exts[i].oid != oid {
			continue
		}
		if only != nil {
			return nil, false
		}
		only = &exts[i]
	}
	return only, true
}

// find returns the first entry for a certificate, nil if there is none. The first call sorts the
// entries by serial number; after it a look-up does not depend on the length of the list.
func (l *CRL) find(c *Certificate) *crlSpot {
	if len(l.spots) == 0 {
		return nil
	}
	l.once.Do(l.buildIndex)
	first, ok := l.index[maphash.Bytes(l.seed, c.serial)]
	if !ok {
		return nil
	}
	asked, of := int32(-2), false // entries in order name issuers in order: each is asked once
	for i := first; i >= 0; i = l.next[i] {
		spot := &l.spots[i]
		if !bytes.Equal(l.serial(spot), c.serial) {
			continue
		}
		if spot.issuer != asked {
			asked, of = spot.issuer, l.isOf(spot, c.issuer)
		}
		if of {
			return spot
		}
	}
	return nil
}

// buildIndex chains entries with the same hash in their order, hence from the last to the first.
func (l *CRL) buildIndex() {
	l.seed = maphash.MakeSeed()
	l.index = make(map[uint64]int32, len(l.spots))
	l.next = make([]int32, len(l.spots))
	for i := len(l.spots) - 1; i >= 0; i-- {
		h := maphash.Bytes(l.seed, l.serial(&l.spots[i]))
		l.next[i] = -1
		if later, ok := l.index[h]; ok {
			l.next[i] = later
		}
		l.index[h] = int32(i)
	}
}

func (l *CRL) serial(spot *crlSpot) []byte {
	return l.entries[spot.serial : spot.serial+spot.size]
}

// revoked returns an entry's revocationDate, in UTC; false says that the field is no time, which
// openssl does not mind.
func (l *CRL) revoked(spot *crlSpot) (time.Time, bool) {
	r := l.entries[spot.serial+spot.size:]
	e, ok := r.any()
	if !ok {
		return time.Time{}, false
	}
	return readTime(&e, true)
}

// isOf reports whether the entry is about a certificate of that issuer.
func (l *CRL) isOf(spot *crlSpot, issuer Name) bool {
	if spot.issuer < 0 {
		return l.issuer.Equal(issuer)
	}
	return hasDirectoryName(l.issuers[spot.issuer], issuer)
}

func hasDirectoryName(names []generalName, name Name) bool {
	for i := range names {
		if names[i].kind == nameDirectory && names[i].directory.Equal(name) {
			return true
		}
	}
	return false
}
