package inspect

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/verify"
)

// maxObjects bounds what one file may hold: twenty times the bundle of public CAs that every system ships.
const maxObjects = 4096

// IsText reports whether data is neither PEM nor DER: a kubeconfig perhaps, or nothing of ours.
func IsText(data []byte) bool {
	return !bytes.Contains(data, pemBegin) && (len(data) == 0 || data[0] != 0x30)
}

var pemBegin = []byte("-----BEGIN ")

// Parse reads every object of a file, PEM or DER, in order. What cannot be read is a finding with its place in the
// file as Entry, and does not keep the others from being read. A file without any object is one finding.
func Parse(data []byte) ([]Object, []*finding.Finding) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, []*finding.Finding{finding.New(finding.FileEmpty)}
	}
	var p parser
	switch {
	case bytes.Contains(data, pemBegin):
		p.pem(data)
	case data[0] == 0x30:
		p.der(data)
	default:
		p.fault("", finding.New(finding.FileOtherForm))
	}
	if len(p.objects)+len(p.faults) == 0 {
		p.fault("", finding.New(finding.ObjectNone))
	}
	if len(p.objects) == 1 && len(p.faults) == 0 {
		p.objects[0].Where = ""
	}
	return p.objects, p.faults
}

type parser struct {
	objects []Object
	faults  []*finding.Finding
}

func (p *parser) fault(where string, f *finding.Finding) {
	f.Entry = where
	p.faults = append(p.faults, f)
}

// full ends the reading of a file that holds too much.
func (p *parser) full(where string) bool {
	if len(p.objects)+len(p.faults) < maxObjects {
		return false
	}
	p.fault(where, finding.New(finding.ObjectsTooMany, fmt.Sprint(maxObjects)))
	return true
}

// pem reads blocks one by one, from BEGIN to BEGIN: a decoder that looks for the next good block would pass over a
// damaged one without a word.
func (p *parser) pem(data []byte) {
	line := 1
	for at := bytes.Index(data, pemBegin); at >= 0; {
		line += bytes.Count(data[:at], []byte("\n"))
		where := fmt.Sprintf("line %d", line)
		if p.full(where) {
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
			p.fault(where, finding.New(finding.BlockDamaged))
		} else {
			p.block(where, b)
		}
		at = next
	}
}

// kinds are the labels of blocks (RFC 7468, and openssl's older ones).
var kinds = map[string]Kind{
	"CERTIFICATE": KindCertificate, "X509 CERTIFICATE": KindCertificate, "TRUSTED CERTIFICATE": KindCertificate,
	"CERTIFICATE REQUEST": KindRequest, "NEW CERTIFICATE REQUEST": KindRequest, "X509 CRL": KindCRL,
	"PUBLIC KEY": KindPublicKey, "RSA PUBLIC KEY": KindPublicKey,
}

func (p *parser) block(where string, b *pem.Block) {
	kind, known := kinds[b.Type]
	switch {
	case known:
		if !p.take(kind, where, b.Bytes) {
			p.fault(where, finding.New(finding.ObjectBroken, string(kind)))
		}
	case strings.HasSuffix(b.Type, "PRIVATE KEY"):
		p.privateKey(where, b)
	case strings.HasSuffix(b.Type, " PARAMETERS"): // before every key that openssl makes, and beside a proxy's certificates
	case b.Type == "PKCS7" || b.Type == "CMS" || b.Type == "PKCS #7 SIGNED DATA":
		if !p.signedData(where, b.Bytes) {
			p.fault(where, finding.New(finding.ObjectBroken, "PKCS #7 file"))
		}
	default:
		p.fault(where, finding.New(finding.BlockOther, fmt.Sprintf("%q", short(b.Type))))
	}
}

// take adds an object, if der is one of that kind.
func (p *parser) take(kind Kind, where string, der []byte) bool {
	o, ok := read(kind, der)
	if o.Where = where; ok {
		p.objects = append(p.objects, o)
	}
	return ok
}

// short bounds text that comes out of the file, and keeps it off the terminal's controls.
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

func (p *parser) privateKey(where string, b *pem.Block) bool {
	o := Object{Kind: KindPrivateKey, Where: where}
	key, err := pki.ParsePrivateKey(pem.EncodeToMemory(b))
	switch {
	case err != nil && finding.Of(err, finding.KeyBroken).ID == finding.KeyEncrypted:
		o.Encrypted = true
	case err != nil:
		p.fault(where, finding.New(finding.KeyBroken))
		return false
	default:
		o.Public = key.Public()
		o.keyInfo, _ = x509.MarshalPKIXPublicKey(o.Public)
	}
	p.objects = append(p.objects, o)
	return true
}

// signedData takes the certificates and CRLs of a PKCS #7 file (RFC 2315 section 9.1), as Windows' CA sends them.
func (p *parser) signedData(where string, der []byte) bool {
	const oidSignedData = "1.2.840.113549.1.7.2"
	top := verify.NewReader(der)
	info := top.Sequence()
	info.Require(info.OID() == oidSignedData)
	data := info.Explicit(0).Sequence()
	data.Int()
	data.Any() // digest algorithms
	data.Any() // what is signed: nothing
	for tag, kind := range []Kind{KindCertificate, KindCRL} {
		if !data.AtContext(tag) {
			continue
		}
		list := data.ImplicitList(tag)
		for n := 1; list.More(); n++ {
			der, part := list.Any().Raw(), fmt.Sprintf("%s, %s %d", where, kind, n)
			if p.full(part) {
				return true
			}
			if list.OK() && !p.take(kind, part, der) {
				p.fault(part, finding.New(finding.ObjectBroken, string(kind)))
			}
		}
	}
	return top.OK()
}

// der reads elements, one behind the other.
func (p *parser) der(data []byte) {
	for at := 0; at < len(data); {
		where := fmt.Sprintf("offset %d", at)
		r := verify.NewReader(data[at:])
		element := r.Any().Raw()
		switch {
		case !r.OK() && len(bytes.TrimSpace(data[at:])) == 0:
			return // a newline behind the last
		case !r.OK():
			p.fault(where, finding.New(finding.DERDamaged))
			return
		case p.full(where):
			return
		}
		at += len(element)
		p.derObject(where, element)
	}
}

// derObject tells by trying what an element is. Each form is strict enough to be taken for no other.
func (p *parser) derObject(where string, der []byte) {
	for _, kind := range []Kind{KindCertificate, KindRequest, KindCRL, KindPublicKey} {
		if p.take(kind, where, der) {
			return
		}
	}
	known := len(p.faults)
	if p.signedData(where, der) || p.privateKey(where, &pem.Block{Type: "PRIVATE KEY", Bytes: der}) {
		return
	}
	p.faults = p.faults[:known]
	p.fault(where, finding.New(finding.DEROther))
}
