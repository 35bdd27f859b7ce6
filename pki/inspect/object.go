// Package inspect says what a file of keys and certificates holds: what each object is for, whom it names, how long it
// holds, what a request asks for. It reads PEM and DER, several objects per file, with the parser that package verify
// judges with, and writes them in the words of `openssl x509 -text` too.
//
// It is pure: files come as their content, the time as an argument. Of a private key it keeps nothing but the public half.
package inspect

import (
	"crypto"
	"crypto/x509"

	"github.com/pkitool/pkitool/pki/verify"
)

// Kind is what an object is.
type Kind string

// The kinds there are; the words are those of the outputs.
const (
	KindCertificate Kind = "certificate"
	KindRequest     Kind = "certificate request"
	KindCRL         Kind = "CRL"
	KindPrivateKey  Kind = "private key"
	KindPublicKey   Kind = "public key"
)

// Object is one object of a file. Of the pointers the one of its kind is set.
type Object struct {
	Kind Kind
	// Where says where in its file the object begins ("line 23", "offset 512"), "" when it is all of the file.
	Where string

	Certificate *verify.Certificate
	Request     *verify.Request
	CRL         *verify.CRL
	// Public is the public key of everything but a CRL. It is nil for one of a type that is not supported or that
	// cannot be decoded, and for an encrypted private key.
	Public crypto.PublicKey
	// Encrypted is true for a private key under a passphrase.
	Encrypted bool

	keyInfo []byte // the encoded SubjectPublicKeyInfo; nil: none
}

// IsCA reports whether the object is the certificate of a CA.
func (o Object) IsCA() bool { return o.Certificate != nil && o.Certificate.IsCA() }

// read takes the encoding of an object; false if it is none of that kind.
func read(kind Kind, der []byte) (o Object, ok bool) {
	o.Kind = kind
	var err error
	switch kind {
	case KindCertificate:
		// Whatever the label says, trust settings may follow; where they are malformed, openssl reads the certificate alone.
		if o.Certificate, err = verify.ParseTrustedCertificate(der); err != nil {
			o.Certificate, err = verify.ParseCertificate(der)
		}
		if err == nil {
			o.keyInfo = o.Certificate.PublicKeyInfo()
		}
	case KindRequest:
		if o.Request, err = verify.ParseRequest(der); err == nil {
			o.keyInfo = o.Request.PublicKeyInfo()
		}
	case KindCRL:
		o.CRL, err = verify.ParseCRL(der)
	case KindPublicKey:
		o.keyInfo = der
		if k, plain := x509.ParsePKCS1PublicKey(der); plain == nil {
			o.keyInfo, err = x509.MarshalPKIXPublicKey(k)
		} else if pub, other := verify.PublicKey(der); pub == nil && other == "" {
			return o, false
		}
	}
	o.Public, _ = verify.PublicKey(o.keyInfo)
	return o, err == nil
}
