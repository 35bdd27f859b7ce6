// Package kubeconfig parses, writes, checks, edits and merges kubeconfig files, the client configuration of kubectl and
// of every Kubernetes component.
//
// It works on bytes: reading and writing files is the caller's business, and so is every question about the
// certificates and keys inside, which are opaque PEM here. Two views of a file exist. [Config] is a small typed view for
// those who want to know what a file says. The functions that change a file ([Edit], [Merge], [Fix]) work on the YAML
// tree instead, so that what this package has never heard of (exec plugins, extensions, comments, the order of keys)
// comes out as it went in.
//
// The format is read as client-go reads it, YAML 1.1 and JSON, with fewer doubts: a key or name given twice, where client-go
// takes the last one or stops without a line number, is an error with its line, and so is a second document with content,
// which client-go ignores. Aliases, merge keys and !!binary are replaced by what they stand for when a file is read, so
// that what is written is plain.
package kubeconfig

import (
	"fmt"
	"slices"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/hidden"
)

// Config is what a kubeconfig says, in the order of the file. Fields that this package does not know are not shown here;
// nothing is written from a Config, so nothing is lost by that.
//
// It holds private keys and tokens, which are not printed.
type Config struct {
	Clusters []Cluster
	Contexts []Context
	Users    []User
	// CurrentContext is the name of the context that kubectl uses when none is asked for. "" is none, unless there is a
	// context without a name, as in the files of kubelets: kubectl uses that one.
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
	hidden.Secret
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
	// ImpersonateMore are the values of as-uid, as-groups and as-user-extra, which go with as only.
	ImpersonateMore []string
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

// Cluster returns the cluster of that name.
func (c *Config) Cluster(name string) (Cluster, bool) {
	return named(c.Clusters, func(e Cluster) bool { return e.Name == name })
}

// Context returns the context of that name.
func (c *Config) Context(name string) (Context, bool) {
	return named(c.Contexts, func(e Context) bool { return e.Name == name })
}

// User returns the user of that name.
func (c *Config) User(name string) (User, bool) {
	return named(c.Users, func(e User) bool { return e.Name == name })
}

// named returns the one of a list.
func named[T any](list []T, is func(T) bool) (T, bool) {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], true
	}
	var none T
	return none, false
}

// Current returns the context that the file names as its current one, with its cluster and its user. The error says which
// link of that chain is missing.
func (c *Config) Current() (Entry, error) {
	if _, unnamed := c.Context(""); c.CurrentContext == "" && !unnamed {
		return Entry{}, finding.New(finding.CurrentContextMissing)
	}
	return c.Resolve(c.CurrentContext)
}

// Resolve returns the context of that name, with its cluster and its user. The error says which link of that chain is
// missing.
func (c *Config) Resolve(context string) (Entry, error) {
	ctx, ok := c.Context(context)
	if !ok {
		if context == c.CurrentContext {
			return Entry{}, finding.New(finding.CurrentContextUnknown, finding.Quote(context))
		}
		return Entry{}, fmt.Errorf("context %q does not exist", context)
	}
	broken := func(id finding.ID, name string) (Entry, error) {
		return Entry{}, About(finding.New(id, finding.Quote(name)), "context", ctx.Name, ctx.Line)
	}
	cl, known := c.Cluster(ctx.Cluster)
	u, ok := c.User(ctx.User)
	switch {
	case !known && ctx.Cluster == "":
		return broken(finding.ContextWithoutCluster, "")
	case !known:
		return broken(finding.ContextClusterUnknown, ctx.Cluster)
	case !ok && ctx.User == "":
		return broken(finding.ContextWithoutUser, "")
	case !ok:
		return broken(finding.ContextUserUnknown, ctx.User)
	}
	return Entry{Context: ctx, Cluster: cl, User: u}, nil
}
