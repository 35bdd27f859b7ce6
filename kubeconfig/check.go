package kubeconfig

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Severity tells how bad a finding is.
type Severity string

const (
	// Error: client-go refuses the entry, ignores a part of it, or cannot use it.
	Error Severity = "error"
	// Warning: it works, but not everywhere, or not safely, or not as it reads.
	Warning Severity = "warning"
)

// Finding is something wrong with a kubeconfig as a file. What is in its certificates is not looked at.
type Finding struct {
	ID       string   `json:"id"` // stable, such as ca-given-twice
	Severity Severity `json:"severity"`
	Line     int      `json:"line,omitempty"` // where the entry begins; 0 for the file as a whole
	Kind     string   `json:"kind,omitempty"` // cluster, user or context; "" for the file as a whole
	Name     string   `json:"name,omitempty"` // of the entry
	Fault    string   `json:"fault"`
	Hint     string   `json:"hint,omitempty"`
	Fixable  bool     `json:"fixable"` // Fix repairs it
}

// String is the finding as a sentence, without its hint.
func (f Finding) String() string {
	if f.Kind == "" {
		return f.Fault
	}
	return fmt.Sprintf("%s %q: %s", f.Kind, shorten(f.Name), f.Fault)
}

// Check finds what is wrong with the parts of a kubeconfig and with the way they fit together, in the order of the file:
// contexts, clusters, users. It never looks at other files or at the network.
func (c *Config) Check() []Finding {
	k := &checker{}
	k.current(c)
	usedClusters, usedUsers := map[string]bool{}, map[string]bool{}
	for _, ctx := range c.Contexts {
		k.context(c, ctx)
		usedClusters[ctx.Cluster], usedUsers[ctx.User] = true, true
	}
	for _, cl := range c.Clusters {
		k.cluster(cl)
		if !usedClusters[cl.Name] {
			k.warn("cluster-unused", "no context uses it", "")
		}
	}
	for _, u := range c.Users {
		k.credentialPairs(u)
		k.credentialKinds(u)
		if !usedUsers[u.Name] {
			k.warn("user-unused", "no context uses it", "")
		}
	}
	return k.findings
}

// checker collects findings about one subject after the other.
type checker struct {
	kind     string
	name     string
	line     int
	findings []Finding
}

func (k *checker) about(kind, name string, line int) {
	k.kind, k.name, k.line = kind, name, line
}

func (k *checker) add(s Severity, id, fault, hint string) {
	k.findings = append(k.findings, Finding{ID: id, Severity: s, Line: k.line, Kind: k.kind, Name: k.name, Fault: fault, Hint: hint})
}

func (k *checker) fail(id, fault, hint string) { k.add(Error, id, fault, hint) }
func (k *checker) warn(id, fault, hint string) { k.add(Warning, id, fault, hint) }

// fixable marks the last finding.
func (k *checker) fixable() { k.findings[len(k.findings)-1].Fixable = true }

func (k *checker) current(c *Config) {
	if len(c.Contexts) == 0 {
		k.fail("contexts-missing", "there are no contexts, so the file leads nowhere", "")
	}
	_, known := c.Context(c.CurrentContext)
	switch {
	case c.CurrentContext == "" && len(c.Contexts) > 0:
		k.fail("current-context-missing", "current-context is not set", "set it to one of the contexts; without it kubectl tries localhost:8080")
	case c.CurrentContext != "" && !known:
		k.fail("current-context-unknown", fmt.Sprintf("current-context %q is not among the contexts", c.CurrentContext), "set it to one of the contexts")
	default:
		return
	}
	if len(c.Contexts) == 1 {
		k.fixable()
	}
}

// dnsLabel is what the API server takes for the name of a namespace (RFC 1123, 63 bytes).
var dnsLabel = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`) })

func (k *checker) context(c *Config, ctx Context) {
	k.about("context", ctx.Name, ctx.Line)
	if _, ok := c.Cluster(ctx.Cluster); ctx.Cluster == "" {
		k.fail("context-without-cluster", "names no cluster", "")
	} else if !ok {
		k.fail("context-cluster-unknown", fmt.Sprintf("cluster %q does not exist", ctx.Cluster), "")
	}
	if _, ok := c.User(ctx.User); ctx.User == "" {
		k.fail("context-without-user", "names no user", "")
	} else if !ok {
		k.fail("context-user-unknown", fmt.Sprintf("user %q does not exist", ctx.User), "")
	}
	if ctx.Namespace != "" && !dnsLabel().MatchString(ctx.Namespace) {
		k.fail("namespace-invalid", fmt.Sprintf("namespace %q is not a valid name", shorten(ctx.Namespace)), "small letters, digits and dashes, at most 63")
	}
}

func (k *checker) cluster(cl Cluster) {
	k.about("cluster", cl.Name, cl.Line)
	https := k.server(cl)
	if cl.ProxyURL != "" {
		u, err := url.Parse(cl.ProxyURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5") {
			k.fail("proxy-url-invalid", fmt.Sprintf("proxy-url %q is not an http, https or socks5 URL", shorten(redacted(u, cl.ProxyURL))), "")
		}
	}
	ca := len(cl.CA) > 0 || cl.CAFile != ""
	if len(cl.CA) > 0 && cl.CAFile != "" {
		k.fail("ca-given-twice", "certificate-authority-data and certificate-authority are both given; client-go refuses the file or uses the data",
			"remove certificate-authority, the path")
		k.fixable()
	}
	k.relative("certificate-authority", cl.CAFile)
	switch {
	case ca && cl.InsecureSkipTLSVerify:
		k.fail("insecure-with-ca", "insecure-skip-tls-verify is set beside a CA, which client-go refuses", "remove insecure-skip-tls-verify")
		k.fixable()
	case cl.InsecureSkipTLSVerify:
		k.warn("insecure", "insecure-skip-tls-verify is set: whoever answers gets the credentials", "give the CA of the cluster instead")
	case https && !ca:
		k.warn("ca-missing", "there is no CA: the server is trusted if a CA of the operating system vouches for it", "")
	}
}

// server judges the server's URL and tells whether it is https.
func (k *checker) server(cl Cluster) bool {
	if cl.Server == "" {
		k.fail("server-missing", "has no server", "")
		return false
	}
	if err := validateServer(cl.Server); err != nil {
		// client-go takes host and port alone, and guesses what goes before them.
		if validateServer("https://"+cl.Server) == nil && !strings.Contains(cl.Server, "/") {
			k.warn("server-without-scheme", fmt.Sprintf("server %q does not begin with https://: client-go takes https beside a CA or a client certificate, else http", shorten(cl.Server)), "write https:// in front of it")
			return false
		}
		k.fail("server-invalid", err.Error(), "")
		return false
	}
	scheme, _, _ := strings.Cut(cl.Server, ":")
	if strings.EqualFold(scheme, "http") {
		k.warn("server-not-https", fmt.Sprintf("server %q is not https: client certificates are not sent, everything else can be read on the way", shorten(cl.Server)), "")
		return false
	}
	return true
}

// redacted writes a URL without its password.
func redacted(u *url.URL, text string) string {
	if u == nil {
		return "..."
	}
	if u.User == nil {
		return text
	}
	return u.Redacted()
}

func (k *checker) relative(field, path string) {
	if path != "" && !isAbs(path) {
		k.warn("path-relative", fmt.Sprintf("%s %q is relative to the directory of the kubeconfig and breaks when the file is moved", field, shorten(path)),
			"embed the data, or give the whole path")
	}
}

var windowsPath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z]:)?[\\/]`) })

// isAbs tells whether a path is absolute, on this system or on another one: kubeconfigs travel.
func isAbs(path string) bool { return windowsPath().MatchString(path) }

// credentialPairs judges what a user gives as data or as a file: certificate, key, token.
func (k *checker) credentialPairs(u User) {
	k.about("user", u.Name, u.Line)
	cert := len(u.ClientCert) > 0 || u.ClientCertFile != ""
	key := len(u.ClientKey) > 0 || u.ClientKeyFile != ""
	if len(u.ClientCert) > 0 && u.ClientCertFile != "" {
		k.fail("client-certificate-given-twice", "client-certificate-data and client-certificate are both given; client-go refuses the file or uses the data",
			"remove client-certificate, the path")
		k.fixable()
	}
	if len(u.ClientKey) > 0 && u.ClientKeyFile != "" {
		k.fail("client-key-given-twice", "client-key-data and client-key are both given; client-go refuses the file or uses the data",
			"remove client-key, the path")
		k.fixable()
	}
	switch {
	case cert && !key:
		k.fail("client-key-missing", "has a client certificate without its key", "")
	case key && !cert:
		k.fail("client-certificate-missing", "has a client key without its certificate, so neither is used", "have a certificate signed for the key and put it in")
	}
	k.relative("client-certificate", u.ClientCertFile)
	k.relative("client-key", u.ClientKeyFile)
	k.relative("tokenFile", u.TokenFile)
	if u.Token != "" && u.TokenFile != "" {
		k.warn("token-given-twice", "token and tokenFile are both given; the file wins once it has been read", "remove the one that is not meant")
	}
}

// credentialKinds judges which kinds of credentials a user has, and those that have had their day.
func (k *checker) credentialKinds(u User) {
	cert := len(u.ClientCert) > 0 || u.ClientCertFile != ""
	token, basic := u.Token != "" || u.TokenFile != "", u.Username != "" || u.HasPassword
	switch {
	case u.Exec != nil && u.AuthProvider != "":
		k.fail("exec-and-auth-provider", "has both an exec plugin and an auth provider, which client-go refuses", "remove auth-provider")
	case token && basic:
		k.fail("credentials-several", "has both a token and a password, which client-go refuses", "remove the one that is not meant")
	case cert && token:
		k.warn("credentials-several", "has both a client certificate and a token; the API server goes by the certificate", "remove the one that is not meant")
	case u.Exec != nil && (cert || token || basic):
		k.warn("credentials-several", "has an exec plugin beside other credentials", "remove what is not meant")
	case !cert && !token && !basic && u.Exec == nil && u.AuthProvider == "" && len(u.ClientKey) == 0 && u.ClientKeyFile == "":
		k.warn("credentials-missing", "has no credentials: requests are anonymous", "")
	}
	if u.Exec != nil {
		k.exec(*u.Exec)
	}
	if u.AuthProvider != "" && u.AuthProvider != "oidc" {
		k.fail("auth-provider", fmt.Sprintf("auth provider %q is not in kubectl since 1.26", shorten(u.AuthProvider)), "use an exec plugin")
	}
	if u.ImpersonateMore && u.Impersonate == "" {
		k.fail("impersonate-without-user", "as-uid, as-groups or as-user-extra is set without as, which client-go refuses", "set as to the user to act as")
	}
	if basic {
		k.warn("basic-auth", "has a user name and a password, which API servers do not take since 1.19", "")
	}
}

// The versions of the exec plugins' protocol; v1alpha1 is not spoken since client-go 1.24.
const (
	execV1      = "client.authentication.k8s.io/v1"
	execV1beta1 = "client.authentication.k8s.io/v1beta1"
)

// exec judges an exec plugin as client-go does before it is called.
func (k *checker) exec(x Exec) {
	if x.Command == "" {
		k.fail("exec-incomplete", "its exec plugin has no command", "")
	}
	switch x.APIVersion {
	case "":
		k.fail("exec-incomplete", "its exec plugin has no apiVersion", execV1)
	case execV1, execV1beta1:
	default:
		k.fail("exec-version", fmt.Sprintf("its exec plugin has the apiVersion %q, which client-go refuses", shorten(x.APIVersion)),
			"update the plugin and have it write its entry anew: "+execV1+" and v1beta1 are taken")
	}
	switch x.InteractiveMode {
	case "":
		if x.APIVersion == execV1 {
			k.fail("exec-incomplete", "its exec plugin has no interactiveMode, which "+execV1+" asks for", "Never, IfAvailable or Always")
		}
	case "Never", "IfAvailable", "Always":
	default:
		k.fail("exec-mode", fmt.Sprintf("its exec plugin has the interactiveMode %q, which client-go refuses", shorten(x.InteractiveMode)), "Never, IfAvailable or Always")
	}
	if slices.Contains(x.Env, "") {
		k.fail("exec-incomplete", "its exec plugin has an env entry without name", "")
	}
}
