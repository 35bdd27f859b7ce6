package verify

import (
	"bytes"
	"net/netip"
	"strconv"
)

// This file compares names with the bases of name constraints, one function for
// each kind of name. They answer OK, ErrPermittedViolation for a name outside,
// or ErrUnsupportedNameSyntax.

// equalFold compares ASCII letters without case.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// endsWith reports whether name is longer than suffix and ends with it.
func endsWith(name, suffix []byte) bool {
	return len(name) > len(suffix) && equalFold(name[len(name)-len(suffix):], suffix)
}

// coversDNS adds labels on the left. A wildcard in name is plain text.
func coversDNS(base, name []byte) Code {
	if len(base) == 0 || equalFold(base, name) {
		return OK
	}
	return inside(endsWith(name, base) && (base[0] == '.' || name[len(name)-len(base)-1] == '.'))
}

// coversEmail knows three bases: a mailbox, a host, and .domain.
func coversEmail(base, name []byte) Code {
	at, baseAt := bytes.LastIndexByte(name, '@'), bytes.LastIndexByte(base, '@')
	if at < 0 {
		return ErrUnsupportedNameSyntax
	}
	if baseAt < 0 && len(base) > 0 && base[0] == '.' {
		return inside(endsWith(name, base))
	}
	if baseAt > 0 {
		if baseAt != at {
			return ErrPermittedViolation
		}
		if bytes.IndexByte(base[:baseAt], 0) >= 0 || bytes.IndexByte(name[:at], 0) >= 0 {
			return ErrUnsupportedNameSyntax
		}
		if !bytes.Equal(base[:baseAt], name[:at]) {
			return ErrPermittedViolation
		}
	}
	return inside(equalFold(base[baseAt+1:], name[at+1:]))
}

// coversMailbox compares an internationalised mailbox, whose domain is in
// Unicode, with a base in ASCII (RFC 8398 section 6), as openssl 3.0 does it: a
// base with a dot in front gets a second one, so that it covers nothing but a
// domain with an empty label, and a base with an @ is converted as if it were a
// domain.
func coversMailbox(base []byte, g *generalName) Code {
	if bytes.IndexByte(base, 0) >= 0 || !g.other.is(classUniversal, tagUTF8String) {
		return ErrUnsupportedNameSyntax
	}
	name, _ := stringContents(&g.other)
	at := bytes.LastIndexByte(name, '@')
	if at < 0 {
		return ErrUnsupportedNameSyntax
	}
	dotted := len(base) > 0 && base[0] == '.'
	limit := maxDomain
	if dotted {
		limit--
	}
	domain, ok := unicodeDomain(base, limit)
	switch {
	case !ok:
		return ErrUnspecified
	case dotted:
		return inside(endsWith(name, append([]byte{'.'}, domain...)))
	}
	return inside(equalFold(domain, name[at+1:]))
}

// coversURI compares the host of a URI, which ends at a colon anywhere behind
// it or else at a slash; user information is not cut off.
func coversURI(base, uri []byte) Code {
	colon := bytes.IndexByte(uri, ':')
	if colon < 0 || !bytes.HasPrefix(uri[colon:], []byte("://")) {
		return ErrUnsupportedNameSyntax
	}
	host := uri[colon+3:]
	if i := bytes.IndexByte(host, ':'); i >= 0 {
		host = host[:i]
	} else if i := bytes.IndexByte(host, '/'); i >= 0 {
		host = host[:i]
	}
	switch {
	case len(host) == 0:
		return ErrUnsupportedNameSyntax
	case len(base) > 0 && base[0] == '.':
		return inside(endsWith(host, base))
	}
	return inside(equalFold(base, host))
}

// coversIP compares under a mask of any shape.
func coversIP(base, ip []byte) Code {
	if len(ip) != 4 && len(ip) != 16 || len(base) != 8 && len(base) != 32 {
		return ErrUnsupportedNameSyntax
	}
	if len(base) != 2*len(ip) {
		return ErrPermittedViolation
	}
	for i, mask := range base[len(ip):] {
		if (ip[i]^base[i])&mask != 0 {
			return ErrPermittedViolation
		}
	}
	return OK
}

// String renders a name for a sentence, what cannot be printed escaped.
func (g *generalName) String() string {
	text := strconv.QuoteToGraphic(string(g.value))
	text = text[1 : len(text)-1]
	switch g.kind {
	case nameEmail:
		return "email:" + text
	case nameDNS:
		return "DNS:" + text
	case nameURI:
		return "URI:" + text
	case nameIP:
		if ip, ok := netip.AddrFromSlice(g.value); ok {
			return "IP:" + ip.String()
		}
		return "IP:" + text
	case nameDirectory:
		return "directory:" + g.directory.String()
	case nameRID:
		return "registered:" + dottedOID(string(g.value))
	case nameOther:
		return "other:" + dottedOID(g.otherType)
	}
	return "name of another kind"
}
