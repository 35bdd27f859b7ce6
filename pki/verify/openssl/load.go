// Package openssl is what openssl's command line does around a validation: how it finds certificates and CRLs in
// a file, and how it writes a distinguished name. It follows OpenSSL 3.0 in what it accepts and in what order, for
// [verify] is to answer as openssl does from the first octet of a file to the last of the output. It is pure: files
// come as their content.
package openssl

import (
	"bytes"
	"crypto/x509"
	encodingasn1 "encoding/asn1"
	"errors"
	"math"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/pkitool/pkitool/pki/verify"
)

// Objects are the certificates and CRLs of a file, each in the file's order.
type Objects struct {
	Certificates []*verify.Certificate
	CRLs         []*verify.CRL

	// Unsupported are sentences about what openssl would look into for certificates, and this package does not.
	Unsupported []string

	foreign bool // a key or parameters were met, too
}

// ErrNothing is what ParseStore returns for a file without any certificate or CRL.
var ErrNothing = errors.New("no certificate or CRL found")

// ParseStore reads a file of trust anchors, as for -CAfile: PEM only, certificates and CRLs, other blocks are passed
// over. Any damaged block makes the whole file an error, and so does a private key that crypto/x509 does not read.
func ParseStore(data []byte) (Objects, error) {
	var found Objects
	for at := 0; ; {
		b, next, result := readPEM(data, at, len(data))
		at = next
		if result == pemNone {
			break
		}
		if result == pemDamaged {
			return Objects{}, errors.New("damaged PEM block")
		}
		if err := found.addBlock(b); err != nil {
			return Objects{Unsupported: found.Unsupported}, err
		}
	}
	if len(found.Certificates)+len(found.CRLs) == 0 {
		return Objects{}, ErrNothing
	}
	return found, nil
}

func (o *Objects) addBlock(b block) error {
	switch b.label {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CRL":
		if b.header != "" {
			return errors.New("a header before a certificate or CRL")
		}
	}
	switch b.label {
	case "CERTIFICATE", "X509 CERTIFICATE":
		return o.addCertificate(verify.ParseCertificate(b.data))
	case "TRUSTED CERTIFICATE":
		return o.addCertificate(verify.ParseTrustedCertificate(b.data))
	case "X509 CRL":
		return o.addCRL(b.data)
	}
	if strings.HasSuffix(b.label, "PRIVATE KEY") && b.label != "ENCRYPTED PRIVATE KEY" {
		return o.passKey(b)
	}
	return nil
}

// passKey passes over a private key. openssl fails on one that is damaged, and knows that of more kinds of keys.
func (o *Objects) passKey(b block) error {
	if !numbered(b.data) {
		return errors.New("damaged private key")
	}
	_, err := x509.ParsePKCS8PrivateKey(b.data)
	switch b.label {
	case "RSA PRIVATE KEY":
		_, err = x509.ParsePKCS1PrivateKey(b.data)
	case "EC PRIVATE KEY":
		_, err = x509.ParseECPrivateKey(b.data)
	}
	if err == nil && b.header == "" {
		return nil
	}
	what := "a " + b.label + " of this form is not supported"
	o.Unsupported = append(o.Unsupported, what)
	return errors.New(what)
}

func (o *Objects) addCertificate(c *verify.Certificate, err error) error {
	if err == nil {
		o.Certificates = append(o.Certificates, c)
	}
	return err
}

func (o *Objects) addCRL(der []byte) error {
	l, err := verify.ParseCRL(der)
	if err == nil {
		o.CRLs = append(o.CRLs, l)
	}
	return err
}

// ParseCAStore reads a file of -CAstore: any form, as with Parse, up to the first object that is no certificate or CRL
// or cannot be read. good says that there was one, and no key behind: else
// openssl finds nothing where it has looked for something, though what it met before stays.
func ParseCAStore(data []byte) (found Objects, good bool) {
	certificates, lists := 0, 0
	found = Parse(data, func(found Objects) bool {
		if found.foreign || len(found.Certificates)+len(found.CRLs) == certificates+lists {
			return true
		}
		certificates, lists = len(found.Certificates), len(found.CRLs)
		return false
	})
	found.Certificates, found.CRLs = found.Certificates[:certificates], found.CRLs[:lists]
	return found, certificates+lists > 0 && !found.foreign
}

// ParseHashed reads a file of -CApath, which openssl looks up for certificates or for CRLs: PEM only, other blocks are
// passed over. It ends at what cannot be read; what was found before counts. whole says that the file was read to its
// end and was not for nothing: only then openssl goes on to the next.
func ParseHashed(data []byte, forCRLs bool) (found Objects, whole bool) {
	for at := 0; ; {
		b, next, result := readPEM(data, at, len(data))
		at = next
		if result == pemNone {
			return found, len(found.Certificates)+len(found.CRLs) > 0
		}
		if result == pemDamaged {
			return found, false
		}
		read := func() error { return found.addCRL(b.data) }
		switch b.label {
		case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
			if forCRLs {
				continue
			}
			read = func() error { return found.addCertificate(verify.ParseTrustedCertificate(b.data)) }
		case "X509 CRL":
			if !forCRLs {
				continue
			}
		default:
			continue
		}
		if b.header != "" || read() != nil {
			return found, false
		}
	}
}

// Parse reads a file of certificates or CRLs in any form, as for targets, -trusted, -untrusted and -CRLfile: PEM or DER,
// one behind the other. What cannot be read is passed over. Parsing stops behind the object at which enough says so;
// nil reads all.
func Parse(data []byte, enough func(Objects) bool) Objects {
	var found Objects
	budget := 64<<20 + 16*len(data) // against files in which every search runs to the end
	searched := 0                   // no line before it begins a block that is worth anything
	for at := 0; at < len(data) && budget > 0; {
		before, stop := at, len(data)
		if n := bytes.IndexByte(data[at:max(at, searched)], '\n'); n >= 0 {
			stop = at + n + 1 // the only new line is the rest of one in which an element ended
		}
		b, next, result := readPEM(data, at, stop)
		budget -= next - at
		if result == pemFound && b.decides() {
			at = next
			found.addPEM(b)
		} else if result != pemNone || stop == len(data) {
			searched = max(searched, b.begin)
		}
		if at == before {
			element, next := readDER(data, at)
			budget -= next - at
			at = next
			if element != nil {
				found.addDER(element)
			}
		}
		if enough != nil && enough(found) {
			break
		}
	}
	return found
}

// decides reports whether openssl, having read the block, goes on behind it, whether it could use it or not. For labels
// that it does not know it tries an element at the place from where it searched, as if there were no block.
func (b block) decides() bool {
	switch b.label {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CRL",
		"ENCRYPTED PRIVATE KEY", "PRIVATE KEY", "PUBLIC KEY", "RSA PRIVATE KEY", "RSA PUBLIC KEY",
		"EC PRIVATE KEY", "EC PARAMETERS", "SM2 PRIVATE KEY", "SM2 PARAMETERS",
		"DSA PRIVATE KEY", "DSA PUBLIC KEY", "DSA PARAMETERS", "DH PARAMETERS", "X9.42 DH PARAMETERS":
		return true
	}
	return b.headed()
}

// addPEM takes a block of certificates or CRLs. Of others it takes nothing, whatever is inside.
func (o *Objects) addPEM(b block) {
	if b.headed() {
		return // encrypted, or a header that openssl does not understand
	}
	switch b.label {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		_ = o.addAnyCertificate(b.data)
	case "X509 CRL":
		_ = o.addCRL(b.data)
	case "PRIVATE KEY", "RSA PRIVATE KEY", "DSA PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY",
		"EC PARAMETERS", "DH PARAMETERS", "X9.42 DH PARAMETERS", "DSA PARAMETERS":
		o.foreign = true
	}
}

// addDER takes whatever an element is.
func (o *Objects) addDER(der []byte) {
	if o.addAnyCertificate(der) == nil || o.addCRL(der) == nil {
		return
	}
	o.foreign = o.foreign || numbered(der)
	in := cryptobyte.String(der)
	var file, safe cryptobyte.String
	var kind encodingasn1.ObjectIdentifier
	if in.ReadASN1(&file, asn1.SEQUENCE) && file.SkipASN1(asn1.INTEGER) && file.ReadASN1(&safe, asn1.SEQUENCE) &&
		safe.ReadASN1ObjectIdentifier(&kind) && strings.HasPrefix(kind.String(), pkcs7) {
		o.Unsupported = append(o.Unsupported, "PKCS #12 is not supported")
	}
}

// numbered reports whether it is a sequence with a number in front, as private keys of all kinds are.
func numbered(der []byte) bool {
	in := cryptobyte.String(der)
	var key cryptobyte.String
	return in.ReadASN1(&key, asn1.SEQUENCE) && key.SkipASN1(asn1.INTEGER)
}

// pkcs7 is what the types of contents in a PKCS #12 file begin with.
const pkcs7 = "1.2.840.113549.1.7."

// addAnyCertificate takes trust settings behind the certificate if they are any, whatever the label says; where they
// are malformed, openssl reads the certificate alone.
func (o *Objects) addAnyCertificate(der []byte) error {
	if o.addCertificate(verify.ParseTrustedCertificate(der)) == nil {
		return nil
	}
	return o.addCertificate(verify.ParseCertificate(der))
}

// readDER takes one element as asn1_d2i_read_bio does; nil where there is none. Next is where openssl goes on: it
// reads at least eight octets for every header that it looks at, those inside an indefinite length too.
func readDER(data []byte, at int) (element []byte, next int) {
	const headerSize = 8
	rest := data[at:]
	end, loaded := 0, 0
	for open := 0; ; {
		loaded = min(max(loaded, end+headerSize), len(rest))
		head := rest[end:loaded]
		contents, length, ok := elementHeader(head)
		if !ok {
			return nil, at + loaded
		}
		end += contents
		switch {
		case length < 0:
			open++
		case open > 0 && length == 0 && head[0]&0x1f == 0: // of whatever class
			open--
		case length > len(rest)-end:
			if length-(loaded-end) <= math.MaxInt32 { // more is not even tried
				loaded = len(rest)
			}
			return nil, at + loaded
		default:
			end += length
			loaded = max(loaded, end)
		}
		if open == 0 {
			return rest[:end], at + loaded
		}
	}
}

// elementHeader returns where the contents begin and how long they are, -1 for the indefinite length. It follows
// ASN1_get_object, which wants an octet behind a length of several.
func elementHeader(b []byte) (contents, length int, ok bool) {
	at := 1
	if len(b) > 0 && b[0]&0x1f == 0x1f {
		tag := 0
		for ; at < len(b) && b[at]&0x80 != 0; at++ {
			if tag = tag<<7 | int(b[at]&0x7f); tag > math.MaxInt32>>7 {
				return 0, 0, false
			}
		}
		at++
	}
	if at >= len(b) {
		return 0, 0, false
	}
	first := b[at]
	at++
	switch {
	case first == 0x80:
		return at, -1, b[0]&0x20 != 0
	case first < 0x80:
		return at, int(first), true
	}
	octets := int(first & 0x7f)
	if at+octets >= len(b) {
		return 0, 0, false
	}
	digits := bytes.TrimLeft(b[at:at+octets], "\x00")
	if len(digits) > 8 || len(digits) == 8 && digits[0] >= 0x80 {
		return 0, 0, false
	}
	for _, octet := range digits {
		length = length<<8 | int(octet)
	}
	return at + octets, length, true
}
