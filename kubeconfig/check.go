package kubeconfig

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pkitool/pkitool/finding"
)

// Check finds what is wrong with the parts of a kubeconfig and with the way they fit together, in the order of the file:
// contexts, clusters, users. It never looks at other files, at the network, or at what is in certificates and keys.
func (c *Config) Check() []finding.Finding {
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
			k.find(finding.ClusterUnused)
		}
	}
	for _, u := range c.Users {
		k.credentialPairs(u)
		k.credentialKinds(u)
		k.headers(u)
		if !usedUsers[u.Name] {
			k.find(finding.UserUnused)
		}
	}
	found := make([]finding.Finding, len(k.findings))
	for i, f := range k.findings {
		found[i] = *f
	}
	return found
}

// checker collects findings about one entry after the other.
type checker struct {
	kind     string
	name     string
	line     int
	findings []*finding.Finding
}

func (k *checker) about(kind, name string, line int) {
	k.kind, k.name, k.line = kind, name, line
}

func (k *checker) find(id finding.ID, had ...string) *finding.Finding {
	f := finding.New(id, had...)
	k.findings = append(k.findings, About(f, k.kind, k.name, k.line))
	return f
}

// About says of which entry a finding is, and returns it: a cluster, a user or a context by its name, and where the entry
// begins. kind is "" for the file as a whole.
func About(f *finding.Finding, kind, name string, line int) *finding.Finding {
	f.Kind, f.Name, f.Line = kind, name, line
	if kind != "" {
		f.Entry = kind + " " + finding.Quote(name)
	}
	return f
}

func (k *checker) current(c *Config) {
	if len(c.Contexts) == 0 {
		k.find(finding.ContextsMissing)
	}
	switch _, known := c.Context(c.CurrentContext); {
	case known, c.CurrentContext == "" && len(c.Contexts) == 0:
	case c.CurrentContext == "":
		k.find(finding.CurrentContextMissing).Fixable = len(c.Contexts) == 1
	default:
		k.find(finding.CurrentContextUnknown, finding.Quote(c.CurrentContext)).Fixable = len(c.Contexts) == 1
	}
}

// dnsLabel is what the API server takes for the name of a namespace (RFC 1123, 63 bytes).
var dnsLabel = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`) })

func (k *checker) context(c *Config, ctx Context) {
	k.about("context", ctx.Name, ctx.Line)
	switch _, ok := c.Cluster(ctx.Cluster); {
	case ok:
	case ctx.Cluster == "":
		k.find(finding.ContextWithoutCluster)
	default:
		k.find(finding.ContextClusterUnknown, finding.Quote(ctx.Cluster))
	}
	switch _, ok := c.User(ctx.User); {
	case ok:
	case ctx.User == "":
		k.find(finding.ContextWithoutUser)
	default:
		k.find(finding.ContextUserUnknown, finding.Quote(ctx.User))
	}
	if ctx.Namespace != "" && !dnsLabel().MatchString(ctx.Namespace) {
		k.find(finding.NamespaceInvalid, finding.Quote(ctx.Namespace))
	}
}

func (k *checker) cluster(cl Cluster) {
	k.about("cluster", cl.Name, cl.Line)
	https := k.server(cl)
	if cl.ProxyURL != "" {
		u, err := url.Parse(cl.ProxyURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5") {
			k.find(finding.ProxyURLInvalid, quoteURL(cl.ProxyURL))
		}
	}
	ca := len(cl.CA) > 0 || cl.CAFile != ""
	if len(cl.CA) > 0 && cl.CAFile != "" {
		k.find(finding.CAGivenTwice).Fixable = true
	}
	k.relative("certificate-authority", cl.CAFile)
	switch {
	case ca && cl.InsecureSkipTLSVerify:
		k.find(finding.InsecureWithCA).Fixable = true
	case cl.InsecureSkipTLSVerify:
		k.find(finding.Insecure)
	case https && !ca:
		k.find(finding.CANotGiven)
	}
}

// server judges the server's URL and tells whether it is https.
func (k *checker) server(cl Cluster) bool {
	if cl.Server == "" {
		k.find(finding.ServerMissing)
		return false
	}
	if err := validateServer(cl.Server); err != nil {
		// client-go takes host and port without a path, and guesses what goes before them.
		if host := strings.TrimSuffix(cl.Server, "/"); !strings.Contains(host, "/") && validateServer("https://"+host) == nil {
			k.find(finding.ServerWithoutScheme, quoteURL(cl.Server))
			return false
		}
		k.find(finding.ServerInvalid, err.Error())
		return false
	}
	scheme, _, _ := strings.Cut(cl.Server, ":")
	if strings.EqualFold(scheme, "http") {
		k.find(finding.ServerNotHTTPS, quoteURL(cl.Server))
		return false
	}
	return true
}

// quoteURL writes a URL without its password.
func quoteURL(text string) string {
	switch u, err := url.Parse(text); {
	case err != nil && strings.Contains(text, "@"):
		text = "..."
	case err == nil && u.User != nil:
		text = u.Redacted()
	}
	return finding.Quote(text)
}

func (k *checker) relative(field, path string) {
	if path != "" && !isAbs(path) {
		k.find(finding.PathRelative, field, finding.Quote(path))
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
		k.find(finding.ClientCertificateGivenTwice).Fixable = true
	}
	if len(u.ClientKey) > 0 && u.ClientKeyFile != "" {
		k.find(finding.ClientKeyGivenTwice).Fixable = true
	}
	switch {
	case cert && !key:
		k.find(finding.ClientKeyMissing)
	case key && !cert:
		k.find(finding.ClientCertificateMissing)
	}
	k.relative("client-certificate", u.ClientCertFile)
	k.relative("client-key", u.ClientKeyFile)
	k.relative("tokenFile", u.TokenFile)
	if u.Token != "" && u.TokenFile != "" {
		k.find(finding.TokenGivenTwice)
	}
}

// credentialKinds judges which kinds of credentials a user has, and those that have had their day.
func (k *checker) credentialKinds(u User) {
	cert := len(u.ClientCert) > 0 || u.ClientCertFile != ""
	token, basic := u.Token != "" || u.TokenFile != "", u.Username != "" || u.HasPassword
	switch {
	case u.Exec != nil && u.AuthProvider != "":
		k.find(finding.ExecAndAuthProvider)
	case token && basic:
		k.find(finding.CredentialsSeveral, "both a token and a password").Severity = finding.Error
	case cert && token:
		k.find(finding.CredentialsSeveral, "both a client certificate and a token")
	case u.Exec != nil && (cert || token || basic):
		k.find(finding.CredentialsSeveral, "an exec plugin beside other credentials")
	case !cert && !token && !basic && u.Exec == nil && u.AuthProvider == "" && len(u.ClientKey) == 0 && u.ClientKeyFile == "":
		k.find(finding.CredentialsMissing)
	}
	if u.Exec != nil {
		k.exec(*u.Exec)
	}
	if u.AuthProvider != "" && u.AuthProvider != "oidc" {
		k.find(finding.AuthProvider, finding.Quote(u.AuthProvider))
	}
	if len(u.ImpersonateMore) > 0 && u.Impersonate == "" {
		k.find(finding.ImpersonateWithoutUser)
	}
	if basic {
		k.find(finding.BasicAuth)
	}
}

// headers judges what client-go sends as HTTP headers.
func (k *checker) headers(u User) {
	if u.Token != "" {
		if f := TokenFault(u.Token); f != nil {
			k.findings = append(k.findings, About(f, k.kind, k.name, k.line))
		}
	}
	for i, value := range append([]string{u.Impersonate}, u.ImpersonateMore...) {
		if fault := headerFault(value); fault != "" {
			k.find(finding.HeaderInvalid, [...]string{"as", "as-uid, as-groups or as-user-extra"}[min(i, 1)], fault)
			return
		}
	}
}

// TokenFault says what is wrong with a bearer token as client-go sends it, nil if nothing is: `token` as it is, the content
// of a tokenFile without the white space around it, which the caller takes away.
func TokenFault(token string) *finding.Finding {
	fault := headerFault(token)
	switch {
	case token == "":
		return finding.New(finding.TokenFileEmpty)
	case fault != "":
		return finding.New(finding.HeaderInvalid, "token", fault)
	case strings.ContainsAny(strings.TrimRight(token, " \t"), " \t"):
		return finding.New(finding.TokenWithSpace)
	}
	return nil
}

// headerFault says why net/http does not send a value as a header, "" if it does.
func headerFault(value string) string {
	switch {
	case strings.ContainsAny(value, "\r\n"):
		return "a line break"
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "a control character"
	}
	return ""
}

// The versions of the exec plugins' protocol; v1alpha1 is not spoken since client-go 1.24.
const (
	execV1      = "client.authentication.k8s.io/v1"
	execV1beta1 = "client.authentication.k8s.io/v1beta1"
)

// exec judges an exec plugin as client-go does before it is called.
func (k *checker) exec(x Exec) {
	if x.Command == "" {
		k.find(finding.ExecIncomplete, "command")
	}
	switch x.APIVersion {
	case "":
		k.find(finding.ExecIncomplete, "apiVersion")
	case execV1, execV1beta1:
	default:
		k.find(finding.ExecVersion, finding.Quote(x.APIVersion))
	}
	switch x.InteractiveMode {
	case "":
		if x.APIVersion == execV1 {
			k.find(finding.ExecIncomplete, "interactiveMode")
		}
	case "Never", "IfAvailable", "Always":
	default:
		k.find(finding.ExecMode, finding.Quote(x.InteractiveMode))
	}
	if slices.Contains(x.Env, "") {
		k.find(finding.ExecIncomplete, "name for an env entry")
	}
}
