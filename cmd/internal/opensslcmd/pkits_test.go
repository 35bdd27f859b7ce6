package opensslcmd_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
)

// pkitsVector is one test of NIST's Public Key Interoperability Test Suite as Go's tree describes it.
type pkitsVector struct {
	Name                        string
	CertPath, CRLPath           []string
	ShouldValidate              bool
	InitialPolicySet            []string
	InitialPolicyMappingInhibit bool
	InitialExplicitPolicy       bool
	InitialAnyPolicyInhibit     bool
}

// pkitsTime lies in the validity of all certificates and CRLs of the suite that are to be valid.
const pkitsTime = "1325376000"

// options are what a vector asks for, on top of full revocation checks.
func (v pkitsVector) options() []string {
	args := []string{"-attime", pkitsTime, "-crl_check_all", "-extended_crl", "-use_deltas", "-policy_check"}
	for _, p := range v.InitialPolicySet {
		oid := "anyPolicy"
		if n, ok := strings.CutPrefix(p, "NIST-test-policy-"); ok {
			oid = "2.16.840.1.101.3.2.1.48." + n
		}
		args = append(args, "-policy", oid)
	}
	for option, wanted := range map[string]bool{
		"-inhibit_map": v.InitialPolicyMappingInhibit, "-explicit_policy": v.InitialExplicitPolicy, "-inhibit_any": v.InitialAnyPolicyInhibit,
	} {
		if wanted {
			args = append(args, option)
		}
	}
	slices.Sort(args[6+2*len(v.InitialPolicySet):])
	return args
}

func pkits(t *testing.T) (list []pkitsVector, build func(v pkitsVector, more ...string) cases.Case) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	dir := filepath.Join(strings.TrimSpace(string(root)), "src/crypto/x509/testdata/nist-pkits")
	read := func(path string, into any) {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, into))
	}
	var crls map[string]string
	read(filepath.Join(vectors(t), "pkits-crls.json"), &crls)
	read(filepath.Join(dir, "vectors.json"), &list)
	require.Len(t, list, 249)
	require.Len(t, crls, 173)
	certificate := func(name string) []byte {
		der, err := os.ReadFile(filepath.Join(dir, "certs", name))
		require.NoError(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return list, func(v pkitsVector, more ...string) cases.Case {
		c := cases.Case{Class: "PKITS " + v.Name}
		last := len(v.CertPath) - 1
		c.Files = append(c.Files, cases.File{Name: "ca.pem", Data: certificate(v.CertPath[0])})
		c.Args = []string{"-CAfile", "ca.pem"}
		var between, revocation bytes.Buffer
		for _, name := range v.CertPath[1:last] {
			between.Write(certificate(name))
		}
		if between.Len() > 0 {
			c.Files = append(c.Files, cases.File{Name: "untrusted.pem", Data: between.Bytes()})
			c.Args = append(c.Args, "-untrusted", "untrusted.pem")
		}
		var lists [][]byte
		for _, name := range v.CRLPath {
			der, err := base64.StdEncoding.DecodeString(crls[name])
			require.NoError(t, err)
			require.NotEmpty(t, der, name)
			lists = append(lists, der)
			require.NoError(t, pem.Encode(&revocation, &pem.Block{Type: "X509 CRL", Bytes: der}))
		}
		if len(lists) > 0 {
			c.Files = append(c.Files, cases.File{Name: "crls.pem", Data: revocation.Bytes()})
			c.Args = append(c.Args, "-CRLfile", "crls.pem")
		}
		c.Files = append(c.Files, cases.File{Name: "target.pem", Data: certificate(v.CertPath[last])})
		c.Args = append(append(append(c.Args, v.options()...), more...), "target.pem")
		return marked(c, lists...)
	}
}

// Every vector, as it asks to be run and in a variation, is answered as openssl answers it; in all variations where
// PKITOOL_DIFF_CASES asks for more than usual.
func TestPKITSAgainstOpenSSL(t *testing.T) {
	list, build := pkits(t)
	var all []cases.Case
	variations := [][]string{{"-policy_print", "-show_chain"}, {"-x509_strict"}, {"-partial_chain", "-purpose", "sslserver"}, {"-auth_level", "2", "-nameopt", "RFC2253"}, nil}
	thorough := envNumber(t, "PKITOOL_DIFF_CASES", 0) > 0
	for i, v := range list {
		all = append(all, build(v))
		for j, more := range variations {
			if !thorough && j != i%len(variations) {
				continue
			}
			c := build(v, more...)
			if more == nil {
				c.Class += " without extended CRLs"
				c.Args = slices.DeleteFunc(c.Args, func(a string) bool { return a == "-extended_crl" || a == "-use_deltas" })
			}
			all = append(all, c)
		}
	}
	agreeOn(t, all)
}

// pkitsOther are the vectors whose verdict is not the one that NIST expects, with the reason.
var pkitsOther = map[string]string{
	"4.1.4 Valid DSA Signatures Test4":            "key type DSA is not supported",
	"4.1.5 Valid DSA Parameter Inheritance Test5": "openssl 3.0 does not read a DSA key without parameters",
	"4.14.30 Valid cRLIssuer Test30":              "with -crl_check_all openssl asks for the CRL issuer's own revocation, and that list comes from an issuer off the path again",
}

// Without an openssl the suite's own expectation judges, where openssl is known to meet it.
func TestPKITS(t *testing.T) {
	list, build := pkits(t)
	root := t.TempDir()
	for _, v := range list {
		dir := filepath.Join(root, strings.ReplaceAll(v.Name, "/", " "))
		c := build(v)
		require.NoError(t, lay(dir, c))
		own := ours(dir, c.Args)
		reason, other := pkitsOther[v.Name]
		assert.Equal(t, v.ShouldValidate != other, own.Exit == 0, "%s %s %s", v.Name, reason, own.Stderr)
	}
}
