package verify_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/openssltest"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// trial is one validation that openssl and we are both asked for.
type trial struct {
	name      string
	ca        []*forgedCert // -CAfile
	trusted   []*forgedCert // or -trusted
	untrusted []*forgedCert
	crls      [][]byte // -CRLfile
	storeCRLs [][]byte // in the -CAfile
	target    *forgedCert
	args      []string
}

func forgePEM(certs []*forgedCert, crls [][]byte) []byte {
	var out bytes.Buffer
	for _, c := range certs {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.der})
	}
	for _, l := range crls {
		_ = pem.Encode(&out, &pem.Block{Type: "X509 CRL", Bytes: l})
	}
	return out.Bytes()
}

// openssl says what openssl prints, stderr first.
func (tr trial) openssl(t *testing.T) string {
	dir := t.TempDir()
	args := []string{"-attime", strconv.FormatInt(forgeTime.Unix(), 10)}
	for _, f := range []struct {
		option, name string
		data         []byte
	}{
		{"-CAfile", "ca.pem", forgePEM(tr.ca, tr.storeCRLs)},
		{"-trusted", "trusted.pem", forgePEM(tr.trusted, nil)},
		{"-untrusted", "untrusted.pem", forgePEM(tr.untrusted, nil)},
		{"-CRLfile", "crl.pem", forgePEM(nil, tr.crls)},
		{"", "target.pem", forgePEM([]*forgedCert{tr.target}, nil)},
	} {
		if len(f.data) == 0 {
			continue
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.name), f.data, 0o600))
		if f.option != "" {
			args = append(args, f.option, f.name)
		}
	}
	args = append(append(args, tr.args...), "target.pem")
	got, err := openssltest.Verify(openssltest.Path(t), dir, args)
	require.NoError(t, err)
	return fmt.Sprintf("%s%s[%d]", got.Stderr, got.Stdout, got.Exit)
}

func parseForged(t *testing.T, c *forgedCert) *verify.Certificate {
	parsed, err := verify.ParseCertificate(c.der)
	require.NoError(t, err)
	return parsed
}

func parseAllForged(t *testing.T, list []*forgedCert) []*verify.Certificate {
	var out []*verify.Certificate
	for _, c := range list {
		out = append(out, parseForged(t, c))
	}
	return out
}

// ours is our answer in openssl's form.
func (tr trial) ours(t *testing.T) string {
	parseCRLs := func(list [][]byte) []*verify.CRL {
		var out []*verify.CRL
		for _, der := range list {
			parsed, err := verify.ParseCRL(der)
			require.NoError(t, err)
			out = append(out, parsed)
		}
		return out
	}
	trust := verify.NewTrustedList(parseAllForged(t, tr.trusted))
	if tr.trusted == nil {
		trust = verify.NewStore(parseAllForged(t, tr.ca), parseCRLs(tr.storeCRLs))
	}
	report := verify.Verify(parseForged(t, tr.target), trust, parseAllForged(t, tr.untrusted), parseCRLs(tr.crls), tr.options(t))
	return renderReport(report)
}

func (tr trial) options(t *testing.T) verify.Options {
	o := verify.NewOptions(forgeTime)
	for i := 0; i < len(tr.args); i++ {
		switch tr.args[i] {
		case "-crl_check":
			o.CRLCheck = true
		case "-crl_check_all":
			o.CRLCheck, o.CRLCheckAll = true, true
		case "-extended_crl":
			o.ExtendedCRL = true
		case "-use_deltas":
			o.UseDeltas = true
		case "-ignore_critical":
			o.IgnoreCritical = true
		case "-partial_chain":
			o.PartialChain = true
		case "-policy":
			i++
			o.PolicyCheck, o.Policies = true, append(o.Policies, tr.args[i])
		case "-policy_check":
			o.PolicyCheck = true
		case "-explicit_policy":
			o.PolicyCheck, o.ExplicitPolicy = true, true
		case "-inhibit_any":
			o.PolicyCheck, o.InhibitAny = true, true
		case "-inhibit_map":
			o.PolicyCheck, o.InhibitMap = true, true
		case "-policy_print":
			o.NotifyPolicy = true
		case "-verify_hostname":
			i++
			o.Hostname = tr.args[i]
		case "-purpose":
			i++
			var ok bool
			o.Purpose, ok = verify.ParsePurpose(tr.args[i])
			require.True(t, ok)
		default:
			require.Fail(t, "option unknown to the test", tr.args[i])
		}
	}
	return o
}

func renderReport(r verify.Report) string {
	var out strings.Builder
	for _, f := range r.Findings {
		if f.Cert != nil {
			fmt.Fprintln(&out, openssl.OneLine.Name(f.Cert.Subject()))
		}
		if f.CRLPath {
			out.WriteString("[CRL path] ")
		}
		fmt.Fprintf(&out, "error %d at %d depth lookup: %s\n", f.Code, f.Depth, f.Code)
		if f.Policy != nil {
			out.WriteString(f.Policy.Text(openssl.ObjectName))
		}
	}
	if r.Policy != nil {
		out.WriteString(r.Policy.Text(openssl.ObjectName))
	}
	if !r.OK {
		return out.String() + "error target.pem: verification failed\n[2]"
	}
	return out.String() + "target.pem: OK\n[0]"
}

// sampleSize is how many trials of a large grid are run where nobody asked for all.
const sampleSize = 60

// agree runs the trials and wants the same text from openssl and from us. answers, by name, says what
// openssl's must contain: a test sees so that its trials reach what they are for. Of a large grid
// only a sample is run beside those, unless openssl is required, as in CI.
func agree(t *testing.T, trials []trial, answers map[string]string) {
	var sure, rest []trial
	for _, tr := range trials {
		if _, ok := answers[tr.name]; ok {
			sure = append(sure, tr)
		} else {
			rest = append(rest, tr)
		}
	}
	require.Len(t, sure, len(answers), "every expected answer is some trial's")
	if os.Getenv("PKITOOL_REQUIRE_OPENSSL") == "" && len(rest) > sampleSize {
		seed := uint64(time.Now().UnixNano())
		t.Logf("%d of %d trials, seed %d", sampleSize, len(rest), seed)
		slices.SortFunc(rest, func(a, b trial) int { return strings.Compare(a.name, b.name) })
		mathrand.New(mathrand.NewPCG(seed, 0)).Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		rest = rest[:sampleSize]
	}
	for _, tr := range append(sure, rest...) {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			want := tr.openssl(t)
			assert.Contains(t, want, answers[tr.name])
			assert.Equal(t, want, tr.ours(t))
		})
	}
}
