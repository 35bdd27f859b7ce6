package openssl

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/pkitool/pkitool/pki/verify"
)

// maxIterations bounds the work that a PKCS #12 file may ask for to derive a key.
const maxIterations = 1 << 20

// addPKCS12 takes the certificates of a PKCS #12 file whose passphrase is empty, the one of the private key first,
// as openssl orders them. Nobody is asked for a passphrase. The keys are not looked at, only which certificate says
// that it belongs to one.
func (o *Objects) addPKCS12(der []byte) {
	if len(der) < 8 || der[0] != 0x30 || tooManyIterations(der, 0) {
		return
	}
	in := cryptobyte.String(der)
	var file, safes cryptobyte.String
	if !in.ReadASN1(&file, cbasn1.SEQUENCE) || !file.SkipASN1(cbasn1.INTEGER) || !readData(&file, &safes) ||
		!isMAC(file) || !safes.ReadASN1(&safes, cbasn1.SEQUENCE) {
		return
	}
	//lint:ignore SA1019 the library has nothing else that tells a passphrase from a form that it does not read
	if _, err := pkcs12.ToPEM(der, ""); errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return
	}
	var all bags
	for !safes.Empty() {
		if !all.addSafe(&safes) {
			return
		}
	}
	var own, others []*verify.Certificate
	for _, b := range all.certificates {
		c, err := verify.ParseCertificate(b.der)
		if err != nil {
			return
		}
		if all.keyID != "" && b.keyID == all.keyID && len(own) == 0 {
			own = append(own, c)
		} else {
			others = append(others, c)
		}
	}
	o.foreign = o.foreign || all.key
	o.Certificates = append(append(o.Certificates, own...), others...)
}

// bags are what a PKCS #12 file holds. A keyID is what a key and its certificate have in common.
type bags struct {
	certificates []certificateBag
	key          bool // there is one
	keyID        string
}

type certificateBag struct {
	der   []byte
	keyID string
}

var (
	oidData        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidKeyBag      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidLocalKeyID  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}

	explicit0 = cbasn1.Tag(0).ContextSpecific().Constructed()
)

// legacyCiphers are the beginnings, in DER, of the names of RC4 and RC2, which openssl 3.0 has only in a provider that
// is not loaded.
var legacyCiphers = [][]byte{
	{6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 1}, {6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 2},
	{6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 5}, {6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 6},
}

// readData reads a ContentInfo of plain data.
func readData(in, data *cryptobyte.String) bool {
	var info, content cryptobyte.String
	var kind asn1.ObjectIdentifier
	return in.ReadASN1(&info, cbasn1.SEQUENCE) && info.ReadASN1ObjectIdentifier(&kind) && kind.Equal(oidData) &&
		info.ReadASN1(&content, explicit0) && content.ReadASN1(data, cbasn1.OCTET_STRING)
}

// isMAC reports whether it is a MacData, or nothing: the library does not tell one that it cannot read from one that
// is right. Of the digests it has no SHA-224 and SHA-384, whose MAC is believed.
func isMAC(in cryptobyte.String) bool {
	if in.Empty() {
		return true
	}
	var mac, info, algorithm cryptobyte.String
	var digest asn1.ObjectIdentifier
	if !in.ReadASN1(&mac, cbasn1.SEQUENCE) || !in.Empty() ||
		!mac.ReadASN1(&info, cbasn1.SEQUENCE) || !mac.SkipASN1(cbasn1.OCTET_STRING) || !mac.SkipOptionalASN1(cbasn1.INTEGER) || !mac.Empty() ||
		!info.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.OCTET_STRING) || !info.Empty() ||
		!algorithm.ReadASN1ObjectIdentifier(&digest) || !algorithm.SkipOptionalASN1(cbasn1.NULL) || !algorithm.Empty() {
		return false
	}
	switch digest.String() {
	case "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3", "2.16.840.1.101.3.4.2.4":
		return true
	}
	return false
}

// addSafe reads one safe; an encrypted one goes through the library, in a file made for it. False says that the
// whole file is of no use.
func (b *bags) addSafe(safes *cryptobyte.String) bool {
	var element cryptobyte.String
	if !safes.ReadASN1Element(&element, cbasn1.SEQUENCE) {
		return false
	}
	plain, contents := element, cryptobyte.String(nil)
	if readData(&plain, &contents) {
		return contents.ReadASN1(&contents, cbasn1.SEQUENCE) && b.addBags(contents)
	}
	for _, name := range legacyCiphers {
		if bytes.Contains(element, name) {
			return false
		}
	}
	//lint:ignore SA1019 it alone gives the certificates as they are
	blocks, err := pkcs12.ToPEM(fileOfSafe(element), "")
	for _, block := range blocks {
		switch block.Type {
		case "CERTIFICATE":
			b.certificates = append(b.certificates, certificateBag{block.Bytes, block.Headers["localKeyId"]})
		case "PRIVATE KEY":
			b.key, b.keyID = true, block.Headers["localKeyId"]
		}
	}
	return err == nil
}

// fileOfSafe is a PKCS #12 file of that safe and, because the library wants two, of an empty one.
func fileOfSafe(safe []byte) []byte {
	var out cryptobyte.Builder
	data := func(out *cryptobyte.Builder, contents cryptobyte.BuilderContinuation) {
		out.AddASN1(cbasn1.SEQUENCE, func(info *cryptobyte.Builder) {
			info.AddASN1ObjectIdentifier(oidData)
			info.AddASN1(explicit0, func(content *cryptobyte.Builder) {
				content.AddASN1(cbasn1.OCTET_STRING, func(octets *cryptobyte.Builder) { octets.AddASN1(cbasn1.SEQUENCE, contents) })
			})
		})
	}
	out.AddASN1(cbasn1.SEQUENCE, func(file *cryptobyte.Builder) {
		file.AddASN1Int64(3)
		data(file, func(safes *cryptobyte.Builder) {
			safes.AddBytes(safe)
			data(safes, func(*cryptobyte.Builder) {})
		})
	})
	return out.BytesOrPanic()
}

// addBags reads the bags of a safe that is not encrypted.
func (b *bags) addBags(contents cryptobyte.String) bool {
	for !contents.Empty() {
		var bag, value, attributes cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !contents.ReadASN1(&bag, cbasn1.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&kind) || !bag.ReadASN1(&value, explicit0) ||
			!bag.ReadOptionalASN1(&attributes, nil, cbasn1.SET) {
			return false
		}
		id, ok := localKeyID(attributes)
		switch {
		case !ok:
			return false
		case kind.Equal(oidKeyBag), kind.Equal(oidShroudedBag):
			b.key, b.keyID = true, id
		case kind.Equal(oidCertBag):
			var certificate, content, der cryptobyte.String
			var form asn1.ObjectIdentifier
			if !value.ReadASN1(&certificate, cbasn1.SEQUENCE) || !certificate.ReadASN1ObjectIdentifier(&form) ||
				!certificate.ReadASN1(&content, explicit0) {
				return false
			}
			if form.Equal(oidX509) && content.ReadASN1(&der, cbasn1.OCTET_STRING) {
				b.certificates = append(b.certificates, certificateBag{der, id})
			}
		}
	}
	return true
}

// localKeyID looks it up among attributes, as the library writes it.
func localKeyID(attributes cryptobyte.String) (id string, ok bool) {
	for !attributes.Empty() {
		var attribute, values, value cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !attributes.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&kind) || !attribute.ReadASN1(&values, cbasn1.SET) {
			return "", false
		}
		if kind.Equal(oidLocalKeyID) && values.ReadASN1(&value, cbasn1.OCTET_STRING) {
			id = hex.EncodeToString(value)
		}
	}
	return id, true
}

// tooManyIterations looks through the structure for key derivations: a sequence that starts with a salt and a
// number.
func tooManyIterations(b []byte, depth int) bool {
	if depth > 16 {
		return false
	}
	var last byte
	for at := 0; at < len(b); {
		contents, length, ok := elementHeader(b[at:])
		if !ok || length < 0 || length > len(b)-at-contents {
			return false
		}
		tag, body := b[at], b[at+contents:at+contents+length]
		switch tag {
		case 0x30, 0x31, 0xa0, 0x04:
			if tooManyIterations(body, depth+1) {
				return true
			}
		case 0x02:
			if last == 0x04 && number(body) > maxIterations {
				return true
			}
		}
		last = tag
		at += contents + length
	}
	return false
}

func number(octets []byte) int {
	if len(octets) > 4 {
		return maxIterations + 1
	}
	n := 0
	for _, o := range octets {
		n = n<<8 | int(o)
	}
	return n
}
