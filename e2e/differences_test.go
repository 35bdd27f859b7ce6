package e2e

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// intended is one difference between kubeadm's files and pkitool's that is meant to be, with its reason. It must still
// be there: a row that no comparison meets any more fails the test.
type intended struct {
	of           string // what the files are, for people
	files        string // regular expression of whole file names
	field        string
	theirs, ours string
	reason       string
}

const (
	caFiles      = `(etcd/|front-proxy-)?ca\.crt`
	clientFiles  = `.+\.conf|.+-client\.crt`
	servingFiles = `apiserver\.crt|etcd/(server|peer)\.crt`
	leafFiles    = clientFiles + "|" + servingFiles
)

var intendedDifferences = []intended{
	{"every certificate", caFiles + "|" + leafFiles, "serial", "at most 63 bits", "at most 159 bits",
		"a serial number that nobody guesses, in the 20 octets of RFC 5280 section 4.1.2.2"},
	{"CAs", caFiles, "DNS names", "[kubernetes]|[front-proxy-ca]|[etcd-ca]", "[]",
		"a CA answers to no DNS name"},
	{"CAs", caFiles, "extension subjectAltName", "critical=false", "", "as above"},
	{"CAs", caFiles, "key usage", "digitalSignature keyEncipherment keyCertSign", "digitalSignature keyCertSign cRLSign",
		"a CA signs certificates and revocation lists and encrypts no keys"},
	{"all but CAs", leafFiles, "extension subjectKeyIdentifier", "", "critical=false",
		"every certificate names its key (RFC 5280 section 4.2.1.2)"},
	{"clients", clientFiles, "key usage", "digitalSignature keyEncipherment", "digitalSignature",
		"a client only signs"},
	{"serving certificates with ECDSA keys", servingFiles, "key usage", "digitalSignature keyEncipherment", "digitalSignature",
		"an ECDSA key cannot encrypt another key (RFC 8813 section 3)"},
	{"clients in kubeconfigs, with an older CA", `.+\.conf`, "not before", "its CA's", "5 minutes before it was made",
		"nothing is valid from before it was made"},
	{"all but CAs, with a younger CA", leafFiles, "not before", "5 minutes before it was made", "its CA's",
		"and nothing is valid before its CA is"},
	{"apiserver, dual stack, node 10.1.1.1", `apiserver\.crt`, "IP addresses", "[fd00:10:96::1 2001:db8::10 127.0.0.1]", "[fd00:10:96::1 10.96.0.1 2001:db8::10 10.1.1.1 127.0.0.1]",
		"in a dual-stack cluster the kubernetes Service has an address of each family; a node name that is an address is an address"},
	{"apiserver, node 10.1.1.1", `apiserver\.crt`, "DNS names",
		"[*.pkitool.test 10.1.1.1 api.pkitool.test kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local localhost]",
		"[*.pkitool.test api.pkitool.test kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local localhost]",
		"a node name that is an address is no DNS name"},
	{"etcd-server and etcd-peer, node 10.1.1.1", `etcd/(server|peer)\.crt`, "DNS names", "[10.1.1.1 localhost]", "[localhost]", "as above"},
	{"etcd-server and etcd-peer, node 10.1.1.1", `etcd/(server|peer)\.crt`, "IP addresses", "[2001:db8::10 127.0.0.1 ::1]", "[2001:db8::10 127.0.0.1 ::1 10.1.1.1]", "as above"},
	{"what an intermediate CA has signed", `apiserver\.crt|apiserver-kubelet-client\.crt|.+\.conf`, "certificates", "1", "2",
		"under an intermediate CA a certificate brings its chain along"},
	{"kubeconfigs, with a bundle in ca.crt", `.+\.conf`, "CA certificates", "1", "2",
		"a kubeconfig carries the whole bundle of ca.crt, not only its first certificate"},
}

// comparisons are the configurations that both tools are given.
var comparisons = []variant{
	{name: "rsa-2048"},
	{name: "ecdsa-p256", configure: func(c *cluster.Config) { c.Algorithm, c.Validity = "ECDSA-P256", "100h0m0s" }},
	{name: "dual-stack", configure: func(c *cluster.Config) {
		c.Algorithm = "ECDSA-P384"
		c.ServiceSubnet = "fd00:10:96::/112,10.96.0.0/16"
		c.AdvertiseAddress = "2001:db8::10"
		c.NodeName = "10.1.1.1"
	}},
	{name: "old-ca", prepare: plantOldCA},
	{name: "intermediate-ca", prepare: plantIntermediateCA},
	{name: "external-etcd", configure: configureExternalEtcd, prepare: plantEtcdClient},
}

// plantOldCA lays down a CA that was made a month ago.
func plantOldCA(t *testing.T, s *site) {
	ca := authority{}.sign(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:  x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		NotBefore: time.Now().AddDate(0, -1, 0), NotAfter: time.Now().AddDate(10, 0, 0),
	})
	require.NoError(t, os.MkdirAll(s.pki(), 0o755))
	ca.save(t, s.pki("ca"))
}

// TestDifferences makes both PKIs from the same configuration and the same files and compares them field by field.
func TestDifferences(t *testing.T) {
	met := make([]bool, len(intendedDifferences))
	compared := 0
	for _, v := range comparisons {
		t.Run(v.name, func(t *testing.T) {
			theirs, ours := newSite(t, v), newSite(t, v)
			if v.prepare != nil {
				v.prepare(t, theirs)
				require.NoError(t, copyFiles(theirs.pki(), ours.pki(), theirs.files(t, theirs.pki())...))
			}
			made := time.Now()
			plantKubeadmPKI(t, theirs)
			ours.init(t)
			for _, d := range compare(theirs.describe(t, made), ours.describe(t, made)) {
				row := d.row()
				if assert.GreaterOrEqual(t, row, 0, "not intended: %s", d) {
					met[row] = true
				}
			}
			compared++
			if !t.Failed() {
				suite.report.passed("differences", v.name)
			}
		})
	}
	if compared < len(comparisons) {
		return // -run chose some of them
	}
	for i, row := range intendedDifferences {
		assert.True(t, met[i], "this difference is no more: %s of %s, %q", row.field, row.files, row.ours)
	}
}

// row is the index of the intended difference that d is, or -1.
func (d difference) row() int {
	for i, row := range intendedDifferences {
		theirs := row.theirs == d.theirs || len(d.theirs) > 2 && strings.Contains("|"+row.theirs+"|", "|"+d.theirs+"|")
		if theirs && row.ours == d.ours && row.field == d.field && regexp.MustCompile(`^(`+row.files+`)$`).MatchString(d.file) {
			return i
		}
	}
	return -1
}

// differencesTable is the table for people.
func differencesTable() string {
	var b strings.Builder
	for _, row := range intendedDifferences {
		fmt.Fprintf(&b, "| %s | %s | `%s` | `%s` | %s |\n", row.of, row.field, orNone(row.theirs), orNone(row.ours), row.reason)
	}
	return strings.ReplaceAll(b.String(), "]|[", "], [")
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
