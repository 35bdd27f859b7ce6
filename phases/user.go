package phases

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

// UserRequest asks for the kubeconfig of one user. The user's name and groups
// are the subject of a client certificate of the cluster's CA, unless a token is given.
type UserRequest struct {
	Subject      pki.Subject
	Validity     time.Duration
	KeyAlgorithm pki.KeyAlgorithm

	Server, Cluster, Context, Namespace string
	// Token stands in the kubeconfig instead of a certificate.
	Token string
	// Public is the key of somebody who keeps the private half: the kubeconfig
	// then has a certificate and no key.
	Public crypto.PublicKey
	// Files, if set, are paths written into the kubeconfig instead of the data.
	Files UserFiles
}

// UserFiles are paths, relative to the kubeconfig's directory or absolute.
type UserFiles struct{ CA, Cert, Key string }

// User is a finished kubeconfig and its parts, in PEM. Kubeconfig and Key are secret.
type User struct {
	Kubeconfig    []byte
	CA, Cert, Key []byte
	Certificate   *x509.Certificate // nil with a token
}

// Users makes the kubeconfigs of users, all or none, with keys made on all
// cores. Only the row "ca" of the tree is looked at. A CA that is not right is
// a *RefusedError; one whose key is elsewhere can only serve tokens.
func Users(t certs.Tree, dirs Dirs, now time.Time, requests []UserRequest) ([]User, error) {
	ca, err := signer(t, dirs, "ca", now)
	if err != nil {
		return nil, err
	}
	out, errs := make([]User, len(requests)), make([]error, len(requests))
	atOnce(len(requests), func(i int) {
		if out[i], errs[i] = requests[i].make(ca, now); errs[i] != nil {
			errs[i] = fmt.Errorf("user %q: %w", requests[i].Subject.CommonName, errs[i])
		}
	})
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return out, errs[i]
	}
	return out, nil
}

// signer is a CA of the directory as it is there, judged as every plan judges it.
func signer(t certs.Tree, dirs Dirs, row string, now time.Time) (*authority, error) {
	p, err := plan(t, dirs, []string{row}, Options{Now: now, CertMode: 0o644})
	if err != nil {
		return nil, err
	}
	a := &p.actions[0]
	if a.Verb == Create {
		a.refuse(Fault{Text: "there is no CA", Path: a.Files[len(a.Files)-1], Hint: fmt.Sprintf("run `pkitool init phase certs %s` first, or name another directory with --cert-dir", row)})
	}
	if len(p.Refused()) > 0 {
		return nil, &RefusedError{Plan: p}
	}
	return a.signing, nil
}

// ExternalCAError says that a certificate cannot be signed here.
type ExternalCAError struct{ Path string }

func (e *ExternalCAError) Error() string {
	return fmt.Sprintf("the CA's key is not here (%s)", e.Path)
}

// Hint says what to do instead.
func (e *ExternalCAError) Hint() string {
	return "make a request with `openssl req`, or with `pkitool certs generate-csr` for a row of the cluster, and have it signed where the key is"
}

func (r UserRequest) make(ca *authority, now time.Time) (User, error) {
	u := User{CA: pki.EncodeCertificates(ca.bundle...)}
	if r.Token == "" {
		if err := r.certify(&u, ca, now); err != nil {
			return User{}, err
		}
	}
	single := kubeconfig.Single{
		Cluster: r.Cluster, Server: r.Server, CA: u.CA, User: r.Subject.CommonName, Token: r.Token,
		ClientCert: u.Cert, ClientKey: u.Key, Context: r.Context, Namespace: r.Namespace,
	}
	if r.Files.CA != "" {
		single.CA, single.CAFile = nil, r.Files.CA
	}
	if r.Files.Cert != "" && u.Cert != nil {
		single.ClientCert, single.ClientCertFile = nil, r.Files.Cert
	}
	if r.Files.Key != "" && (u.Key != nil || r.Public != nil) {
		single.ClientKey, single.ClientKeyFile = nil, r.Files.Key
	}
	var err error
	u.Kubeconfig, err = single.Render()
	return u, err
}

func (r UserRequest) certify(u *User, ca *authority, now time.Time) error {
	made, err := ca.issue(now, IssueRequest{
		Template: pki.Template{Subject: r.Subject, ExtKeyUsage: certs.Client.ExtKeyUsage()},
		Validity: r.Validity, KeyAlgorithm: r.KeyAlgorithm, Public: r.Public,
	})
	u.Cert, u.Key, u.Certificate = made.Cert, made.Key, made.Certificate
	return err
}

// RequestedKey reads a PKCS #10 request (PEM or DER) and gives its public key,
// once the request's own signature has shown that the private half is held.
// Nothing else in a request is taken over.
func RequestedKey(data []byte) (crypto.PublicKey, error) {
	r, err := inspect.ReadRequest(data)
	return r.Public, err
}
