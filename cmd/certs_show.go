package cmd

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki/inspect"
)

// showReport is what `certs show` prints.
type showReport struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Objects    []shownObject `json:"objects"`
}

// shownObject is an object with its file, and with what the files beside it say.
type shownObject struct {
	File string `json:"file"`
	inspect.Description
	SignedBy string `json:"signedBy,omitempty"` // the CA's file
	KeyFile  string `json:"keyFile,omitempty"`  // the private key's file beside it
	// KeyMatches is set with KeyFile.
	KeyMatches *bool `json:"keyMatches,omitempty"`
	// Findings are what Kubernetes components mind about the certificate by itself.
	Findings []finding.Shown `json:"findings,omitempty"`

	object inspect.Object
	first  bool   // in its file
	closed string // where its CA may be, and this user may not look
}

func newCertsShow(env *Env) *cobra.Command {
	var text, short bool
	c := &cobra.Command{
		Use:   "show FILE...|-",
		Short: "Show what certificates, requests, keys, CRLs and kubeconfigs say",
		Long: `Show what certificates, requests, keys, CRLs and kubeconfigs say: what each is for,
user and groups as the API server sees them, names, how long it holds, which CA
beside it signed it and whether the key file beside it is its own. PEM or DER,
any number in a file, PKCS #7 too. Of a private key only the public half is shown.

A file that cannot be read gives exit code 2; the others are shown all the same.`,
		Example: `  pkitool certs show /etc/kubernetes/pki/apiserver.crt
  pkitool certs show --short /etc/kubernetes/pki/*.crt /etc/kubernetes/admin.conf
  kubectl get secret tls -o jsonpath='{.data.tls\.crt}' | base64 -d | pkitool certs show -`,
	}
	out := addOutput(c, env)
	c.Flags().BoolVar(&text, "text", false, "write all fields in the words of openssl x509 -text")
	c.Flags().BoolVar(&short, "short", false, "write one line per object")
	c.MarkFlagsMutuallyExclusive("text", "short")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return &usageError{err: errors.New("no file given"), command: c.CommandPath()}
		}
		if (text || short) && out.format != "text" {
			return &usageError{err: errors.New("--text and --short are forms of the text output: leave out --output"), command: c.CommandPath()}
		}
		objects, err := showFiles(env, args)
		r := showReport{APIVersion: phases.APIVersion, Kind: "ShowReport", Objects: objects}
		write := writeShown
		switch {
		case text:
			write = writeShownText
		case short:
			write = writeShownShort
		}
		if len(objects) == 0 && err != nil {
			return err
		}
		return errors.Join(out.print(r, func(w io.Writer) error { return write(w, objects, env.Now) }), err)
	}
	return c
}

// title is where an object was found.
func (s shownObject) title() string {
	if s.Where == "" {
		return s.File
	}
	return s.File + ", " + s.Where
}

func writeShownText(w io.Writer, objects []shownObject, _ time.Time) error {
	for i, s := range objects {
		if len(objects) > 1 {
			if i > 0 {
				say(w, "\n")
			}
			say(w, "# %s: %s\n", s.title(), s.Kind)
		}
		if _, err := io.WriteString(w, s.object.Text()); err != nil {
			return err
		}
	}
	return nil
}

func writeShownShort(w io.Writer, objects []shownObject, now time.Time) error {
	t := newTable(w)
	t.row("FILE", "KIND", "FOR", "NAME", "KEY", "VALIDITY")
	for _, s := range objects {
		name := s.Subject
		if name == "" {
			name = s.Issuer
		}
		validity := ""
		switch {
		case s.NotBefore != nil && now.Before(*s.NotBefore):
			validity = "not yet valid"
		case s.NotAfter != nil:
			validity = left(s.NotAfter.Sub(now))
		case s.NextUpdate != nil:
			validity = left(s.NextUpdate.Sub(now))
		}
		t.row(s.title(), string(s.Kind), s.Role, name, s.Key, validity)
	}
	return t.flush()
}

func writeShown(w io.Writer, objects []shownObject, now time.Time) error {
	for i, s := range objects {
		if i > 0 {
			say(w, "\n")
		}
		say(w, "%s: %s\n", s.title(), s.Kind)
		if err := s.write(w, now); err != nil {
			return err
		}
	}
	return nil
}

// write is the view of one object: a line per fact, none for what is not there.
func (s shownObject) write(w io.Writer, now time.Time) error {
	t := newTable(w)
	line := func(label, value string) {
		if value != "" {
			t.row("  "+label, value)
		}
	}
	line("for", s.Role)
	line("subject", s.Subject)
	line("user", s.User)
	line("groups", strings.Join(s.Groups, ", "))
	line("names", strings.Join(s.Names, ", "))
	line("issuer", s.Issuer)
	switch {
	case s.SignedBy != "":
		line("signed by", s.SignedBy)
	case s.SelfSigned && s.Kind == inspect.KindCertificate:
		line("signed by", "itself")
	case (s.Kind == inspect.KindCertificate || s.Kind == inspect.KindCRL) && s.closed != "":
		line("signed by", "unknown: "+s.closed+" cannot be read")
	case s.Kind == inspect.KindCertificate || s.Kind == inspect.KindCRL:
		line("signed by", "no CA in the same directory")
	case s.Unchecked:
		line("signed by", "unknown: its key or its signature is of a type that is not supported")
	case s.Kind == inspect.KindRequest && !s.SelfSigned:
		line("signed by", "NOT its own key")
	}
	if s.Kind == inspect.KindCertificate && (s.NotBefore == nil || s.NotAfter == nil) {
		line("valid", "never: a date in it cannot be read")
	}
	line("valid from", instant(s.NotBefore))
	if s.NotBefore != nil && now.Before(*s.NotBefore) {
		line("", "not yet valid: "+strings.Replace(left(s.NotBefore.Sub(now)), "left", "to go", 1))
	}
	line("valid until", until(s.NotAfter, now))
	line("issued", instant(s.ThisUpdate))
	line("next issue", until(s.NextUpdate, now))
	line("CRL number", s.CRLNumber)
	if s.Revoked != nil {
		line("revoked", counted(*s.Revoked, "certificate"))
	}
	line("serial", s.Serial)
	key := s.Key
	if s.Encrypted {
		key = "encrypted: nothing can be said without the passphrase"
	}
	line("key", key)
	if s.KeyMatches != nil {
		verdict := "matches"
		if !*s.KeyMatches {
			verdict = "DOES NOT MATCH"
		}
		line("key file", s.KeyFile+" ("+verdict+")")
	}
	line("key usage", strings.Join(s.Usages, ", "))
	line("extended", strings.Join(s.Extended, ", "))
	line("signature", s.Signature)
	line("sha256", s.SHA256)
	line("key sha256", s.PublicSHA256)
	for _, f := range s.Findings {
		line(f.Severity.String(), f.Text)
	}
	return t.flush()
}

func instant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

func until(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return instant(t) + " (" + left(t.Sub(now)) + ")"
}
