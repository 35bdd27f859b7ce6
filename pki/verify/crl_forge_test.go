package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
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

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// forgeTime is the moment at which forged chains are judged.
var forgeTime = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func forgeTLV(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out, err := asn1.Marshal(asn1.RawValue{Tag: 4, Bytes: body})
	if err != nil {
		panic(err)
	}
	out[0] = tag
	return out
}

func forgeSeq(parts ...[]byte) []byte { return forgeTLV(0x30, parts...) }

func forgeOID(dotted string) []byte {
	var id asn1.ObjectIdentifier
	for arc := range strings.SplitSeq(dotted, ".") {
		n, err := strconv.Atoi(arc)
		if err != nil {
			panic(err)
		}
		id = append(id, n)
	}
	out, err := asn1.Marshal(id)
	if err != nil {
		panic(err)
	}
	return out
}

func forgeInt(n int64) []byte {
	out, err := asn1.Marshal(big.NewInt(n))
	if err != nil {
		panic(err)
	}
	return out
}

func forgeBits(unused byte, octets ...byte) []byte { return forgeTLV(3, []byte{unused}, octets) }

func forgeUTCTime(t time.Time) []byte {
	return forgeTLV(0x17, []byte(t.UTC().Format("060102150405Z")))
}

func forgeAttr(id, value string) []byte {
	return forgeSeq(forgeOID(id), forgeTLV(0x0c, []byte(value)))
}

func forgeCN(values ...string) []byte {
	var rdns [][]byte
	for _, v := range values {
		rdns = append(rdns, forgeTLV(0x31, forgeAttr("2.5.4.3", v)))
	}
	return forgeSeq(rdns...)
}

// forgeDir is a GeneralName of type directoryName.
func forgeDir(name []byte) []byte { return forgeTLV(0xa4, name) }

func forgeURI(s string) []byte { return forgeTLV(0x86, []byte(s)) }

type forgedExt struct {
	id       string
	critical bool
	value    []byte
}

func forgeExts(exts []forgedExt) []byte {
	var list [][]byte
	for _, e := range exts {
		var critical []byte
		if e.critical {
			critical = []byte{1, 1, 0xff}
		}
		list = append(list, forgeSeq(forgeOID(e.id), critical, forgeTLV(4, e.value)))
	}
	return forgeSeq(list...)
}

var (
	forgedCA    = forgedExt{"2.5.29.19", true, forgeSeq([]byte{1, 1, 0xff})}
	forgedCAUse = forgedExt{"2.5.29.15", true, forgeBits(1, 0x06)} // keyCertSign, cRLSign
	forgedCRLKU = forgedExt{"2.5.29.15", true, forgeBits(1, 0x02)}
	forgedCSKU  = forgedExt{"2.5.29.15", true, forgeBits(2, 0x04)}
	forgedDSKU  = forgedExt{"2.5.29.15", true, forgeBits(7, 0x80)}
	asRoot      = []forgedExt{forgedCA, forgedCAUse}
)

func forgeKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// spki is the certificate's key, with a curve by name or spelt out.
func (c *forgedCert) spki() []byte {
	if !c.spelt {
		return forgeSPKI(c.key)
	}
	p := c.key.Curve.Params()
	number := func(n *big.Int) []byte {
		out, err := asn1.Marshal(n)
		if err != nil {
			panic(err)
		}
		return out
	}
	size := (p.BitSize + 7) / 8
	octets := func(n *big.Int) []byte { return forgeTLV(4, n.FillBytes(make([]byte, size))) }
	point, err := c.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	base := append([]byte{4}, append(p.Gx.FillBytes(make([]byte, size)), p.Gy.FillBytes(make([]byte, size))...)...)
	params := forgeSeq(forgeInt(1), forgeSeq(forgeOID("1.2.840.10045.1.1"), number(p.P)),
		forgeSeq(octets(new(big.Int).Sub(p.P, big.NewInt(3))), octets(p.B)), forgeTLV(4, base), number(p.N))
	return forgeSeq(forgeSeq(forgeOID("1.2.840.10045.2.1"), params), forgeBits(0, point...))
}

func forgeSPKI(key *ecdsa.PrivateKey) []byte {
	curve := map[string]string{
		"P-256": "1.2.840.10045.3.1.7", "P-384": "1.3.132.0.34", "P-521": "1.3.132.0.35",
	}[key.Curve.Params().Name]
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return forgeSeq(forgeSeq(forgeOID("1.2.840.10045.2.1"), forgeOID(curve)), forgeBits(0, point...))
}

var (
	forgedSHA256 = forgeSeq(forgeOID("1.2.840.10045.4.3.2"))
	forgedSHA384 = forgeSeq(forgeOID("1.2.840.10045.4.3.3"))
)

func forgeSign(key *ecdsa.PrivateKey, tbs, inner, outer []byte) []byte {
	digest := sha256.Sum256(tbs)
	sum := digest[:]
	if bytes.Equal(inner, forgedSHA384) {
		long := sha512.Sum384(tbs)
		sum = long[:]
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum)
	if err != nil {
		panic(err)
	}
	return forgeSeq(tbs, outer, forgeBits(0, signature...))
}

// forgedCert is a certificate described field by field; its zero values are what a plain one has.
type forgedCert struct {
	name     []byte
	issuer   *forgedCert // nil: itself
	serial   int64
	version  int64 // 0: v3, -1: v1
	from, to time.Time
	exts     []forgedExt
	key      *ecdsa.PrivateKey
	bare     bool // no key identifiers
	spelt    bool // the key's curve is spelt out
	alg      []byte
	der      []byte
}

func (c *forgedCert) keyID() []byte {
	sum := sha256.Sum256(c.spki())
	return sum[:20]
}

// issue makes the certificate.
func (c forgedCert) issue() *forgedCert {
	if c.key == nil {
		c.key = forgeKey(elliptic.P256())
	}
	if c.serial == 0 {
		c.serial = 1
	}
	issuer := c.issuer
	if issuer == nil {
		issuer = &c
	}
	if c.from.IsZero() {
		c.from = forgeTime.AddDate(-1, 0, 0)
	}
	if c.to.IsZero() {
		c.to = forgeTime.AddDate(1, 0, 0)
	}
	exts := append([]forgedExt{}, c.exts...)
	if !c.bare {
		exts = append(exts, forgedExt{"2.5.29.14", false, forgeTLV(4, c.keyID())})
		if c.issuer != nil {
			exts = append(exts, forgedExt{"2.5.29.35", false, forgeSeq(forgeTLV(0x80, issuer.keyID()))})
		}
	}
	var version, extensions []byte
	if c.version >= 0 {
		version = forgeTLV(0xa0, forgeInt(max(c.version, 2)))
	}
	if len(exts) > 0 {
		extensions = forgeTLV(0xa3, forgeExts(exts))
	}
	alg := c.alg
	if alg == nil {
		alg = forgedSHA256
	}
	tbs := forgeSeq(version, forgeInt(c.serial), alg, issuer.name, forgeSeq(forgeUTCTime(c.from), forgeUTCTime(c.to)),
		c.name, c.spki(), extensions)
	c.der = forgeSign(issuer.key, tbs, alg, alg)
	return &c
}

type forgedEntry struct {
	serial int64
	exts   []forgedExt
}

// forgedCRL is a CRL described field by field.
type forgedCRL struct {
	issuer     *forgedCert
	name       []byte // nil: the issuer's
	key        *ecdsa.PrivateKey
	this, next time.Time
	endless    bool
	entries    []forgedEntry
	exts       []forgedExt
	v1         bool
	alg, outer []byte
}

func (l forgedCRL) issue() []byte {
	var entries []byte
	for _, e := range l.entries {
		var ext []byte
		if e.exts != nil {
			ext = forgeExts(e.exts)
		}
		entries = append(entries, forgeSeq(forgeInt(e.serial), forgeUTCTime(forgeTime.AddDate(0, -1, 0)), ext)...)
	}
	return l.issueWith(entries)
}

// issueWith makes the CRL with encoded entries.
func (l forgedCRL) issueWith(entries []byte) []byte {
	if l.name == nil {
		l.name = l.issuer.name
	}
	if l.key == nil {
		l.key = l.issuer.key
	}
	if l.this.IsZero() {
		l.this = forgeTime.AddDate(0, 0, -1)
	}
	if l.next.IsZero() {
		l.next = forgeTime.AddDate(0, 0, 7)
	}
	if l.alg == nil {
		l.alg = forgedSHA256
	}
	if l.outer == nil {
		l.outer = l.alg
	}
	var version, next, exts []byte
	if !l.v1 {
		version = forgeInt(1)
	}
	if !l.endless {
		next = forgeUTCTime(l.next)
	}
	if entries != nil {
		entries = forgeSeq(entries)
	}
	if l.exts != nil {
		exts = forgeTLV(0xa0, forgeExts(l.exts))
	}
	tbs := forgeSeq(version, l.alg, l.name, forgeUTCTime(l.this), next, entries, exts)
	return forgeSign(l.key, tbs, l.alg, l.outer)
}

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
	got, err := judge(openSSL(t), dir, args)
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
		case "-allow_proxy_certs":
			o.AllowProxy = true
		case "-suiteB_128_only":
			o.SuiteB = verify.SuiteB128Only
		case "-suiteB_128":
			o.SuiteB = verify.SuiteB128
		case "-suiteB_192":
			o.SuiteB = verify.SuiteB192
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
			out.WriteString(f.Policy.Text(openssl.LongName))
		}
	}
	if r.Policy != nil {
		out.WriteString(r.Policy.Text(openssl.LongName))
	}
	if !r.OK {
		return out.String() + "error target.pem: verification failed\n[2]"
	}
	return out.String() + "target.pem: OK\n[0]"
}

// sampleSize is how many trials of a large grid are run where nobody asked for all.
const sampleSize = 150

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
			want := tr.openssl(t)
			assert.Contains(t, want, answers[tr.name])
			assert.Equal(t, want, tr.ours(t))
		})
	}
}
