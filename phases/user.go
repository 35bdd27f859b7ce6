package phases

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/internal/hidden"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// UserRequest asks for the kubeconfig of one user. The user's name and groups
// are the subject of a client certificate of the cluster's CA, unless a token is given.
type UserRequest struct {
	hidden.Secret
	Subject      pki.Subject
	Validity     time.Duration
	UntilCA      bool // as of an Order
	KeyAlgorithm pki.KeyAlgorithm
	AnyAlgorithm bool // as of an Order

	Server, Cluster, Context, Namespace string
	// Token is in the kubeconfig instead of a certificate.
	Token string
	// Public is the key of somebody who keeps the private half: the kubeconfig
	// then has a certificate and no key.
	Public crypto.PublicKey
	// Path is the file to write; "" for none. Files, if set, are files beside it that the kubeconfig names instead of
	// holding the data.
	Path  string
	Files UserFiles
	// Into is a file that the caller merges the result into: where it holds all of that, nothing is made.
	Into string
}

// UserFiles are paths, relative to the kubeconfig's directory or absolute.
type UserFiles struct{ CA, Cert, Key string }

// User is a finished kubeconfig, and its files. Kubeconfig is secret, and nil where all was there already.
type User struct {
	hidden.Secret
	Kubeconfig  []byte
	Certificate *x509.Certificate // nil with a token
	Files       []string
	Verb        Verb // as of Issued
	Reason      string
	Signed      bool
}

// Users makes the kubeconfigs of users, all or none, with keys made on all cores. What is there already and is what is
// asked for is kept; anything else that is there is a *RefusedError. Only the row "ca" of the tree is looked at. A CA that
// is not right is a *RefusedError; one whose key is elsewhere can only serve tokens.
func Users(ctx context.Context, t certs.Tree, site judge.Site, now time.Time, requests []UserRequest) ([]User, error) {
	ca := certs.ID{Role: certs.ClusterCA}
	var actions []Action
	out := make([]User, len(requests))
	for i, r := range requests {
		actions = append(actions, r.action(ca))
		for _, o := range actions[i].Outputs {
			if o.Path != "" {
				out[i].Files = append(out[i].Files, o.Path)
			}
		}
	}
	made, err := issueAll(ctx, t, site, now, actions, ca)
	if err != nil {
		return nil, err
	}
	for i, m := range made {
		out[i].Verb, out[i].Reason, out[i].Signed = m.Verb, m.Reason, m.Signed
		for j, o := range actions[i].Outputs {
			if o.Kind == KubeconfigFile {
				out[i].Kubeconfig = m.Files[j]
			}
		}
		if len(m.Chain) > 0 {
			out[i].Certificate = m.Chain[0]
		}
	}
	return out, nil
}

// action is the order and the files of one user.
func (r UserRequest) action(ca certs.ID) Action {
	a := Action{Verb: Create, Label: fmt.Sprintf("user %q", r.Subject.CommonName)}
	a.Make = &Order{
		Signer: ca, Template: pki.Template{Subject: r.Subject, ExtKeyUsage: certs.Client.ExtKeyUsage()},
		Validity: r.Validity, UntilCA: r.UntilCA, Algorithm: r.KeyAlgorithm, AnyAlgorithm: r.AnyAlgorithm, Public: r.Public, Unsigned: r.Token != "",
	}
	single := kubeconfig.Single{Cluster: r.Cluster, Server: r.Server, User: r.Subject.CommonName, Token: r.Token, Context: r.Context, Namespace: r.Namespace}
	beside := func(kind OutputKind, name string) {
		if name != "" {
			mode := fs.FileMode(0o644)
			if kind == KeyFile {
				mode = 0o600
			}
			a.Outputs = append(a.Outputs, Output{Kind: kind, Path: filepath.Join(filepath.Dir(r.Path), name), Mode: mode})
		}
	}
	if r.Token == "" {
		single.ClientCertFile, single.ClientKeyFile = r.Files.Cert, r.Files.Key
		if r.Public == nil {
			beside(KeyFile, r.Files.Key)
		}
		beside(CertificateFile, r.Files.Cert)
	}
	single.CAFile = r.Files.CA
	beside(TrustFile, r.Files.CA)
	a.Outputs = append(a.Outputs, Output{Kind: KubeconfigFile, Path: r.Path, Mode: 0o600, Conf: &Conf{Single: single, Into: r.Into}})
	return a
}
