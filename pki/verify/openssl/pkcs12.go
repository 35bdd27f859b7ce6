package openssl

import (
	"github.com/pkitool/pkitool/pki/verify"
	"software.sslmate.com/src/go-pkcs12"
)

// maxIterations bounds the work that a PKCS #12 file may ask for to derive a key.
const maxIterations = 1 << 20

// addPKCS12 takes the certificates of a PKCS #12 file whose passphrase is empty, the one of the private key first,
// as openssl orders them. Nobody is asked for a passphrase.
func (o *Objects) addPKCS12(der []byte) {
	if len(der) < 8 || der[0] != 0x30 || tooManyIterations(der, 0) {
		return
	}
	//lint:ignore SA1019 it alone reads files without a key, and checks nothing
	blocks, err := pkcs12.ToPEM(der, "")
	if err != nil {
		return
	}
	var keyID string
	for _, b := range blocks {
		if b.Type == "PRIVATE KEY" {
			keyID = b.Headers["localKeyId"]
		}
	}
	var own, others []*verify.Certificate
	for _, b := range blocks {
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := verify.ParseCertificate(b.Bytes)
		if err != nil {
			return
		}
		if keyID != "" && b.Headers["localKeyId"] == keyID {
			own = append(own, c)
		} else {
			others = append(others, c)
		}
	}
	o.Certificates = append(append(o.Certificates, own...), others...)
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
