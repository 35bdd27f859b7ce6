package pki

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Subject is a distinguished name as Kubernetes reads it: CommonName is the
// user, Organization are the groups. A Subject taken from a certificate
// (SubjectOf) keeps the name's other attributes and its exact encoding too.
type Subject struct {
	CommonName   string
	Organization []string
	// Long allows names beyond the 64 characters of RFC 5280 (ub-common-name). kubeadm makes such certificates where
	// a node's name forces it: system:node: and up to 253 characters. Every Kubernetes component takes them.
	Long bool

	raw []byte // the encoded name, when it holds more than the fields above say
}

// SubjectOf is the subject of an existing certificate or request, whole: every
// attribute, in its encoding, is carried into what is issued for it.
// raw is the DER of the name (x509.Certificate.RawSubject).
func SubjectOf(name pkix.Name, raw []byte) Subject {
	s := Subject{CommonName: name.CommonName, Organization: slices.Clone(name.Organization)}
	if plain, err := s.encode(); err != nil || !bytes.Equal(plain, raw) {
		s.raw = bytes.Clone(raw)
	}
	return s
}

// Equal reports whether two subjects name the same user and groups. The order
// of the groups has no meaning: DER sorts the values of one RDN.
func (s Subject) Equal(o Subject) bool {
	return s.CommonName == o.CommonName && sameSet(s.Organization, o.Organization)
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// String writes the subject as openssl's oneline format does: "O = dev, CN = alice".
func (s Subject) String() string {
	var parts []string
	for _, o := range s.Organization {
		parts = append(parts, "O = "+o)
	}
	// One RDN holds all organizations, joined by " + ".
	head := strings.Join(parts, " + ")
	switch {
	case head == "":
		return "CN = " + s.CommonName
	case s.CommonName == "":
		return head
	}
	return head + ", CN = " + s.CommonName
}

// Check says what is wrong with a subject that is to be issued: RFC 5280
// appendix A.1 bounds both attributes to 64 characters (see Long), and an empty name or
// one with control characters would be a user or group nobody can write down.
func (s Subject) Check() error {
	if s.raw == nil || s.CommonName != "" { // an existing name may consist of other attributes
		if err := s.checkAttribute("common name (CN)", s.CommonName); err != nil {
			return err
		}
	}
	for _, o := range s.Organization {
		if err := s.checkAttribute("organization (O)", o); err != nil {
			return err
		}
	}
	return nil
}

// nameBound is RFC 5280's ub-common-name and ub-organization-name.
const nameBound = 64

func (s Subject) checkAttribute(what, v string) error {
	switch {
	case v == "":
		return fmt.Errorf("%s is empty", what)
	case !utf8.ValidString(v):
		return fmt.Errorf("%s %q is not UTF-8", what, v)
	case !s.Long && utf8.RuneCountInString(v) > nameBound:
		return fmt.Errorf("%s %q is longer than %d characters", what, v, nameBound)
	case HasControl(v):
		return fmt.Errorf("%s %q has a control character", what, v)
	case strings.TrimSpace(v) != v:
		return fmt.Errorf("%s %q begins or ends with a space", what, v)
	}
	return nil
}

// HasControl reports whether a name has a character that nobody sees: a control character (a C program ends the name at
// NUL, a terminal obeys ESC), or one that changes the direction of writing, so that it reads as another name.
func HasControl(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
	})
}

// encode is the DER of the subject. Duplicate groups are dropped: they would
// be the same group twice.
func (s Subject) encode() ([]byte, error) {
	if s.raw != nil {
		return s.raw, nil
	}
	name := s.name()
	return asn1.Marshal(name.ToRDNSequence())
}

func (s Subject) name() pkix.Name {
	return pkix.Name{CommonName: s.CommonName, Organization: once(slices.Clone(s.Organization))}
}

// CertificateSubject is SubjectOf for a parsed certificate. A name that somebody
// already issued is carried on however long it is; one that is only asked for (SubjectOf of a request) is not.
func CertificateSubject(c *x509.Certificate) Subject {
	s := SubjectOf(c.Subject, c.RawSubject)
	s.Long = slices.ContainsFunc(append(slices.Clone(s.Organization), s.CommonName), func(v string) bool { return utf8.RuneCountInString(v) > nameBound })
	return s
}
