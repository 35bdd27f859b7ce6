// Package kubeconfig parses, writes, checks, edits and merges kubeconfig files, the client configuration of kubectl and
// of every Kubernetes component.
//
// It works on bytes: reading and writing files is the caller's business, and so is every question about the
// certificates and keys inside, which are opaque PEM here. Two views of a file exist. [Config] is a small typed view for
// those who want to know what a file says. The functions that change a file ([Edit], [Merge], [Fix]) work on the YAML
// tree instead, so that what this package has never heard of (exec plugins, extensions, comments, the order of keys)
// comes out as it went in.
//
// The format is read as client-go reads it, with fewer doubts: a key or name given twice, where client-go takes the last
// one or stops without a line number, is an error with its line, and so is a second document, which client-go ignores.
package kubeconfig

import (
	"errors"
	"fmt"
)

// Config is what a kubeconfig says, in the order of the file. Fields that this package does not know are not shown here;
// nothing is written from a Config, so nothing is lost by that.
//
// It holds private keys and tokens: never print one with %v.
type Config struct {
	Clusters []Cluster
	Contexts []Context
	Users    []User
	// CurrentContext is the name of the context that kubectl uses when none is asked for; "" if none is set.
	CurrentContext string
}

// Cluster is one entry of the list of clusters: a server and how to trust it.
type Cluster struct {
	Name string
	Line int // where the entry begins, from 1

	Server                string // URL
	TLSServerName         string // checked against the server's certificate instead of the host in Server
	InsecureSkipTLSVerify bool
	CA                    []byte // certificate-authority-data, decoded: PEM. It beats CAFile
	CAFile                string // certificate-authority: a path, relative to the directory of the kubeconfig
	ProxyURL              string
}

// Context is one entry of the list of contexts: a user at a cluster.
type Context struct {
	Name string
	Line int

	Cluster   string // name of a Cluster
	User      string // name of a User
	Namespace string
}

// User is one entry of the list of users: credentials. client-go sends the certificate in the handshake and the others
// as a header, so several can be present.
type User struct {
	Name string
	Line int

	ClientCert     []byte // client-certificate-data, decoded: PEM. It beats ClientCertFile
	ClientCertFile string
	ClientKey      []byte // client-key-data, decoded: PEM. It beats ClientKeyFile
	ClientKeyFile  string
	Token          string
	TokenFile      string // tokenFile: beats Token once it has been read
	Username       string
	HasPassword    bool
	Exec           *Exec  // an exec plugin that fetches credentials; nil if there is none
	AuthProvider   string // name of an in-tree auth provider (all but oidc removed from client-go in 1.26); "" if there is none
	Impersonate    string // as: the user to act as
	// ImpersonateMore says that as-uid, as-groups or as-user-extra is there, which go with as only.
	ImpersonateMore bool
}

// Exec is an exec credential plugin, as far as it is of interest here.
type Exec struct {
	APIVersion      string
	Command         string
	InteractiveMode string   // "" if it is not set, which version v1 does not allow
	Env             []string // names of the variables set for it, "" where the name is missing
}

// Entry is a context with what it refers to.
type Entry struct {
	Context Context
	Cluster Cluster
	User    User
}

// ErrNoCurrentContext is returned by [Config.Current] for a file that does not say which context to use, an empty one
// for example.
var ErrNoCurrentContext = errors.New("current-context is not set")

// Cluster returns the cluster of that name.
func (c *Config) Cluster(name string) (Cluster, bool) {
	for _, cl := range c.Clusters {
		if cl.Name == name {
			return cl, true
		}
	}
	return Cluster{}, false
}

// Context returns the context of that name.
func (c *Config) Context(name string) (Context, bool) {
	for _, ctx := range c.Contexts {
		if ctx.Name == name {
			return ctx, true
		}
	}
	return Context{}, false
}

// User returns the user of that name.
func (c *Config) User(name string) (User, bool) {
	for _, u := range c.Users {
		if u.Name == name {
			return u, true
		}
	}
	return User{}, false
}

// Current returns the context that the file names as its current one, with its cluster and its user. The error says which
// link of that chain is missing.
func (c *Config) Current() (Entry, error) {
	if c.CurrentContext == "" {
		return Entry{}, ErrNoCurrentContext
	}
	return c.Resolve(c.CurrentContext)
}

// Resolve returns the context of that name, with its cluster and its user. The error says which link of that chain is
// missing.
func (c *Config) Resolve(context string) (Entry, error) {
	ctx, ok := c.Context(context)
	if !ok {
		if context == c.CurrentContext {
			return Entry{}, fmt.Errorf("current-context %q is not among the contexts", context)
		}
		return Entry{}, fmt.Errorf("context %q does not exist", context)
	}
	if ctx.Cluster == "" {
		return Entry{}, fmt.Errorf("context %q names no cluster", context)
	}
	if ctx.User == "" {
		return Entry{}, fmt.Errorf("context %q names no user", context)
	}
	cl, ok := c.Cluster(ctx.Cluster)
	if !ok {
		return Entry{}, fmt.Errorf("context %q: cluster %q does not exist", context, ctx.Cluster)
	}
	u, ok := c.User(ctx.User)
	if !ok {
		return Entry{}, fmt.Errorf("context %q: user %q does not exist", context, ctx.User)
	}
	return Entry{Context: ctx, Cluster: cl, User: u}, nil
}
