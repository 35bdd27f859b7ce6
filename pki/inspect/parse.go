package inspect

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

// maxObjects bounds what one file may hold: twenty times the bundle of public CAs that every system ships.
const maxObjects = 4096

// IsText reports whether data is neither PEM nor DER: a kubeconfig perhaps, or nothing of ours.
func IsText(data []byte) bool {
	return !bytes.Contains(data, pemBegin) && (len(data) == 0 || data[0] != 0x30)
}

var pemBegin = []byte("-----BEGIN ")

// Parse reads every object of a file, PEM or DER, in order. What cannot be read is a Fault with its place, and does
// not keep the others from being read. A file without any object is one Fault.
func Parse(data []byte) ([]Object, []*Fault) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, []*Fault{{Err: errors.New("file is empty")}}
	}
	var p parser
	switch {
	case bytes.Contains(data, pemBegin):
		p.pem(data)
	case data[0] == 0x30:
		p.der(data)
	default:
		p.fault("", errors.New("file holds neither PEM nor DER"))
	}
	if len(p.objects)+len(p.faults) == 0 {
		p.fault("", errors.New("file holds no certificate, request, key or CRL"))
	}
	if len(p.objects) == 1 && len(p.faults) == 0 {
		p.objects[0].Where = ""
	}
	return p.objects, p.faults
}

type parser struct {
	objects []Object
	faults  []*Fault
}

func (p *parser) fault(where string, err error) {
	p.faults = append(p.faults, &Fault{where, err})
}

func (p *parser) full() bool { return len(p.objects)+len(p.faults) >= maxObjects }

// pem reads blocks one by one, from BEGIN to BEGIN: a decoder that looks for the next good block would pass over a
// damaged one without a word.
func (p *parser) pem(data []byte) {
	line := 1
	for at := bytes.Index(data, pemBegin); at >= 0; {
		line += bytes.Count(data[:at], []byte("\n"))
		where := fmt.Sprintf("line %d", line)
		if p.full() {
			p.fault(where, fmt.Errorf("file holds more than %d objects: the rest is not read", maxObjects))
			return
		}
		data = data[at:]
		next := bytes.Index(data[len(pemBegin):], pemBegin)
		segment := data
		if next >= 0 {
			next += len(pemBegin)
			segment = data[:next]
		}
		if b, _ := pem.Decode(segment); b == nil {
			p.fault(where, errors.New("PEM block is damaged"))
		} else {
			p.block(where, b)
		}
		at = next
	}
}

func (p *parser) block(where string, b *pem.Block) {
	switch {
	case b.Type == "EC PARAMETERS": // stands before every key that openssl makes
		return
	case strings.HasSuffix(b.Type, "PRIVATE KEY"):
		p.privateKey(where, b)
		return
	}
	o := Object{Where: where}
	var err error
	switch b.Type {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		der := b.Bytes
		if b.Type == "TRUSTED CERTIFICATE" { // trust settings may follow
			der = element(der)
		}
		err = o.certificate(der)
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
		err = o.request(b.Bytes)
	case "X509 CRL":
		err = o.crl(b.Bytes)
	case "PUBLIC KEY":
		o.Kind = PublicKey
		o.Public, err = x509.ParsePKIXPublicKey(b.Bytes)
	case "RSA PUBLIC KEY":
		o.Kind = PublicKey
		o.Public, err = x509.ParsePKCS1PublicKey(b.Bytes)
	default:
		p.fault(where, fmt.Errorf("block of type %q is nothing that can be shown", short(b.Type)))
		return
	}
	if err != nil {
		p.fault(where, unreadable(o.Kind, err))
		return
	}
	p.objects = append(p.objects, o)
}

// unreadable keeps the cause, unless it is about tags and lengths, which help nobody.
func unreadable(k Kind, err error) error {
	if strings.HasPrefix(err.Error(), "asn1: ") {
		return fmt.Errorf("%s cannot be read: the DER in it is damaged, or of another kind", k)
	}
	return fmt.Errorf("%s cannot be read: %s", k, short(strings.TrimPrefix(err.Error(), "x509: ")))
}

// short bounds text that may come out of the file, and keeps it off the terminal's controls.
func short(s string) string {
	const most = 160
	if len(s) > most {
		s = s[:most] + "..."
	}
	return printable(s)
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(s, "."))
}

func (p *parser) privateKey(where string, b *pem.Block) {
	o := Object{Kind: PrivateKey, Where: where}
	key, err := pki.ParsePrivateKey(pem.EncodeToMemory(b))
	switch {
	case err != nil && finding.Of(err, finding.KeyBroken).ID == finding.KeyEncrypted:
		o.Encrypted = true
	case err != nil:
		p.fault(where, err)
		return
	default:
		o.Public = key.Public()
	}
	p.objects = append(p.objects, o)
}

// element is the first DER element of der, all of it if there is none.
func element(der []byte) []byte {
	var v asn1.RawValue
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		return der
	}
	return v.FullBytes
}

// der reads elements, one behind the other.
func (p *parser) der(data []byte) {
	for at := 0; at < len(data); {
		where := fmt.Sprintf("offset %d", at)
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(data[at:], &v)
		switch {
		case err != nil && len(bytes.TrimSpace(data[at:])) == 0:
			return // a newline behind the last
		case err != nil:
			p.fault(where, errors.New("DER is damaged"))
			return
		case p.full():
			p.fault(where, fmt.Errorf("file holds more than %d objects: the rest is not read", maxObjects))
			return
		}
		at = len(data) - len(rest)
		p.derObject(where, v.FullBytes)
	}
}

// derObject tells by trying what an element is. Each form is strict enough to be taken for no other.
func (p *parser) derObject(where string, der []byte) {
	for _, read := range []func(*Object, []byte) error{(*Object).certificate, (*Object).request, (*Object).crl, (*Object).publicKey} {
		o := Object{Where: where}
		if read(&o, der) == nil {
			p.objects = append(p.objects, o)
			return
		}
	}
	if key, err := pki.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err == nil {
		p.objects = append(p.objects, Object{Kind: PrivateKey, Where: where, Public: key.Public()})
		return
	}
	p.fault(where, errors.New("DER holds no certificate, request, key or CRL that can be read"))
}

func (o *Object) certificate(der []byte) error {
	o.Kind = Certificate
	c, err := x509.ParseCertificate(der)
	if err != nil {
		if lenient, ok := lenientCertificate(der); ok {
			c, err = lenient, nil
		}
	}
	if err == nil {
		o.Certificate, o.Public = c, c.PublicKey
	}
	return err
}

func (o *Object) request(der []byte) error {
	o.Kind = Request
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		if lenient, ok := lenientRequest(der); ok {
			r, err = lenient, nil
		}
	}
	if err == nil {
		o.Request, o.Public = r, r.PublicKey
	}
	return err
}

func (o *Object) crl(der []byte) (err error) {
	o.Kind = CRL
	if o.CRL, err = x509.ParseRevocationList(der); err != nil {
		if lenient, ok := lenientCRL(der); ok {
			o.CRL, err = lenient, nil
		}
	}
	return err
}

func (o *Object) publicKey(der []byte) error {
	o.Kind = PublicKey
	var err error
	if o.Public, err = x509.ParsePKIXPublicKey(der); err == nil {
		return nil
	}
	k, err := x509.ParsePKCS1PublicKey(der)
	if err == nil {
		o.Public = k
	}
	return err
}
