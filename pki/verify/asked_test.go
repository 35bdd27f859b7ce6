package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
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
)

// askedTime is the moment at which certificates are judged here unless -attime says otherwise.
var askedTime = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// asked is one question to `openssl verify` and to us.
type asked struct {
	name      string
	args      []string
	ca        [][]byte // -CAfile, DER; nothing and no trusted: an empty store
	trusted   [][]byte // -trusted
	untrusted [][]byte
	target    []byte
	label     string // of the PEM blocks of trusted, if not CERTIFICATE
	want      string // "OK", errors as "18@0 26@0", "unreadable" or "internal"
	theirs    string // openssl's answer where want is "... is not supported"
}

// ask wants the answer from us, and, where openssl is installed, the same from it.
func ask(t *testing.T, list []asked) {
	t.Helper()
	for _, a := range list {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			got := a.ours(t)
			assert.Equal(t, a.want, got)
			theirs := a.openssl(t)
			if strings.Contains(got, "is not supported") {
				assert.Equal(t, a.theirs, theirs, "openssl's answer")
				assert.NotEqual(t, "OK", got)
				return
			}
			assert.Equal(t, theirs, got, "openssl's answer")
		})
	}
}

func (a asked) ours(t *testing.T) string {
	parse := func(list [][]byte, parse func([]byte) (*verify.Certificate, error)) []*verify.Certificate {
		var out []*verify.Certificate
		for _, der := range list {
			c, err := parse(der)
			require.NoError(t, err)
			out = append(out, c)
		}
		return out
	}
	target, err := verify.ParseCertificate(a.target)
	if err != nil {
		require.EqualError(t, err, "not a certificate")
		return "unreadable"
	}
	read := verify.ParseCertificate
	if a.label == "TRUSTED CERTIFICATE" {
		read = verify.ParseTrustedCertificate
	}
	trust := verify.NewTrustedList(parse(a.trusted, read))
	if a.trusted == nil {
		trust = verify.NewStore(parse(a.ca, read), nil)
	}
	r := verify.Verify(target, trust, parse(a.untrusted, verify.ParseCertificate), nil, askedOptions(t, a.args))
	switch {
	case r.OK:
		return "OK"
	case r.Internal:
		require.NotEmpty(t, r.Reason)
		return "internal"
	}
	var found []string
	for _, f := range r.Findings {
		found = append(found, fmt.Sprintf("%d@%d", f.Code, f.Depth))
		if f.Unsupported != "" {
			found = append(found, f.Unsupported)
			assert.True(t, r.Unsupported)
		}
	}
	return strings.Join(found, " ")
}

func (a asked) openssl(t *testing.T) string {
	dir := t.TempDir()
	args := append([]string{}, a.args...)
	if said := strings.Join(args, " "); !strings.Contains(said, "-attime") && !strings.Contains(said, "-no_check_time") {
		args = append(args, "-attime", strconv.FormatInt(askedTime.Unix(), 10))
	}
	put := func(option, name, label string, list [][]byte) {
		var out bytes.Buffer
		for _, der := range list {
			require.NoError(t, pem.Encode(&out, &pem.Block{Type: label, Bytes: der}))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), out.Bytes(), 0o600))
		if option != "" {
			args = append(args, option, name)
		}
	}
	label := a.label
	if label == "" {
		label = "CERTIFICATE"
	}
	if a.ca != nil {
		put("-CAfile", "ca.pem", label, a.ca)
	}
	if a.trusted != nil {
		put("-trusted", "trusted.pem", label, a.trusted)
	}
	if a.untrusted != nil {
		put("-untrusted", "untrusted.pem", "CERTIFICATE", a.untrusted)
	}
	put("", "target.pem", "CERTIFICATE", [][]byte{a.target})
	said, err := openssltest.Verify(openssltest.Path(t), dir, append(args, "target.pem"))
	require.NoError(t, err)
	require.NotEqual(t, 1, said.Exit, "openssl took this for wrong usage: %s", said.Stderr)
	var found []string
	for _, f := range said.Findings() {
		found = append(found, fmt.Sprintf("%d@%d", f.Code, f.Depth))
	}
	switch {
	case said.Exit == 0:
		return "OK"
	case strings.Contains(said.Stderr, "Could not read"):
		return "unreadable"
	case found == nil:
		return "internal"
	}
	return strings.Join(found, " ")
}

// askedOptions reads the options that questions use.
func askedOptions(t *testing.T, args []string) verify.Options {
	o := verify.NewOptions(askedTime)
	flags := map[string]*bool{
		"-partial_chain": &o.PartialChain, "-x509_strict": &o.Strict, "-check_ss_sig": &o.CheckSSSig,
		"-ignore_critical": &o.IgnoreCritical, "-no_check_time": &o.NoCheckTime,
	}
	for i := 0; i < len(args); i++ {
		if flag := flags[args[i]]; flag != nil {
			*flag = true
			continue
		}
		require.Less(t, i+1, len(args))
		value, ok := args[i+1], true
		number, _ := strconv.ParseInt(value, 10, 64)
		switch args[i] {
		case "-purpose":
			o.Purpose, ok = verify.ParsePurpose(value)
		case "-verify_name":
			ok = o.ApplyProfile(value)
		case "-verify_depth":
			o.Depth = int(number)
		case "-auth_level":
			o.SecLevel = int(number)
		case "-attime":
			o.Time = time.Unix(number, 0)
		case "-verify_hostname":
			o.Hostname = value
		case "-verify_email":
			o.Email, o.HasEmail = value, true
		case "-verify_ip":
			o.IP, ok = verify.ParseIP(value)
		default:
			ok = false
		}
		require.True(t, ok, args[i:i+2])
		i++
	}
	return o
}

// parts are the elements of a certificate, encoded; what is nil is as in a plain certificate.
type parts struct {
	version         []byte // {} for none
	serial          []byte
	inner, outer    []byte
	issuer, subject []byte
	from, to        []byte
	spki            []byte
	ids             []byte // issuerUniqueID, subjectUniqueID
	exts            [][]byte
	noExts          bool
	by              *ecdsa.PrivateKey
	tamper          func(signature []byte) []byte // what stands in the BIT STRING, its first octet included
	tbs             func(tbs []byte) []byte       // before signing
	certificate     func(body []byte) []byte      // the outer element from its contents
}

var (
	caKey    = forgeKey(elliptic.P256())
	interKey = forgeKey(elliptic.P256())
	leafKey  = forgeKey(elliptic.P256())

	version3    = []byte{0xa0, 3, 2, 1, 2}
	isCA        = ext("2.5.29.19", true, forgeSeq([]byte{1, 1, 0xff}))
	caUse       = ext("2.5.29.15", true, forgeBits(1, 0x86))
	notCA       = ext("2.5.29.19", true, forgeSeq())
	leafUse     = ext("2.5.29.15", true, forgeBits(5, 0xa0))
	skid        = func(id ...byte) []byte { return ext("2.5.29.14", false, forgeTLV(4, id)) }
	akid        = func(fields ...[]byte) []byte { return ext("2.5.29.35", false, forgeSeq(fields...)) }
	san         = func(names ...[]byte) []byte { return ext("2.5.29.17", false, forgeSeq(names...)) }
	dnsName     = func(s string) []byte { return forgeTLV(0x82, []byte(s)) }
	mailName    = func(s string) []byte { return forgeTLV(0x81, []byte(s)) }
	ipName      = func(octets ...byte) []byte { return forgeTLV(0x87, octets) }
	serverUse   = forgeOID("1.3.6.1.5.5.7.3.1")
	clientUse   = forgeOID("1.3.6.1.5.5.7.3.2")
	uses        = func(ids ...[]byte) []byte { return ext("2.5.29.37", false, forgeSeq(ids...)) }
	ecdsaSHA256 = forgedSHA256
)

// ext is an Extension; values that are no DER may be given.
func ext(id string, critical bool, value []byte) []byte {
	var mark []byte
	if critical {
		mark = []byte{1, 1, 0xff}
	}
	return forgeSeq(forgeOID(id), mark, forgeTLV(4, value))
}

func utcTime(s string) []byte     { return forgeTLV(0x17, []byte(s)) }
func generalTime(s string) []byte { return forgeTLV(0x18, []byte(s)) }

func or(b, otherwise []byte) []byte {
	if b == nil {
		return otherwise
	}
	return b
}

// make signs the certificate.
func (p parts) make() []byte {
	by := p.by
	if by == nil {
		by = caKey
	}
	inner := or(p.inner, ecdsaSHA256)
	var extensions []byte
	if !p.noExts {
		extensions = forgeTLV(0xa3, forgeSeq(p.exts...))
	}
	tbs := forgeSeq(or(p.version, version3), or(p.serial, []byte{2, 1, 1}), inner, or(p.issuer, forgeCN("ca")),
		forgeSeq(or(p.from, utcTime("250101000000Z")), or(p.to, utcTime("300101000000Z"))),
		or(p.subject, forgeCN("leaf")), or(p.spki, forgeSPKI(leafKey)), p.ids, extensions)
	if p.tbs != nil {
		tbs = p.tbs(tbs)
	}
	signed := forgeSign(by, tbs, inner, or(p.outer, inner))
	if p.tamper == nil && p.certificate == nil {
		return signed
	}
	signature := signed[len(signed)-p.signatureSize(signed, tbs, or(p.outer, inner)):]
	if p.tamper != nil {
		signature = forgeTLV(3, p.tamper(signature[2:]))
	}
	body := bytes.Join([][]byte{tbs, or(p.outer, inner), signature}, nil)
	if p.certificate != nil {
		return p.certificate(body)
	}
	return forgeTLV(0x30, body)
}

func (p parts) signatureSize(signed, tbs, outer []byte) int {
	header := 4 // SEQUENCE with two length octets, as every certificate here
	return len(signed) - header - len(tbs) - len(outer)
}

// aRoot is a plain CA certificate; more extensions may be added.
func aRoot(more ...[]byte) []byte {
	return parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: append([][]byte{isCA, caUse}, more...)}.make()
}

// anIntermediate is a CA certificate called inter that the root signed.
func anIntermediate(more ...[]byte) []byte {
	return parts{
		subject: forgeCN("inter"), spki: forgeSPKI(interKey), serial: []byte{2, 1, 2},
		exts: append([][]byte{isCA, caUse}, more...),
	}.make()
}

// aLeaf is a plain target that the root signed.
func aLeaf(more ...[]byte) []byte {
	return parts{serial: []byte{2, 1, 3}, exts: append([][]byte{notCA, leafUse}, more...)}.make()
}

// under is a target that inter signed.
func under(more ...[]byte) []byte {
	return parts{issuer: forgeCN("inter"), by: interKey, serial: []byte{2, 1, 4}, exts: append([][]byte{notCA}, more...)}.make()
}

// sampled asks all that sure says and, unless openssl is required as in CI, a sample of the rest.
func sampled(t *testing.T, list []asked, sure func(asked) bool) {
	t.Helper()
	var some []asked
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	all := os.Getenv("PKITOOL_REQUIRE_OPENSSL") != ""
	slices.SortFunc(list, func(a, b asked) int { return strings.Compare(a.name, b.name) })
	for _, a := range list {
		if all || sure(a) || random.IntN(len(list)) < sampleSize {
			some = append(some, a)
		}
	}
	t.Logf("%d of %d questions, seed %d", len(some), len(list), seed)
	ask(t, some)
}
