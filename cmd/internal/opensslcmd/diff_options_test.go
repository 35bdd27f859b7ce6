package opensslcmd_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
)

// flagWords and valueWords are openssl's options; of the latter, with values that are good, odd and bad.
var flagWords = []string{"-show_chain", "-verbose", "-no-CAfile", "-no-CApath", "-no-CAstore", "-partial_chain", "-trusted_first", "-no_alt_chains", "-issuer_checks",
	"-no_check_time", "-x509_strict", "-ignore_critical", "-check_ss_sig", "-crl_check",
	"-crl_check_all", "-extended_crl", "-use_deltas", "-policy_check", "-explicit_policy", "-inhibit_any", "-inhibit_map", "-policy_print", "-foo", "-h-", "-"}

var valueWords = []struct {
	name   string
	values []string
}{
	{"-CAfile", []string{"ca.pem", "ca.pem", "missing.pem", "target0.pem", ""}},
	{"-CApath", []string{".", "missing", "ca.pem", ""}},
	{"-CAstore", []string{"ca.pem", "missing", ""}},
	{"-trusted", []string{"ca.pem", "missing.pem", "target0.pem", ""}},
	{"-untrusted", []string{"ca.pem", "missing.pem", "target0.pem", "."}},
	{"-CRLfile", []string{"ca.pem", "missing.pem"}},
	{"-purpose", []string{"sslclient", "sslserver", "any", "crlsign", "SSLSERVER", "", "code"}},
	{"-verify_name", []string{"default", "pkcs7", "smime_sign", "ssl_client", "ssl_server", "x", ""}},
	{"-verify_depth", []string{"0", "1", "-1", "0x1", "01", "0x10", "08", "010", "x", "", "2147483647", "2147483648", "-2147483648", "-2147483649", " 1", "1 ", "+1"}},
	{"-auth_level", []string{"0", "1", "2", "3", "-1", "99", "0x5", "05", "-0x5", "x", "0x", "99999999999"}},
	{"-attime", []string{"1749988800", "0", "-1", "0x684EB3C0", "x", "1e9", "99999999999999999999", " 1749988800", ""}},
	{"-nameopt", []string{"RFC2253", "compat", "multiline", "x", "", "oneline,-space_eq", "utf8,sep_multiline"}},
	{"-policy", []string{"1.2.3", "anyPolicy", "x", "1.2.3.", "1..2", "", "3.1", "serverAuth"}},
	{"-verify_hostname", []string{"leaf.example.com", "x", ""}},
	{"-verify_email", []string{"a@example.com", "x", ""}},
	{"-verify_ip", []string{"10.0.0.1", "10.0.0.2", "x", "::1", ""}},
}

// optionCase is a case of two files: anchors, and one target.
func optionCase(seed uint64, n int) cases.Case {
	c := cases.GenerateOf("time", seed, n)
	ca := cases.File{Name: "ca.pem"}
	var target cases.File
	for _, f := range c.Files {
		switch f.Name {
		case "ca.pem", "trusted0.pem":
			ca.Data = append(ca.Data, f.Data...)
		case "target0.pem":
			target = f
		}
	}
	c.Files, c.Class, c.RealTime = []cases.File{ca, target}, "options", false
	return c
}

// One file alone is verified, whether or not options stand before it.
func TestOneFileAgainstOpenSSL(t *testing.T) {
	var list []cases.Case
	for n, options := range [][]string{
		nil, {"--"}, {"-show_chain"}, {"-attime", "1749988800"}, {"-no_check_time", "-untrusted", "ca.pem"}, {"-no_check_time", "-partial_chain"},
		{"-x509_strict", "-purpose", "sslserver"}, {"-verify_hostname=x"}, {"-nameopt", "RFC2253"}, {"-CAfile", "ca.pem"}, {"-trusted", "ca.pem"}, {"-no-CAfile"},
	} {
		for _, file := range []string{"target0.pem", "ca.pem", "missing.pem", ""} {
			c := optionCase(1, n)
			c.Args = append(slices.Clone(options), file)
			list = append(list, c)
		}
	}
	agreeOn(t, list)
}

// Command lines made at random are understood, or refused, as openssl does it: with one dash or two, values behind
// a blank or an equals sign, missing, or where none belongs.
func TestOptionsAgainstOpenSSL(t *testing.T) {
	seed := uint64(envNumber(t, "PKITOOL_DIFF_SEED", 14))
	r := rand.New(rand.NewPCG(seed, 3))
	var list []cases.Case
	for n := range envNumber(t, "PKITOOL_DIFF_CASES", 100) {
		c := optionCase(seed, n)
		c.Args = randomOptions(r)
		list = append(list, c)
	}
	agreeOn(t, list)
}

func randomOptions(r *rand.Rand) []string {
	// With these in front no system store comes into play, and the first target is no anchor.
	args := []string{"-no-CAfile", "-no-CApath", "-no-CAstore"}
	if r.IntN(3) > 0 {
		args = append(args, "-CAfile", "ca.pem", "-attime", "1749988800")
	}
	for range r.IntN(5) {
		if r.IntN(2) == 0 {
			word := flagWords[r.IntN(len(flagWords))]
			switch r.IntN(12) {
			case 0:
				word = "-" + word
			case 1:
				word += "=yes"
			}
			args = append(args, word)
			continue
		}
		option := valueWords[r.IntN(len(valueWords))]
		value := option.values[r.IntN(len(option.values))]
		if r.IntN(3) > 0 {
			value = option.values[0]
		}
		name := option.name
		if r.IntN(4) == 0 {
			name = "-" + name
		}
		switch r.IntN(16) {
		case 0, 1, 2, 3:
			args = append(args, name+"="+value)
		case 4:
			args = append(args, name) // and what follows is its value
		default:
			args = append(args, name, value)
		}
	}
	switch r.IntN(12) {
	case 0:
	case 1:
		args = append(args, "--", "target0.pem", "-show_chain")
	case 2:
		args = append(args, "target0.pem", "missing.pem", "-foo", "ca.pem")
	case 3:
		args = append(args, "")
	default:
		args = append(args, "target0.pem")
	}
	return args
}
