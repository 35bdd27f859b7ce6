package verify

import "bytes"

// checkIdentity asks whether the target is for the host, the mailbox and the IP
// address that are wanted (openssl's check_id).
func (v *verifier) checkIdentity() outcome {
	c, o := v.chain[0], v.opts
	if o.Hostname != "" && !c.matchesHost([]byte(o.Hostname)) &&
		!v.find(ErrHostnameMismatch, 0, c, c.nameDetail("host name", o.Hostname, nameDNS, oidCommonName)) {
		return stop
	}
	if o.HasEmail && !c.matchesEmail([]byte(o.Email)) &&
		!v.find(ErrEmailMismatch, 0, c, c.nameDetail("e-mail address", o.Email, nameEmail, oidEmailAddress)) {
		return stop
	}
	if o.IP.IsValid() && !c.matchesIP(o.IP.AsSlice()) &&
		!v.find(ErrIPAddressMismatch, 0, c, c.nameDetail("IP address", o.IP.String(), nameIP, "")) {
		return stop
	}
	return proceed
}

// nameDetail says what was wanted and what names there are: those in SAN, or,
// where openssl looks there, those in the subject.
func (c *Certificate) nameDetail(what, wanted string, kind int8, attr string) Detail {
	d := Detail{What: what, Wanted: wanted}
	for i := range c.altNames {
		d.Had = append(d.Had, c.altNames[i].String())
	}
	if attr != "" && !c.hasName(kind) {
		for _, text := range c.subject.texts(attr) {
			d.Had = append(d.Had, attributeName(attr)+"="+text)
		}
	}
	return d
}

// matchesHost compares with the DNS names in SAN or, if there is none, with the
// common names (RFC 6125, as openssl reads it).
func (c *Certificate) matchesHost(host []byte) bool {
	if c.hasName(nameDNS) {
		for i := range c.altNames {
			g := &c.altNames[i]
			if g.kind == nameDNS && len(g.value) > 0 && matchHost(g.value, host) {
				return true
			}
		}
		return false
	}
	return c.subject.anyText(oidCommonName, func(text []byte) bool { return matchHost(text, host) })
}

// matchesEmail compares with the mailboxes in SAN or, if there is none, with
// the subject's e-mail addresses. An internationalised mailbox that is no
// UTF8String is none; from one that is on, openssl converts the other mailboxes
// to UTF-8, too.
func (c *Certificate) matchesEmail(email []byte) bool {
	there, convert := false, false
	for i := range c.altNames {
		g := &c.altNames[i]
		if g.effectiveKind() != nameEmail {
			continue
		}
		name := g.value
		switch {
		case g.kind != nameOther && convert:
			name, _ = utf8Text(&element{tag: tagIA5String, body: name})
		case g.kind == nameOther:
			if !g.other.is(classUniversal, tagUTF8String) {
				continue
			}
			convert = true
			var ok bool
			if name, ok = utf8Text(&g.other); !ok {
				return false // openssl gives up with an error
			}
		}
		there = true
		if len(name) > 0 && matchEmail(name, email) {
			return true
		}
	}
	if there {
		return false
	}
	return c.subject.anyText(oidEmailAddress, func(text []byte) bool { return matchEmail(text, email) })
}

// anyText reports whether match takes the text of some attribute of type oid,
// none of them empty. As for openssl, one that is no text ends the search.
func (n Name) anyText(oid string, match func(text []byte) bool) (found bool) {
	n.attributes(func(a attribute) bool {
		if a.oid != oid || len(a.value.octets()) == 0 {
			return true
		}
		text, ok := utf8Text(&a.value)
		found = ok && match(text)
		return ok && !found
	})
	return found
}

func (c *Certificate) matchesIP(ip []byte) bool {
	for i := range c.altNames {
		if g := &c.altNames[i]; g.kind == nameIP && bytes.Equal(g.value, ip) {
			return true
		}
	}
	return false
}

// matchEmail compares the part behind the last @ of either without case.
func matchEmail(name, email []byte) bool {
	if len(name) != len(email) {
		return false
	}
	at := len(name)
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '@' || email[i] == '@' {
			at = i
			break
		}
	}
	if at == len(name) && len(name) > 0 && (name[0] == '@' || email[0] == '@') {
		if !matchPlain(name, email) { // openssl's search ends at the first octet and then compares all
			return false
		}
	}
	return bytes.Equal(name[:at], email[:at]) && (at == len(name) || matchPlain(name[at:], email[at:]))
}

// matchPlain compares without ASCII case; a NUL in the certificate's name
// matches nothing.
func matchPlain(name, host []byte) bool {
	return bytes.IndexByte(name, 0) < 0 && equalFold(name, host)
}

// matchHost compares a name in the certificate, which may have a wildcard, with
// the wanted host. A host with a dot in front stands for all names that end with
// it.
func matchHost(name, host []byte) bool {
	if len(host) > 1 && host[0] == '.' {
		if cut := len(name) - len(host); cut > 0 && bytes.IndexByte(name[:cut], 0) < 0 {
			name = name[cut:]
		}
		return matchPlain(name, host)
	}
	if star := wildcard(name); star >= 0 {
		return matchWildcard(name[:star], name[star+1:], host)
	}
	return matchPlain(name, host)
}

// wildcard returns where a name has its one wildcard, -1 if it has none or is
// not of the form that one may be in: in the first label, at its start or end,
// not in an IDN label, with two dots or more behind, in a well-formed name.
func wildcard(name []byte) int {
	star, dots := -1, 0
	start, hyphen, idn := true, false, false // at a label's start, behind a hyphen, in an xn-- label
	for i, c := range name {
		switch {
		case c == '*':
			atEnd := i == len(name)-1 || name[i+1] == '.'
			if star >= 0 || idn || dots > 0 || !start && !atEnd {
				return -1
			}
			star, start = i, false
		case isLetter(c) || isDigit(c):
			if start && len(name)-i >= 4 && equalFold(name[i:i+4], []byte("xn--")) {
				idn = true
			}
			start, hyphen = false, false
		case c == '.':
			if start || hyphen {
				return -1
			}
			start, idn = true, false
			dots++
		case c == '-':
			if start {
				return -1
			}
			hyphen = true
		default:
			return -1
		}
	}
	if start || hyphen || dots < 2 {
		return -1
	}
	return star
}

// matchWildcard compares what stands around the wildcard and what it stands
// for: letters, digits and hyphens of one label, or a literal asterisk. An IDN
// label is matched as a whole or not at all.
func matchWildcard(prefix, suffix, host []byte) bool {
	if len(host) < len(prefix)+len(suffix) || !matchPlain(prefix, host[:len(prefix)]) {
		return false
	}
	end := len(host) - len(suffix)
	if !matchPlain(host[end:], suffix) {
		return false
	}
	part := host[len(prefix):end]
	if whole := len(prefix) == 0 && suffix[0] == '.'; whole {
		if len(part) == 0 {
			return false
		}
	} else if len(host) >= 4 && equalFold(host[:4], []byte("xn--")) {
		return false
	}
	if len(part) == 1 && part[0] == '*' {
		return true
	}
	for _, c := range part {
		if !isLetter(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}
