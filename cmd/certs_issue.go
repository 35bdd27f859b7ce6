package cmd

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// caRows are the names of the CA rows.
func caRows() []string {
	return phases.RoleNames(func(r certs.Role) bool { return r.Kind == certs.CA })
}

// issueFlags are what `certs issue` and `certs sign` share.
type issueFlags struct {
	signer, cn, out string
	orgs, sans      []string

	env      *Env
	settings *settingsFlags
	output   *outputFlags
}

func addIssueFlags(c *cobra.Command, env *Env, more ...string) *issueFlags {
	i := &issueFlags{env: env}
	i.settings = addSettings(c, env, only(append(more, "cert-dir", "validity")...))
	i.output = addOutput(c, env).withQuiet(c).withLock(c)
	f := c.Flags()
	f.StringVar(&i.signer, "signer", certs.ClusterCA, "`row` of the CA that signs: "+strings.Join(caRows(), ", "))
	_ = c.RegisterFlagCompletionFunc("signer", cobra.FixedCompletions(caRows(), cobra.ShellCompDirectiveNoFileComp))
	f.StringVar(&i.cn, "cn", "", "common `name`: the user")
	f.StringArrayVar(&i.orgs, "org", nil, "organization: a `group`; can be given several times")
	f.StringArrayVar(&i.sans, "san", nil, "subject alternative `name`, with its type in front (DNS:, IP:, URI:, email:); can be given several times")
	return i
}

// load checks the shared flags and reads the settings, without asking the host for anything.
func (i *issueFlags) load(c *cobra.Command) (config.Settings, certs.Tree, error) {
	if i.out == "" && i.output.format != "text" {
		return config.Settings{}, certs.Tree{}, &usageError{err: errors.New("--output describes what was written: give --out"), command: c.CommandPath()}
	}
	if !slices.Contains(caRows(), i.signer) {
		return config.Settings{}, certs.Tree{}, &usageError{err: fmt.Errorf("--signer %q: must be one of %s", i.signer, strings.Join(caRows(), ", ")), command: c.CommandPath()}
	}
	i.settings.anyCAValidity()
	return i.settings.loadTree(i.output.quiet)
}

func (i *issueFlags) names() (pki.SANs, error) {
	var all []pki.SANs
	var faults []error
	for _, text := range i.sans {
		s, err := pki.ParseTypedSAN(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("--san: %w", err))
		}
		all = append(all, s)
	}
	return pki.Join(all...), errors.Join(faults...)
}

// issueReport is what `certs issue -o json` and `certs sign -o json` print.
type issueReport struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Verb       phases.Verb `json:"verb"` // keep: all was there already
	Reason     string      `json:"reason,omitempty"`
	Files      []string    `json:"files"`
	Signer     string      `json:"signer"`
	Subject    string      `json:"subject"`
	SANs       []string    `json:"sans,omitempty"`
	NotBefore  time.Time   `json:"notBefore"`
	NotAfter   time.Time   `json:"notAfter"`
	SHA256     string      `json:"sha256"`
}

// request is what both commands ask of the library: with --out BASE files, else contents for standard output.
func (i *issueFlags) request(o phases.Order, withKey bool) phases.IssueRequest {
	o.Signer = certs.ID{Role: i.signer}
	r := phases.IssueRequest{Order: o}
	file := func(kind phases.OutputKind, ending string, mode fs.FileMode) {
		out := phases.Output{Kind: kind, Mode: mode}
		if i.out != "" {
			out.Path = i.out + ending
		}
		r.Outputs = append(r.Outputs, out)
	}
	if withKey {
		file(phases.KeyFile, ".key", 0o600)
	}
	file(phases.CertificateFile, ".crt", 0o644)
	return r
}

// issue makes the certificate, and says what was written, or writes it on standard output.
func (i *issueFlags) issue(c *cobra.Command, t certs.Tree, s config.Settings, r phases.IssueRequest) error {
	if f := phases.Identity(r.Template.Subject, false, true); f != nil && !i.output.quiet {
		say(i.env.Stderr, "warning: %s\n", f.Text())
	}
	made, err := phases.Issue(c.Context(), t, siteOf(s), i.env.Now, r)
	if err != nil {
		return err
	}
	cert := made.Chain[0]
	if r.UntilCA && made.Signed && !i.output.quiet {
		tellEnd(i.env, "", cert, r.Validity)
	}
	if i.out == "" {
		_, err := i.env.Stdout.Write(bytes.Join(made.Files, nil))
		return err
	}
	report := issueReport{APIVersion: phases.APIVersion, Kind: "IssueReport", Verb: made.Verb, Reason: made.Reason, Signer: i.signer, Subject: pki.CertificateSubject(cert).String(),
		SANs: pki.SANsOf(cert).Strings(), NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(), SHA256: judge.Fingerprint(cert)}
	for _, o := range r.Outputs {
		report.Files = append(report.Files, o.Path)
	}
	return i.output.print(report, func(w io.Writer) error {
		return say(w, "%s%s\n  subject %s\n  signed by %s, until %s\n", strings.Join(report.Files, " "), whatBecame(": ", report.Verb, report.Reason), report.Subject, report.Signer, report.NotAfter.Format(time.RFC3339))
	})
}

// whatBecame says of files that some were there already, behind sep.
func whatBecame(sep string, verb phases.Verb, reason string) string {
	switch {
	case verb == phases.Keep:
		return sep + "kept, " + reason
	case reason != "":
		return sep + reason
	}
	return ""
}

// tellEnd says that a certificate ends with its CA, earlier than by default.
func tellEnd(env *Env, label string, c *x509.Certificate, validity time.Duration) {
	if c.NotAfter.Before(env.Now.Add(validity).Truncate(time.Second)) {
		say(env.Stderr, "note: %sends with its CA, on %s\n", label, c.NotAfter.UTC().Format(time.RFC3339))
	}
}

func newCertsIssue(env *Env) *cobra.Command {
	var client, server, peer, ca bool
	var pathLen int
	var keyFile string
	c := &cobra.Command{
		Use:   "issue --cn NAME (--client|--server|--peer|--ca)",
		Short: "Issue any certificate by a CA of the directory",
		Long: `Issue a certificate by one of the directory's CAs: key and certificate to BASE.key and
BASE.crt with --out BASE, else to standard output.

Nothing is written over. The same command again keeps what it has made, and makes what
is missing: BASE.key alone is certified. If something else is there it is refused.`,
		Example: `  pkitool certs issue --client --cn alice --org dev --validity 30d --out alice
  pkitool certs issue --server --cn registry --san DNS:registry.example.com --san IP:192.0.2.20 --out registry
  pkitool certs issue --client --signer etcd-ca --cn backup --out backup`,
		Args: noArguments,
	}
	i := addIssueFlags(c, env, "key-algorithm")
	f := c.Flags()
	f.BoolVar(&client, "client", false, "for a TLS client")
	f.BoolVar(&server, "server", false, "for a TLS server")
	f.BoolVar(&peer, "peer", false, "for both")
	f.BoolVar(&ca, "ca", false, "an intermediate CA")
	f.IntVar(&pathLen, "path-len", -1, "with --ca: how many CAs may be below it (default: any)")
	f.StringVar(&keyFile, "key", "", "existing private key `file`; it is not written again")
	f.StringVar(&i.out, "out", "", "write BASE.key and BASE.crt instead of standard output (`base`)")
	c.MarkFlagsMutuallyExclusive("client", "server", "peer", "ca")
	c.MarkFlagsMutuallyExclusive("key", "key-algorithm")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if !client && !server && !peer && !ca {
			return &usageError{err: errors.New("what is it for? give --client, --server, --peer or --ca"), command: c.CommandPath()}
		}
		if pathLen >= 0 && !ca {
			return &usageError{err: errors.New("--path-len is for --ca"), command: c.CommandPath()}
		}
		s, tree, err := i.load(c)
		if err != nil {
			return err
		}
		names, err := i.names()
		if err != nil {
			return err
		}
		if ca && !names.Empty() {
			return &usageError{err: errors.New("a CA has no names: leave --san away"), command: c.CommandPath()}
		}
		o := phases.Order{Validity: s.Cluster.Validity, UntilCA: !s.Given("validity"), Algorithm: s.Cluster.KeyAlgorithm, AnyAlgorithm: !s.Given("key-algorithm"),
			Template: pki.Template{Subject: pki.Subject{CommonName: i.cn, Organization: i.orgs}, SANs: names, CA: ca, ExtKeyUsage: issueUsage(client, server, peer)}}
		if pathLen >= 0 {
			o.Template.PathLen = &pathLen
		}
		if keyFile != "" {
			data, err := readInput(keyFile, env.Stdin)
			if err != nil {
				return err
			}
			if o.Key, err = pki.ParsePrivateKey(data); err != nil {
				return inFile(keyFile, err)
			}
		}
		return i.issue(c, tree, s, i.request(o, o.Key == nil))
	}
	return c
}

func issueUsage(client, server, peer bool) []x509.ExtKeyUsage {
	switch {
	case client:
		return certs.Client.ExtKeyUsage()
	case server:
		return certs.Serving.ExtKeyUsage()
	case peer:
		return certs.Peer.ExtKeyUsage()
	}
	return nil
}
