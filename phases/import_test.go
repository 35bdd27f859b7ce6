package phases_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"
	"github.com/cloudflare/cfssl/helpers"
	"github.com/cloudflare/cfssl/initca"
	"github.com/cloudflare/cfssl/log"
	"github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
)

// cfsslCA is a CA of cfssl, as an operator runs one elsewhere: it takes names
// and keys from a request and the usages from its own profiles.
type cfsslCA struct {
	cert   []byte
	signer *local.Signer
}

func newCFSSLCA(t *testing.T, cn string) cfsslCA {
	t.Helper()
	log.Level = log.LevelFatal
	cert, _, key, err := initca.New(&csr.CertificateRequest{CN: cn, KeyRequest: &csr.KeyRequest{A: "ecdsa", S: 256}})
	require.NoError(t, err)
	parsed, err := helpers.ParseCertificatePEM(cert)
	require.NoError(t, err)
	priv, err := helpers.ParsePrivateKeyPEM(key)
	require.NoError(t, err)
	profile := func(usages ...string) *config.SigningProfile {
		return &config.SigningProfile{Usage: append(usages, "digital signature"), Expiry: 24 * time.Hour}
	}
	s, err := local.NewSigner(priv, parsed, signer.DefaultSigAlgo(priv), &config.Signing{
		Default:  profile("client auth"),
		Profiles: map[string]*config.SigningProfile{"server": profile("server auth"), "peer": profile("server auth", "client auth")},
	})
	require.NoError(t, err)
	return cfsslCA{cert: cert, signer: s}
}

func (c cfsslCA) sign(t *testing.T, kind certs.Kind, request []byte) []byte {
	t.Helper()
	out, err := c.signer.Sign(signer.SignRequest{Request: string(request), Profile: map[certs.Kind]string{certs.Serving: "server", certs.Peer: "peer"}[kind]})
	require.NoError(t, err)
	return out
}

// importNow is the clock of the tests with cfssl, which looks at the real one.
func importNow() phases.ImportOptions {
	return phases.ImportOptions{Options: phases.Options{Now: time.Now(), CertMode: 0o644}}
}

func (w *world) request(o phases.Options, roles ...string) (phases.Report, error) {
	w.t.Helper()
	if len(roles) == 0 {
		roles = phases.RoleNames(phases.Requestable)
	}
	return phases.Requests(w.t.Context(), w.tree, w.site, w.only(roles...), o)
}

// requestOf is the request in a row of a report, and the path of it.
func (w *world) requestOf(row phases.Row) []byte { return w.read(row.Files[1]) }

func (w *world) bring(o phases.ImportOptions, cas map[string]phases.Signed, signed ...phases.Signed) (phases.Report, error) {
	w.t.Helper()
	return phases.Import(w.t.Context(), w.tree, w.site, signed, cas, o)
}

// TestExternalCAOfCFSSL runs a cluster's whole life on CAs that cfssl keeps:
// requests out, certificates in, and the same again for the renewal.
func TestExternalCAOfCFSSL(t *testing.T) {
	w := empty(t)
	cas, given := map[string]cfsslCA{}, map[string]phases.Signed{}
	for row := range w.tree.Rows() {
		if row.Kind == certs.CA {
			cas[row.Name] = newCFSSLCA(t, "external "+row.Name)
			given[row.Name] = phases.Signed{Name: row.Name + ".pem", Data: cas[row.Name].cert}
		}
	}
	o := importNow()
	for round, want := range []phases.Verb{phases.Create, phases.Renew} {
		r, err := w.request(o.Options)
		require.NoError(t, err)
		require.Len(t, r.Rows, 12)
		var signed []phases.Signed
		for _, row := range r.Rows {
			spec := w.row(row.Name)
			signed = append(signed, phases.Signed{Name: row.Name, Data: cas[spec.Issuer.Role].sign(t, spec.Kind, w.requestOf(row))})
		}
		r, err = w.bring(o, given, signed...)
		require.NoError(t, err)
		for _, row := range r.Rows {
			if w.row(row.Name).Kind != certs.CA {
				assert.Equal(t, want, row.Verb, "round %d, %s", round, row.Name)
			}
			assert.NotEmpty(t, row.SHA256, row.Name)
		}
		given = nil
		r, err = w.init(o.Options)
		require.NoError(t, err)
		assert.Equal(t, round == 0, r.Changed, "only the service-account pair was missing, and only once")
	}
	for path := range w.snapshot() {
		assert.False(t, strings.HasSuffix(path, "ca.key") || strings.HasSuffix(path, ".csr"), path)
	}
}

// hintsOf are the hints of a refusal, as its report has them.
func hintsOf(r phases.Report) []string {
	var out []string
	for _, row := range r.Rows {
		if row.Verb == phases.Refuse {
			for _, f := range row.Findings {
				out = append(out, f.Hint)
			}
		}
	}
	return out
}

// TestImportRefuses holds every fault of an import to its sentence, and to changing nothing.
func TestImportRefuses(t *testing.T) {
	w := empty(t)
	ca, other := newCFSSLCA(t, "external"), newCFSSLCA(t, "other")
	o := importNow()
	r, err := w.request(o.Options, "apiserver")
	require.NoError(t, err)
	own := w.requestOf(r.Rows[0])
	root := map[string]phases.Signed{"ca": {Name: "root.pem", Data: ca.cert}}
	good := ca.sign(t, certs.Serving, own)
	elsewhere := empty(t)
	r, err = elsewhere.request(o.Options, "apiserver")
	require.NoError(t, err)
	foreign := ca.sign(t, certs.Serving, elsewhere.requestOf(r.Rows[0]))
	const anew = "have the request signed again, with what it asks for"
	a := func(data []byte) []phases.Signed { return []phases.Signed{{Name: "a.pem", Data: data}} }
	for _, c := range []struct {
		name   string
		signed []phases.Signed
		cas    map[string]phases.Signed
		want   string
		hint   string
	}{
		{"wrong usage", a(ca.sign(t, certs.Client, own)), root,
			"apiserver: has usages that nobody asked for: clientAuth (a.pem)\napiserver: certificate lacks the extended key usage serverAuth (a.pem)", anew},
		{"wrong CA", a(other.sign(t, certs.Serving, own)), root, `apiserver: certificate is signed by another CA: "CN = other" (a.pem)`, anew},
		{"a root that is none", a(good), map[string]phases.Signed{"ca": {Name: "root.pem", Data: good}}, "ca: certificate is not a CA (root.pem)", hintCA},
		{"no CA", a(good), nil, "apiserver: the certificate of its CA is not here yet (" + w.certFile(w.row("apiserver")) + ")", "`--ca-cert ca=FILE` puts the CA's certificate in place"},
		{"twice", slices.Concat(a(good), []phases.Signed{{Name: "b.pem", Data: good}}), root, "b.pem: a second certificate for apiserver", ""},
		{"foreign key", a(other.cert), root, `a.pem: no row has the key of this certificate ("CN = other")`, ""},
		{"another node's beside it", a(slices.Concat(good, foreign)), root, `a.pem: no row has the key of this certificate ("CN = kube-apiserver")`, ""},
		{"twice in a file", a(slices.Concat(good, good)), root, "a.pem: a second certificate for apiserver", ""},
		{"garbage", a([]byte("x")), root, "a.pem: file holds no PEM block", ""},
		{"no CA row", nil, map[string]phases.Signed{"apiserver": {Name: "root.pem", Data: ca.cert}}, "root.pem: row apiserver is no CA of this directory", ""},
		{"no rows", nil, map[string]phases.Signed{"z": {Name: "3.pem"}, "x": {Name: "1.pem"}}, "1.pem: row x is no CA of this directory\n3.pem: row z is no CA of this directory", ""},
		{"a CA that is garbage", nil, map[string]phases.Signed{"ca": {Name: "root.pem", Data: []byte("x")}}, "root.pem: file holds no PEM block", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.snapshot()
			r, err := w.bring(o, c.cas, c.signed...)
			require.EqualError(t, err, c.want)
			if c.hint != "" {
				assert.Contains(t, hintsOf(r), c.hint)
			}
			w.unchanged(before)
		})
	}
	_, err = w.bring(o, root, a(good)...)
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(w.site.Cert, "apiserver.csr"))
	key := pemOf(t, newKey(t))
	w.write(filepath.Join(w.site.Cert, "apiserver.csr"), key)
	before := w.snapshot()
	r, err = w.bring(o, root, a(good)...)
	require.NoError(t, err)
	assert.Equal(t, []any{phases.Keep, "there already", false}, []any{r.Rows[0].Verb, r.Rows[0].Reason, r.Changed})
	w.unchanged(before)
	assert.Equal(t, key, w.read(filepath.Join(w.site.Cert, "apiserver.csr")), "no request, and not spent")
	_, err = w.bring(o, map[string]phases.Signed{"ca": {Name: "other.pem", Data: other.cert}})
	require.EqualError(t, err, "other.pem: there is another CA certificate already ("+w.certFile(w.row("ca"))+")")
}

// TestImportTakesAllOfAFile: a signer may send everything back in one file, with the CA between.
func TestImportTakesAllOfAFile(t *testing.T) {
	w := empty(t)
	ca := newCFSSLCA(t, "external")
	o := importNow()
	r, err := w.request(o.Options, "apiserver", "apiserver-kubelet-client", "scheduler")
	require.NoError(t, err)
	var all []byte
	for _, row := range r.Rows {
		all = slices.Concat(all, ca.sign(t, w.row(row.Name).Kind, w.requestOf(row)), ca.cert)
	}
	r, err = w.bring(o, map[string]phases.Signed{"ca": {Name: "root.pem", Data: ca.cert}}, phases.Signed{Name: "all.pem", Data: all})
	require.NoError(t, err)
	var got []string
	for _, row := range r.Rows {
		got = append(got, row.Name)
	}
	assert.Equal(t, []string{"ca", "apiserver", "apiserver-kubelet-client", "scheduler"}, got)
}

// Names that nobody asked for are refused, unless they are accepted: then they are said. What the request, the row or
// the certificate before it has was asked for.
func TestImportOfNamesThatNobodyAskedFor(t *testing.T) {
	w := complete(t)
	s := w.row("apiserver")
	signed := func(names ...string) phases.Signed {
		c := template(s)
		c.DNSNames = append(c.DNSNames, names...)
		return phases.Signed{Name: "a.pem", Data: certify(t, c, w.bundle("ca")[0], w.key(s), w.key(w.row("ca"))).Raw}
	}
	w.forge(s, func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "old.example.com") })
	o := phases.ImportOptions{Options: at(now)}
	before := w.snapshot()
	_, err := w.bring(o, nil, signed("evil.example.com", "old.example.com"))
	w.refused(before, err, "apiserver: has names that nobody asked for: DNS:evil.example.com (a.pem)")
	o.AcceptNames, o.Backup = true, t.TempDir()
	r, err := w.bring(o, nil, signed("evil.example.com", "old.example.com"))
	require.NoError(t, err)
	assert.Equal(t, []string{"has names that nobody asked for: DNS:evil.example.com"}, r.Rows[0].Notes)
	assert.Equal(t, before[w.certFile(s)].data, string(w.read(filepath.Join(r.Backup, "pki", "apiserver.crt"))), "a copy of what was replaced")
}

// TestImportOfWhatNobodyAskedFor: whatever a signer puts into a certificate beside what it was asked for is said by
// name and refused; --accept-names takes it and says it, but for what nobody can want of a leaf.
func TestImportOfWhatNobodyAskedFor(t *testing.T) {
	w := complete(t)
	other := func(tag int, value string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			var names []asn1.RawValue
			for _, n := range c.DNSNames {
				names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(n)})
			}
			for _, n := range c.IPAddresses {
				names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 7, Bytes: n})
			}
			names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: tag != 8, Bytes: []byte(value)})
			der, err := asn1.Marshal(names)
			require.NoError(t, err)
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: der})
		}
	}
	usages := func(list ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, list...) }
	}
	groups := func(list ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject.Organization = append(c.Subject.Organization, list...) }
	}
	const names, someGroups, someUsages = "has names that nobody asked for: ", "has groups that nobody asked for: ", "has usages that nobody asked for: "
	for _, c := range []struct {
		name, row string
		more      func(*x509.Certificate)
		want      string
		never     string // what --accept-names does not take
	}{
		{"a DNS name", "apiserver", func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "evil.example.com") }, names + "DNS:evil.example.com", ""},
		{"a wildcard", "apiserver", func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "*.com") }, names + "DNS:*.com", ""},
		{"an address", "etcd-server", func(c *x509.Certificate) { c.IPAddresses = append(c.IPAddresses, net.IP{198, 51, 100, 1}) }, names + "IP:198.51.100.1", ""},
		{"a URI", "apiserver", func(c *x509.Certificate) { c.URIs = append(c.URIs, &url.URL{Scheme: "spiffe", Host: "a", Path: "/b"}) }, names + "URI:spiffe://a/b", ""},
		{"a mailbox", "apiserver", func(c *x509.Certificate) { c.EmailAddresses = append(c.EmailAddresses, "a@example.com") }, names + "email:a@example.com", ""},
		{"a name of a client", "admin", func(c *x509.Certificate) { c.DNSNames = []string{"kubernetes"} }, names + "DNS:kubernetes", ""},
		{"an otherName", "apiserver", other(0, "\x06\x03\x2a\x03\x04\xa0\x03\x0c\x01a"), names + "a name of the kind otherName", ""},
		{"a directoryName", "apiserver", other(4, "\x30\x00"), names + "a name of the kind directoryName", ""},
		{"a registeredID", "apiserver", other(8, "\x2a\x03"), names + "a name of the kind registeredID", ""},
		{"a group", "apiserver", groups("dev"), someGroups + "dev", ""},
		{"masters of a server", "apiserver", groups("system:masters"), someGroups + "system:masters", "subject is"},
		{"masters of a client", "apiserver-kubelet-client", groups("system:masters"), someGroups + "system:masters", ""},
		{"masters of an administrator", "admin", func(c *x509.Certificate) { c.Subject.Organization = []string{"system:masters"} }, someGroups + "system:masters", ""},
		{"a client's usage", "apiserver", usages(x509.ExtKeyUsageClientAuth), someUsages + "clientAuth", ""},
		{"any usage", "apiserver", usages(x509.ExtKeyUsageAny), someUsages + "anyExtendedKeyUsage", ""},
		{"no usage, which is any", "apiserver", func(c *x509.Certificate) { c.ExtKeyUsage = nil }, someUsages + "anyExtendedKeyUsage", ""},
		{"a usage without a name", "scheduler", func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3}} }, someUsages + "1.2.3", ""},
		{"to sign", "apiserver", func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign }, someUsages + "cRLSign", ""},
		{"a CA", "apiserver", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign }, "certificate is a CA: whoever holds its key can sign for anybody", "certificate is a CA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := complete(t)
			s := w.row(c.row)
			tmpl := template(s)
			c.more(tmpl)
			signed := phases.Signed{Name: "a.pem", Data: certify(t, tmpl, w.bundle(s.Issuer.Role)[0], w.key(s), w.key(w.row(s.Issuer.Role))).Raw}
			o := phases.ImportOptions{Options: at(now)}
			before := w.snapshot()
			_, err := w.bring(o, nil, signed)
			require.ErrorContains(t, err, c.want)
			w.unchanged(before)
			o.AcceptNames, o.Backup = true, t.TempDir()
			r, err := w.bring(o, nil, signed)
			if c.never != "" {
				require.ErrorContains(t, err, c.never)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, []string{c.want}, r.Rows[0].Notes)
		})
	}
	// What the certificate before it had was asked for once.
	s := w.row("apiserver")
	more := func(c *x509.Certificate) {
		usages(x509.ExtKeyUsageClientAuth)(c)
		groups("dev")(c)
		other(4, "\x30\x00")(c)
	}
	w.forge(s, more)
	tmpl := template(s)
	more(tmpl)
	_, err := w.bring(phases.ImportOptions{Options: phases.Options{Now: now, CertMode: 0o644, Backup: t.TempDir()}}, nil,
		phases.Signed{Name: "a.pem", Data: certify(t, tmpl, w.bundle("ca")[0], w.key(s), w.key(w.row("ca"))).Raw})
	assert.NoError(t, err)
}

// An import is judged with what it brings in place: a certificate of a CA that comes along, for a key that waits.
func TestImportDryRun(t *testing.T) {
	w := empty(t)
	ca := newCFSSLCA(t, "external")
	o := importNow()
	r, err := w.request(o.Options, "admin")
	require.NoError(t, err)
	o.DryRun = true
	before := w.snapshot()
	r, err = w.bring(o, map[string]phases.Signed{"ca": {Name: "root.pem", Data: ca.cert}}, phases.Signed{Name: "a.pem", Data: ca.sign(t, certs.Client, w.requestOf(r.Rows[0]))})
	require.NoError(t, err)
	assert.Equal(t, phases.Create, rowOf(t, r, "admin").Verb)
	w.unchanged(before)
}

// TestImportAgain: whatever part of an import is done already, the same command does the rest, and then nothing.
func TestImportAgain(t *testing.T) {
	w := empty(t)
	ca := newCFSSLCA(t, "external")
	o := importNow()
	r, err := w.request(o.Options, "apiserver", "scheduler")
	require.NoError(t, err)
	var signed []phases.Signed
	for _, row := range r.Rows {
		signed = append(signed, phases.Signed{Name: row.Name + ".pem", Data: ca.sign(t, w.row(row.Name).Kind, w.requestOf(row))})
	}
	root := map[string]phases.Signed{"ca": {Name: "root.pem", Data: ca.cert}}
	before := w.snapshot()
	_, err = w.bring(o, root, signed...)
	require.NoError(t, err)
	after := w.snapshot()
	var changed []string
	all := maps.Clone(before)
	maps.Copy(all, after)
	for path := range all {
		if before[path].data != after[path].data {
			changed = append(changed, path)
		}
	}
	require.Len(t, changed, 5, "the CA, a certificate, a kubeconfig, two requests that are spent")
	for subset := range 1 << len(changed) {
		for i, path := range changed {
			from := before
			if subset&(1<<i) != 0 {
				from = after
			}
			if s := from[path]; s.mode != 0 {
				w.write(path, []byte(s.data))
			} else {
				_ = os.Remove(path)
			}
		}
		_, err := w.bring(o, root, signed...)
		require.NoError(t, err, "%b of %v", subset, changed)
		for _, path := range changed {
			assert.Equal(t, after[path].data, w.snapshot()[path].data, "%b: %s", subset, path)
		}
		r, err := w.bring(o, root, signed...)
		require.NoError(t, err)
		assert.False(t, r.Changed)
	}
}
