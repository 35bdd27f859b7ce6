package verify

// Report is the outcome of one validation.
type Report struct {
	OK           bool           // the path holds and nothing was reported that counts
	Internal     bool           // ended by what openssl calls an internal error: no code says why, Reason does
	Reason       string         // for Internal: a sentence
	Chain        []*Certificate // from the target up, as far as it was built
	NumUntrusted int            // how many certificates of Chain, from the target up, do not come from the trusted
	Findings     []Finding      // in the order in which openssl reports them
	Policy       *PolicyResult  // of a policy check that succeeded; nil if none was asked for or made

	Unsupported bool // some finding is Unsupported: openssl would judge it, and might say OK; this package never does
}

// Finding is one reported error.
type Finding struct {
	Code    Code
	Depth   int          // 0 is the target
	Cert    *Certificate // whose subject openssl prints; nil: it prints none
	CRLPath bool         // found in the path of a CRL's issuer, which is a path of its own

	// Unsupported is a sentence about what this package does not judge, "" for all that it does. Code is then
	// the one that says least.
	Unsupported string

	Detail Detail        // what was compared
	Policy *PolicyResult // only with ErrNoExplicitPolicy: openssl prints the policies, too
}

// Detail says what was compared with what, so far as there is something to say;
// openssl does not print it.
type Detail struct {
	What   string   // a noun: "host name", "notAfter", "key identifier"
	Wanted string   // what was asked for or expected
	Had    []string // what there was instead
}

// outcome is how a step of the validation ended.
type outcome int

const (
	proceed outcome = iota
	stop            // an error was reported that openssl stops at
	broken          // an internal error
)

// verifier is one validation under way (openssl's X509_STORE_CTX).
type verifier struct {
	trust     *Trust
	untrusted []*Certificate
	crls      []*CRL
	opts      *Options
	trustID   trustID
	now       checkTime

	chain        []*Certificate
	numUntrusted int

	readByPath // the path's that was asked for counts

	parent *verifier // whose CRL's issuer this path is of; nil in the path that was asked for
	report *Report   // shared with parent
	failed bool      // an error was reported in this very path
}

// Verify validates target, exactly as `openssl verify` does. The untrusted
// certificates and the CRLs are those given beside the trusted ones, in order.
// Nothing that is passed in is changed; trust, certificates and CRLs may be used
// by several calls at once.
func Verify(target *Certificate, trust *Trust, untrusted []*Certificate, crls []*CRL, opts Options) Report {
	if opts.Depth < 0 {
		opts.Depth = 0
	}
	var report Report
	v := &verifier{
		trust: trust, untrusted: untrusted, crls: crls, opts: &opts, trustID: opts.trustID(),
		now: newCheckTime(opts.Time, opts.NoCheckTime), report: &report,
	}
	end := v.run(target)
	v.remember()
	report.OK = end == proceed && !v.failed && !report.Unsupported
	report.Internal = end == broken
	report.Chain, report.NumUntrusted = v.chain, v.numUntrusted
	return report
}

// run does all steps in openssl's order. What an earlier step reports decides
// what a later one gets to see: the first error is not always the worst.
func (v *verifier) run(target *Certificate) outcome {
	v.chain, v.numUntrusted = append(make([]*Certificate, 0, 4), target), 1
	if !v.strongKey(target) && !v.find(ErrEEKeyTooSmall, 0, target, v.keyDetail(target)) {
		return stop
	}
	end := v.buildChain()
	if v.checkSupported() == stop {
		return stop
	}
	if end != proceed {
		return end
	}
	for _, step := range [...]func(*verifier) outcome{
		(*verifier).checkExtensions,
		(*verifier).checkLevels,
		(*verifier).checkIdentity,
		(*verifier).checkKeys,
		(*verifier).checkRevocation,
		(*verifier).checkSignatures,
		(*verifier).checkNameConstraints,
		(*verifier).checkPolicies,
	} {
		if end := step(v); end != proceed {
			return end
		}
	}
	return proceed
}

// find records an error and reports whether openssl goes on after it. cert is
// the one whose subject is printed, nil for none.
func (v *verifier) find(code Code, depth int, cert *Certificate, detail Detail) bool {
	v.failed = true
	v.report.Findings = append(v.report.Findings, Finding{
		Code: code, Depth: depth, Cert: cert, CRLPath: v.parent != nil, Detail: detail,
	})
	return code.Continues()
}

// check is find for the certificate at depth, where bad says so.
func (v *verifier) check(bad bool, code Code, depth int) bool {
	return !bad || v.find(code, depth, v.chain[depth], Detail{})
}

// breakOff ends the validation with an internal error.
func (v *verifier) breakOff(reason string) outcome {
	if v.report.Reason == "" {
		v.report.Reason = reason
	}
	return broken
}

// strict reports whether -x509_strict holds.
func (v *verifier) strict() bool { return v.opts.Strict }

// checkKeys asks that the target's key decodes (openssl's
// X509_get_pubkey_parameters, which for any but a DSA key without parameters
// looks no further, and such a key does not decode).
func (v *verifier) checkKeys() outcome {
	if v.chain[0].publicKey() == nil {
		return v.breakOff("the public key of " + v.chain[0].subject.String() + " cannot be decoded")
	}
	return proceed
}
