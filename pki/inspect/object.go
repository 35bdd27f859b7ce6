// Package inspect says what a file of keys and certificates holds: what each object is for, whom it names, how long it
// holds. It reads PEM and DER, several objects per file, and writes them in the words of `openssl x509 -text` too.
//
// It is pure: files come as their content, the time as an argument. Of a private key it keeps nothing but the public half.
package inspect

import (
	"crypto"
	"crypto/x509"
	"fmt"
)

// Kind is what an object is.
type Kind string

// The kinds there are; the words are those of the outputs.
const (
	Certificate Kind = "certificate"
	Request     Kind = "certificate request"
	CRL         Kind = "CRL"
	PrivateKey  Kind = "private key"
	PublicKey   Kind = "public key"
)

// Object is one object of a file. Of the pointers the one of its kind is set.
type Object struct {
	Kind Kind
	// Where says where in its file the object begins ("line 23", "offset 512"), "" when it is all of the file.
	Where string

	Certificate *x509.Certificate
	Request     *x509.CertificateRequest
	CRL         *x509.RevocationList
	// Public is the public key of everything but a CRL. It is nil for one that nothing here can read, and for an
	// encrypted private key.
	Public crypto.PublicKey
	// Encrypted is true for a private key under a passphrase.
	Encrypted bool
}

// Fault is an object that cannot be read.
type Fault struct {
	Where string // as in Object, "" for the file as a whole
	Err   error
}

func (f *Fault) Error() string {
	if f.Where == "" {
		return f.Err.Error()
	}
	return fmt.Sprintf("%s: %v", f.Where, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }
