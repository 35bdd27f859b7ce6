package kubeconfig

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/internal/hidden"
)

// Single is a kubeconfig with one cluster, one user and one context, which is the current one: what kubeadm writes.
// Cluster, Server and User are required. Of PEM and file, of token and file, one at most is given. A user without
// certificate is allowed: a kubeconfig may wait for its certificate to be signed elsewhere.
type Single struct {
	hidden.Secret
	Cluster       string // name of the cluster
	Server        string // URL
	TLSServerName string // the name expected in the server's certificate, if it is not the host of Server
	CA            []byte // PEM, the whole bundle
	CAFile        string

	User           string // name of the user
	ClientCert     []byte // PEM, leaf first
	ClientCertFile string
	ClientKey      []byte // PEM
	ClientKeyFile  string
	Token          string

	Context   string // name of the context; "" means User@Cluster
	Namespace string // default namespace; "" means the server's choice, default
}

// Single returns what Render made the file of. Of a file from elsewhere it is what this package can say about the entry;
// what Single has no place for is left out.
func (e Entry) Single() Single {
	s := Single{
		Cluster:       e.Cluster.Name,
		Server:        e.Cluster.Server,
		TLSServerName: e.Cluster.TLSServerName,
		CA:            e.Cluster.CA,
		CAFile:        e.Cluster.CAFile,

		User:           e.User.Name,
		ClientCert:     e.User.ClientCert,
		ClientCertFile: e.User.ClientCertFile,
		ClientKey:      e.User.ClientKey,
		ClientKeyFile:  e.User.ClientKeyFile,
		Token:          e.User.Token,

		Context:   e.Context.Name,
		Namespace: e.Context.Namespace,
	}
	if s.Context == s.User+"@"+s.Cluster {
		s.Context = ""
	}
	return s
}

// Render writes the kubeconfig as kubeadm does, byte for byte: keys in alphabetical order, PEM embedded as base64, no
// preferences. Parse(Render(s)).Current().Single() is s.
func (s Single) Render() ([]byte, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	context := cmp.Or(s.Context, s.User+"@"+s.Cluster)
	var w writer
	w.Grow(1024 + 4*(len(s.CA)+len(s.ClientCert)+len(s.ClientKey))/3 + len(s.Token))
	w.WriteString("apiVersion: v1\nclusters:\n- cluster:\n")
	w.field("    certificate-authority", s.CAFile)
	w.data("    certificate-authority-data", s.CA)
	w.field("    server", s.Server)
	w.field("    tls-server-name", s.TLSServerName)
	w.field("  name", s.Cluster)
	w.WriteString("contexts:\n- context:\n")
	w.field("    cluster", s.Cluster)
	w.field("    namespace", s.Namespace)
	w.field("    user", s.User)
	w.field("  name", context)
	w.field("current-context", context)
	w.WriteString("kind: Config\nusers:\n")
	w.field("- name", s.User)
	w.WriteString("  user:")
	start := w.Len()
	w.WriteString("\n")
	w.field("    client-certificate", s.ClientCertFile)
	w.data("    client-certificate-data", s.ClientCert)
	w.field("    client-key", s.ClientKeyFile)
	w.data("    client-key-data", s.ClientKey)
	w.field("    token", s.Token)
	if w.Len() == start+1 {
		w.Truncate(start)
		w.WriteString(" {}\n")
	}
	return w.Bytes(), nil
}

func (s Single) validate() error {
	for _, f := range []struct{ name, value string }{
		{"cluster name", s.Cluster}, {"server", s.Server}, {"user name", s.User},
	} {
		if f.value == "" {
			return fmt.Errorf("%s is empty", f.name)
		}
	}
	for _, f := range []struct{ name, value string }{
		{"cluster name", s.Cluster}, {"server", s.Server}, {"TLS server name", s.TLSServerName}, {"CA file", s.CAFile},
		{"user name", s.User}, {"client certificate file", s.ClientCertFile}, {"client key file", s.ClientKeyFile},
		{"token", s.Token}, {"context name", s.Context}, {"namespace", s.Namespace},
	} {
		if !utf8.ValidString(f.value) || strings.ContainsFunc(f.value, unprintable) {
			return fmt.Errorf("%s has control characters or is not UTF-8", f.name)
		}
	}
	for _, f := range []struct {
		name string
		data []byte
		file string
	}{
		{"CA", s.CA, s.CAFile}, {"client certificate", s.ClientCert, s.ClientCertFile}, {"client key", s.ClientKey, s.ClientKeyFile},
	} {
		if len(f.data) > 0 && f.file != "" {
			return fmt.Errorf("%s is given both as data and as a file", f.name)
		}
	}
	if s.Namespace != "" && !dnsLabel().MatchString(s.Namespace) {
		return fmt.Errorf("namespace %q is not a valid name", shorten(s.Namespace))
	}
	return validateServer(s.Server)
}

// unprintable are the characters that YAML has to escape, and U+FEFF, which readers take for a byte order mark.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == utf8.RuneError
}

func validateServer(server string) error {
	u, err := url.Parse(server)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return fmt.Errorf("server %s is not a URL: %w", quoteURL(server), err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("server %s is not of the form https://host:port", quoteURL(server))
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("server %s has a port that is not from 1 to 65535", quoteURL(server))
		}
	}
	return nil
}

// writer writes the lines of a kubeconfig.
type writer struct{ bytes.Buffer }

// field writes a line with a string, nothing if it is empty.
func (w *writer) field(key, value string) {
	if value == "" {
		return
	}
	fmt.Fprintf(w, "%s: %s\n", key, scalar(value))
}

// data writes a line with base64, nothing if it is empty. Of three octets it can be a number or true.
func (w *writer) data(key string, pem []byte) {
	if len(pem) == 0 {
		return
	}
	w.field(key, base64.StdEncoding.EncodeToString(pem))
}

// takenForText tells whether every YAML reader takes s for a string, if it is none of the reserved words: it begins with a
// letter, so is no number, and has no blank, so no ": " and no " #". Names, addresses and most base64 are so; a regular
// expression would take milliseconds for the certificates of a whole set.
func takenForText(s string) bool {
	letter := func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
	for i := range len(s) {
		if c := s[i]; !letter(c) && (i == 0 || (c < '0' || '9' < c) && strings.IndexByte(":/@._-+=", c) < 0) {
			return false
		}
	}
	return s != "" && strings.IndexByte(":/@._-+", s[len(s)-1]) < 0
}

// reserved are the words, in lower case, that YAML 1.1 or 1.2 takes for something else than a string.
var reserved = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null"}

// scalar writes a string as a YAML scalar on one line, in quotes if YAML 1.1 or 1.2 would take it for anything else.
func scalar(s string) string {
	if takenForText(s) && !slices.ContainsFunc(reserved, func(w string) bool { return strings.EqualFold(w, s) }) {
		return s
	}
	b, err := yaml.Marshal(s)
	text := strings.TrimSuffix(string(b), "\n")
	if err != nil || strings.Contains(text, "\n") {
		// Not reached for strings without control characters; JSON strings are YAML.
		return fmt.Sprintf("%q", s)
	}
	return text
}
