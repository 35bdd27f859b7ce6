package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
	"github.com/pkitool/pkitool/pki/store"
)

// userFlags are the flags of `kubeconfig user`.
type userFlags struct {
	cn                         string
	orgs                       []string
	server, context, namespace string
	token, tokenFile           string
	out, outDir, mergeInto     string
	external                   bool
	csr, from                  string

	env      *Env
	settings *settingsFlags
	output   *outputFlags
}

func newKubeconfigUser(env *Env) *cobra.Command {
	u := &userFlags{env: env}
	c := &cobra.Command{
		Use:   "user --cn NAME [--org GROUP]...",
		Short: "Make the kubeconfig of a user, or of many",
		Long: `Make a kubeconfig for a user: a client certificate of the cluster's CA whose CN is
the user and whose O are the groups, as Kubernetes reads them.

The server's address is --server, or what the configuration, the environment or
--control-plane-endpoint and --apiserver-advertise-address say, or else what
admin.conf in --kubeconfig-dir says; it is never guessed from this host.

With --from, one kubeconfig for each user of a list goes into --out-dir. A CSV file
has a header of cn, org (several separated by ;), validity and namespace; a YAML
file is a list of entries with these keys.

Nothing is written over. The same command again keeps the files that it has made, and
makes those that are missing. If one is there that is something else, all is refused.`,
		Example: `  pkitool kubeconfig user --cn alice --org dev --org ops --validity 8h --out alice.conf
  pkitool kubeconfig user --cn bob --csr bob.csr > bob.conf
  pkitool kubeconfig user --from users.csv --out-dir users`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return u.run(c) },
	}
	u.settings = addSettings(c, env, only("cert-dir", "kubeconfig-dir", "cluster-name", "control-plane-endpoint", "apiserver-advertise-address", "apiserver-bind-port", "key-algorithm", "validity"))
	u.output = addOutput(c, env).withQuiet(c).withLock(c)
	f := c.Flags()
	f.StringVar(&u.cn, "cn", "", "the user's `name` (common name); --client-name is the same")
	f.StringSliceVar(&u.orgs, "org", nil, "a `group` of the user (organization); can be given several times")
	f.StringVar(&u.server, "server", "", "`URL` of the API server")
	f.StringVar(&u.context, "context-name", "", "`name` of the context (default: USER@CLUSTER)")
	f.StringVar(&u.namespace, "namespace", "", "default `namespace` of the context")
	f.StringVar(&u.token, "token", "", "bearer `token` instead of a certificate; others on this host can read a command line, so rather --token-file")
	f.StringVar(&u.tokenFile, "token-file", "", "`file` with the bearer token, - for standard input")
	f.StringVar(&u.out, "out", "", "`file` to write instead of standard output; nothing else may be there")
	f.StringVar(&u.mergeInto, "merge-into", "", "kubeconfig `file` to merge the result into")
	f.BoolVar(&u.external, "external-files", false, "with --out: certificate, key and CA in files of their own beside it")
	f.StringVar(&u.csr, "csr", "", "certificate request `file` whose key the user keeps: the kubeconfig has no key")
	f.StringVar(&u.from, "from", "", "list of users, a CSV or YAML `file`")
	f.StringVar(&u.outDir, "out-dir", "", "with --from: `directory` for NAME.conf of each user")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "client-name" { // kubeadm's word
			name = "cn"
		}
		return pflag.NormalizedName(name)
	})
	c.MarkFlagsMutuallyExclusive("cn", "from")
	c.MarkFlagsMutuallyExclusive("out", "merge-into", "from")
	c.MarkFlagsMutuallyExclusive("token", "token-file", "csr", "from")
	return c
}

// check refuses flags that mean nothing, or nothing beside others.
func (u *userFlags) check(c *cobra.Command) error {
	text, given := "", c.Flags().Changed
	switch {
	case u.out == "-" || u.mergeInto == "-":
		text = "- is no file to write: without --out and --merge-into the result goes to standard output"
	case u.cn == "" && u.from == "":
		text = "which user? give --cn NAME, or --from a list"
	case (u.from == "") != (u.outDir == ""):
		text = "--from and --out-dir go together"
	case u.external && u.out == "":
		text = "--external-files needs --out"
	case u.from != "" && (len(u.orgs) > 0 || u.context != ""):
		text = "--org and --context-name are for one user: the list of --from has groups of its own"
	case (u.token != "" || u.tokenFile != "") && len(u.orgs) > 0:
		text = "--org has no effect beside a token: the token decides who one is"
	case (u.token != "" || u.tokenFile != "") && (given("validity") || given("key-algorithm")):
		text = "--validity and --key-algorithm have no effect beside a token: no certificate is made"
	case u.csr != "" && given("key-algorithm"):
		text = "--key-algorithm has no effect beside --csr: no key is made"
	case u.out == "" && u.mergeInto == "" && u.from == "" && u.output.format != "text":
		text = "--output describes what was written: give --out, --merge-into or --from"
	default:
		return nil
	}
	return &usageError{err: errors.New(text), command: c.CommandPath()}
}

func (u *userFlags) run(c *cobra.Command) error {
	if err := u.check(c); err != nil {
		return err
	}
	u.settings.anyCAValidity()
	s, tree, err := u.settings.loadTree(u.output.quiet)
	if err != nil {
		return err
	}
	base := phases.UserRequest{Validity: s.Cluster.Validity, UntilCA: !s.Given("validity"), KeyAlgorithm: s.Cluster.KeyAlgorithm, AnyAlgorithm: !s.Given("key-algorithm"), Cluster: s.Cluster.Name, Context: u.context, Namespace: u.namespace}
	if base.Server, err = u.serverURL(tree, s); err != nil {
		return err
	}
	if err := u.credentials(&base); err != nil {
		return err
	}
	requests, err := u.requests(base)
	if err != nil {
		return err
	}
	made, err := phases.Users(c.Context(), tree, siteOf(s), u.env.Now, requests)
	if err != nil {
		return err
	}
	if err := u.tell(c, requests, made); err != nil {
		return err
	}
	u.warn(requests, made)
	return nil
}

// serverURL is the API server's address: what was given, or what the administrator's kubeconfig says.
func (u *userFlags) serverURL(t certs.Tree, s config.Settings) (string, error) {
	admin, ok := t.Row(certs.ID{Role: adminRole().Name})
	switch {
	case u.server != "":
		return u.server, nil
	case ok && !admin.ServerAssumed:
		return admin.Place.Server, nil
	}
	path := filepath.Join(s.KubeconfigDir, adminRole().Conf)
	hint := "give --server, --control-plane-endpoint or --config"
	got, err := store.Read(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", &hinted{fmt.Errorf("the API server's address is not known, and there is no %s to take it from", path), hint}
	}
	if err != nil {
		return "", &hinted{err, hint}
	}
	var e kubeconfig.Entry
	cfg, err := kubeconfig.Parse(got.Data)
	if err == nil {
		e, err = cfg.Current()
	}
	if err != nil {
		return "", &hinted{inFile(path, err), hint}
	}
	return e.Cluster.Server, nil
}

// adminRole is the role of the administrator: the first kubeconfig for people.
func adminRole() certs.Role {
	for _, r := range certs.Roles() {
		if r.Conf != "" && slices.Equal(r.UsedBy, []string{"kubectl"}) {
			return r
		}
	}
	return certs.Role{}
}

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }
func (h *hinted) Hint() string  { return h.hint }

// credentials reads the token or the certificate request, if one is given.
func (u *userFlags) credentials(r *phases.UserRequest) error {
	r.Token = u.token
	if u.tokenFile != "" {
		data, err := readInput(u.tokenFile, u.env.Stdin)
		if err != nil {
			return err
		}
		if r.Token = strings.TrimSpace(string(data)); r.Token == "" {
			return inFile(u.tokenFile, errors.New("holds no token"))
		}
	}
	if u.csr != "" {
		data, err := readInput(u.csr, u.env.Stdin)
		if err != nil {
			return err
		}
		request, err := inspect.ReadRequest(data)
		if err != nil {
			return inFile(u.csr, err)
		}
		r.Public = request.Public
	}
	return nil
}

// requests are one for each user.
func (u *userFlags) requests(base phases.UserRequest) ([]phases.UserRequest, error) {
	if u.from == "" {
		base.Subject = pki.Subject{CommonName: u.cn, Organization: u.orgs}
		if err := base.Subject.Check(); err != nil {
			return nil, err
		}
		base.Path, base.Into = u.out, u.mergeInto
		if u.external {
			stem := filepath.Base(strings.TrimSuffix(u.out, ".conf"))
			base.Files = phases.UserFiles{CA: stem + "-ca.crt", Cert: stem + ".crt", Key: stem + ".key"}
		}
		return []phases.UserRequest{base}, nil
	}
	data, err := readInput(u.from, u.env.Stdin)
	if err != nil {
		return nil, err
	}
	users, err := config.ParseUsers(u.from, data)
	if err != nil {
		return nil, err
	}
	var out []phases.UserRequest
	bad := &config.Errors{}
	for _, user := range users {
		r := base
		r.Subject = user.Subject
		if user.Validity > 0 {
			r.Validity, r.UntilCA = user.Validity, false
		}
		if user.Namespace != "" {
			r.Namespace = user.Namespace
		}
		r.Path = filepath.Join(u.outDir, user.Subject.CommonName+".conf")
		if cn := user.Subject.CommonName; !fileName(cn) {
			bad.Add(config.Fault{Source: fmt.Sprintf("%s:%d", u.from, user.Line), Field: "cn", Text: fmt.Sprintf("%q cannot be the name of a file", cn)})
		}
		out = append(out, r)
	}
	if len(bad.Faults) > 0 {
		return nil, bad
	}
	return out, nil
}

// fileName reports whether a user's name can be the name of a file on every system and in every shell.
func fileName(s string) bool {
	return s != "" && s[0] != '.' && s[0] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:+-") == ""
}

// warn says what a name or a group means to Kubernetes, how rights are given, and what ends early.
func (u *userFlags) warn(requests []phases.UserRequest, made []phases.User) {
	if u.output.quiet {
		return
	}
	for i, r := range requests {
		if c := made[i].Certificate; c != nil && made[i].Signed && r.UntilCA {
			tellEnd(u.env, r.Subject.CommonName+": ", c, r.Validity)
		}
		if f := phases.Identity(r.Subject, false, true); f != nil && r.Token == "" {
			say(u.env.Stderr, "warning: %s: %s\n", r.Subject.CommonName, f.Text())
		}
	}
	if len(requests) != 1 || requests[0].Token != "" || phases.Identity(requests[0].Subject, false, true) != nil {
		return // RBAC is for people
	}
	who := requests[0].Subject
	subject, name := "--user="+shellQuote(who.CommonName), who.CommonName
	if len(who.Organization) > 0 {
		subject, name = "--group="+shellQuote(who.Organization[0]), who.Organization[0]
	}
	say(u.env.Stderr, "hint: rights come from RBAC, such as: kubectl create clusterrolebinding %s --clusterrole=view %s\n", shellQuote(name+"-view"), subject)
}

// shellQuote makes a text one word of a shell command.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:+-/,=") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// userReport is what `kubeconfig user -o json` prints.
type userReport struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Users      []userRow `json:"users"`
	Backup     string    `json:"backup,omitempty"` // the old content of the file merged into
}

type userRow struct {
	User     string      `json:"user"`
	Verb     phases.Verb `json:"verb"` // keep: all was there already
	Reason   string      `json:"reason,omitempty"`
	Groups   []string    `json:"groups,omitempty"`
	Server   string      `json:"server"`
	Files    []string    `json:"files"`
	NotAfter *time.Time  `json:"notAfter,omitempty"`
}

// tell says what was made, and writes what has no file of its own.
func (u *userFlags) tell(c *cobra.Command, requests []phases.UserRequest, made []phases.User) error {
	if u.out == "" && u.from == "" && u.mergeInto == "" {
		_, err := u.env.Stdout.Write(made[0].Kubeconfig)
		return err
	}
	r := userReport{APIVersion: phases.APIVersion, Kind: "UserReport"}
	if u.mergeInto != "" {
		var err error
		r.Backup, err = changeFile(c, u.env, u.mergeInto, func(old []byte) ([]byte, error) {
			if made[0].Verb == phases.Keep {
				return old, nil
			}
			m, err := kubeconfig.Merge(old, made[0].Kubeconfig, kubeconfig.MergeOptions{})
			if err != nil {
				return nil, mergeFault(u.mergeInto, err, "write it to a file of its own with --out, then `pkitool kubeconfig merge` keeps both with --rename, or takes the new one with --replace")
			}
			return m.Data, nil
		})
		if err != nil {
			return err
		}
		made[0].Files = []string{u.mergeInto}
	}
	for i, m := range made {
		row := userRow{User: requests[i].Subject.CommonName, Verb: m.Verb, Reason: m.Reason, Groups: requests[i].Subject.Organization, Server: requests[i].Server, Files: m.Files}
		if m.Certificate != nil {
			na := m.Certificate.NotAfter.UTC()
			row.NotAfter = &na
		}
		r.Users = append(r.Users, row)
	}
	return u.output.print(r, func(w io.Writer) error { return writeUsers(w, r) })
}

func writeUsers(w io.Writer, r userReport) error {
	t := newTable(w)
	for _, row := range r.Users {
		until := "token"
		if row.NotAfter != nil {
			until = "until " + row.NotAfter.Format(time.RFC3339)
		}
		t.row(row.User, strings.Join(row.Groups, ","), until, strings.Join(row.Files, " "), whatBecame("", row.Verb, row.Reason))
	}
	if r.Backup != "" {
		t.row("old content: " + r.Backup)
	}
	return t.flush()
}
