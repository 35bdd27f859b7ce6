package opensslcmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// options are the options of verify: openssl's, in the groups of its help, and a few of our own.
func options() []option {
	return slices.Concat(generalOptions(), trustOptions(), ruleOptions(), nameOptions(), revocationOptions(), policyOptions(), refusedOptions())
}

func flag(set func(*request)) func(*request, string) error {
	return func(r *request, _ string) error { set(r); return nil }
}

// policyFlag switches the policy check on, as each of these options does.
func policyFlag(set func(*verify.Options)) func(*request, string) error {
	return flag(func(r *request) { set(&r.options); r.options.PolicyCheck = true })
}

func generalOptions() []option {
	return []option{
		{name: "help", help: "show this help", apply: flag(func(r *request) { r.help = true })},
		{name: "output", kind: textValue, what: "format", help: "text, json or yaml: for each target its verdict, chain and findings", words: formats, apply: setFormat},
		{name: "o", kind: textValue, what: "format", help: "short for --output", words: formats, apply: setFormat},
		{name: "explain", help: "say for each error what was compared with what, and what to do", apply: flag(func(r *request) { r.explain = true })},
		asOption(),
		{name: "show_chain", help: "show the chain of each good target", apply: flag(func(r *request) { r.showChain = true })},
		{name: "nameopt", alias: "name-opt", kind: textValue, what: "words", help: "how names are written: oneline, RFC2253, compat, multiline, utf8, ... with commas between",
			words: openssl.NameOptionWords(), apply: setNameOptions},
		{name: "verbose", help: "nothing more than without", apply: flag(func(*request) {})},
	}
}

func trustOptions() []option {
	file := func(set func(*request, string)) func(*request, string) error {
		return func(r *request, value string) error { set(r, value); r.trustSaid = true; return nil }
	}
	none := func(r *request, _ string) error { r.trustSaid = true; return nil }
	return []option{
		{name: "CAfile", alias: "ca-file", kind: fileValue, what: "file", help: "the trust anchors (PEM, CRLs too); the last one counts", apply: file(func(r *request, v string) { r.caFile = &v })},
		{name: "CApath", alias: "ca-path", kind: dirValue, what: "dir", help: "a directory of trust anchors and CRLs, named by hash as `openssl rehash` does", apply: file(func(r *request, v string) { r.caPath = &v })},
		{name: "CAstore", alias: "ca-store", kind: textValue, what: "file", help: "a file of trust anchors in any form, or such a directory", apply: file(func(r *request, v string) { r.caStore = &v })},
		{name: "trusted", kind: fileValue, what: "file", help: "certificates to trust, and no others; can be repeated", apply: addTrusted},
		{name: "untrusted", kind: fileValue, what: "file", help: "intermediate certificates; can be repeated", apply: addUntrusted},
		{name: "no-CAfile", alias: "no-ca-file", help: "openssl: not the system's file. Here it is never read", apply: none},
		{name: "no-CApath", alias: "no-ca-path", help: "openssl: not the system's directory. Here it is never read", apply: none},
		{name: "no-CAstore", alias: "no-ca-store", help: "openssl: not the system's store. Here it is never read", apply: none},
		{name: "partial_chain", help: "a trusted certificate ends the chain even if it is no root", apply: flag(func(r *request) { r.options.PartialChain = true })},
		{name: "trusted_first", help: "look among the trusted first, as always", apply: flag(func(*request) {})},
		{name: "no_alt_chains", help: "without effect, as in openssl", apply: flag(func(*request) {})},
		{name: "issuer_checks", help: "without effect, as in openssl", apply: flag(func(*request) {})},
	}
}

func ruleOptions() []option {
	return []option{
		{name: "purpose", kind: textValue, what: "purpose", help: "what the chain is to be good for: " + strings.Join(verify.PurposeNames(), ", "), words: verify.PurposeNames(), apply: setPurpose},
		{name: "verify_name", kind: textValue, what: "name", help: "purpose and trust by one name: " + strings.Join(profiles, ", "), words: profiles, apply: setProfile},
		{name: "verify_depth", kind: intValue, what: "n", help: "how many CAs there may be between the certificate and its anchor (default 100)", apply: setDepth},
		{name: "auth_level", kind: intValue, what: "n", help: "least strength of keys and signatures, 1 to 5: 80, 112, 128, 192, 256 bits", apply: setLevel},
		{name: "attime", alias: "at-time", kind: timeValue, what: "seconds", help: "the time to check at, in seconds since 1970, instead of now", apply: setCheckTime},
		{name: "no_check_time", help: "do not check times", apply: flag(func(r *request) { r.options.NoCheckTime = true })},
		{name: "x509_strict", help: "no tolerance for certificates that break RFC 5280", apply: flag(func(r *request) { r.options.Strict = true })},
		{name: "ignore_critical", help: "accept critical extensions that are not understood", apply: flag(func(r *request) { r.options.IgnoreCritical = true })},
		{name: "check_ss_sig", help: "check the root's own signature too", apply: flag(func(r *request) { r.options.CheckSSSig = true })},
	}
}

func nameOptions() []option {
	return []option{
		{name: "verify_hostname", kind: textValue, what: "name", help: "the host name that the certificate must have", apply: setHostname},
		{name: "verify_ip", kind: textValue, what: "address", help: "the IP address that the certificate must have", apply: setIP},
		{name: "verify_email", kind: textValue, what: "address", help: "the e-mail address that the certificate must have", apply: func(r *request, v string) error { r.options.Email, r.options.HasEmail = v, true; return nil }},
	}
}

func revocationOptions() []option {
	return []option{
		{name: "CRLfile", alias: "crl-file", kind: fileValue, what: "file", help: "revocation lists; can be repeated", apply: addCRLs},
		{name: "crl_check", help: "check that the certificate is not revoked", apply: flag(func(r *request) { r.options.CRLCheck = true })},
		{name: "crl_check_all", help: "check that no certificate of the chain is revoked", apply: flag(func(r *request) { r.options.CRLCheck, r.options.CRLCheckAll = true, true })},
		{name: "extended_crl", help: "indirect CRLs and CRLs by reason", apply: flag(func(r *request) { r.options.ExtendedCRL = true })},
		{name: "use_deltas", help: "delta CRLs", apply: flag(func(r *request) { r.options.UseDeltas = true })},
	}
}

func policyOptions() []option {
	return []option{
		{name: "policy", kind: textValue, what: "oid", help: "a policy that is acceptable (anyPolicy for all); can be repeated", apply: addPolicy},
		{name: "policy_check", help: "check certificate policies (RFC 5280)", apply: policyFlag(func(*verify.Options) {})},
		{name: "explicit_policy", help: "a policy is needed", apply: policyFlag(func(o *verify.Options) { o.ExplicitPolicy = true })},
		{name: "inhibit_any", help: "anyPolicy does not count", apply: policyFlag(func(o *verify.Options) { o.InhibitAny = true })},
		{name: "inhibit_map", help: "policies are not mapped", apply: policyFlag(func(o *verify.Options) { o.InhibitMap = true })},
		{name: "policy_print", help: "show the policies that are left", apply: flag(func(r *request) { r.options.NotifyPolicy = true })},
	}
}

// refusedOptions are options of openssl that ask for something outside this program, code that is loaded or the
// network, or for what no Kubernetes component takes. They are refused by name.
func refusedOptions() []option {
	refuse := func(name, why string, kind valueKind) option {
		return option{name: name, kind: kind, apply: func(*request, string) error {
			return &errSaid{fmt.Sprintf("verify: -%s is not supported: %s\n", name, why)}
		}}
	}
	const code = "no code is loaded at run time"
	const suiteB = "no Kubernetes component asks for Suite B; openssl does"
	return []option{
		refuse("engine", code, textValue), refuse("provider", code, textValue), refuse("provider-path", code, textValue), refuse("propquery", code, textValue),
		refuse("crl_download", "nothing is fetched from a network; give the CRLs with -CRLfile", noValue),
		refuse("vfyopt", "no algorithm that is supported has such options", textValue),
		refuse("allow_proxy_certs", "no Kubernetes component takes proxy certificates (RFC 3820)", noValue),
		refuse("suiteB_128_only", suiteB, noValue), refuse("suiteB_128", suiteB, noValue), refuse("suiteB_192", suiteB, noValue),
	}
}

var formats = []string{"text", "json", "yaml"}

func setFormat(r *request, value string) error {
	if !slices.Contains(formats, value) {
		return badUse("Output format \"%s\" is none of %s", value, strings.Join(formats, ", "))
	}
	r.format = value
	return nil
}

func setNameOptions(r *request, value string) error {
	before := r.names
	if !r.namesGiven {
		before = 0
	}
	names, err := before.Parse(value)
	if err != nil {
		return &errSaid{}
	}
	r.names, r.namesGiven = names, true
	return nil
}

func setPurpose(r *request, value string) error {
	p, ok := verify.ParsePurpose(value)
	if !ok {
		return &errSaid{fmt.Sprintf("verify: Invalid purpose %s\n", terminal.Line(value))}
	}
	r.options.Purpose = p
	return nil
}

// profiles are the names for -verify_name.
var profiles = []string{"default", "pkcs7", "smime_sign", "ssl_client", "ssl_server"}

func setProfile(r *request, value string) error {
	if !r.options.ApplyProfile(value) {
		return &errSaid{fmt.Sprintf("verify: Invalid verify name %s\n", terminal.Line(value))}
	}
	return nil
}

// setHostname refuses an empty name, which openssl takes for no question about names: a script's variable was not set.
func setHostname(r *request, value string) error {
	if value == "" {
		return badUse("Option -verify_hostname needs a value")
	}
	r.options.Hostname = value
	return nil
}

// setCheckTime wins over -no_check_time, before it or behind it.
func setCheckTime(r *request, value string) error {
	seconds, err := parseNumber(value)
	r.options.Time, r.timeGiven = time.Unix(seconds, 0), true
	return err
}

func setDepth(r *request, value string) error {
	if n := atoi(value); n >= 0 {
		r.options.Depth = n
	}
	return nil
}

func setLevel(r *request, value string) error {
	if n := atoi(value); n >= 0 {
		r.options.SecLevel = n
	}
	return nil
}

func setIP(r *request, value string) error {
	ip, ok := verify.ParseIP(value)
	if !ok {
		return &errSaid{}
	}
	r.options.IP = ip
	return nil
}

func addPolicy(r *request, value string) error {
	dotted, ok := openssl.ObjectID(value)
	if !ok {
		return &errSaid{fmt.Sprintf("verify: Invalid Policy %s\n", terminal.Line(value))}
	}
	r.options.Policies = append(r.options.Policies, dotted)
	r.options.PolicyCheck = true
	return nil
}
