package verify

import "strings"

// policyOptions is what the caller asks of policy processing (RFC 5280 section 6.1.1 (c) to (g)).
type policyOptions struct {
	wanted     []string // contents octets; none asks for nothing, not for anything as in RFC 5280
	explicit   bool
	inhibitAny bool
	inhibitMap bool
}

// checkPolicies processes the policies of the path that was asked for, without its anchor.
func (v *verifier) checkPolicies() outcome {
	if !v.opts.PolicyCheck || v.parent != nil {
		return proceed
	}
	var facts []*policyFacts
	for i := len(v.chain) - 2; i >= 0; i-- {
		facts = append(facts, newPolicyFacts(v.chain[i]))
	}
	result, verdict := judgePolicies(facts, newPolicyOptions(v.opts))
	switch verdict {
	case policyBroken:
		return v.breakOff(errPolicyTreeTooLarge.Error())
	case policyInvalid:
		for i := range facts { // the lowest is named, not the one that was met first
			if facts[len(facts)-1-i].invalid && !v.find(ErrInvalidPolicyExtension, i, v.chain[i], Detail{}) {
				return stop
			}
		}
	case policyFailed:
		goOn := v.find(ErrNoExplicitPolicy, 0, nil, Detail{What: "policy", Wanted: strings.Join(v.opts.Policies, ", ")})
		v.report.Findings[len(v.report.Findings)-1].Policy = &result
		if !goOn {
			return stop
		}
	case policyFine:
		if v.opts.NotifyPolicy && !v.failed {
			v.report.Policy = &result
		}
	}
	return proceed
}

func newPolicyOptions(o *Options) policyOptions {
	p := policyOptions{explicit: o.ExplicitPolicy, inhibitAny: o.InhibitAny, inhibitMap: o.InhibitMap}
	for _, dotted := range o.Policies {
		if octets, ok := oidOctets(dotted); ok { // what is no identifier no certificate can have
			p.wanted = append(p.wanted, octets)
		}
	}
	return p
}

// policyVerdict is what becomes of a chain under its policies.
type policyVerdict int

const (
	policyFine    policyVerdict = iota
	policyInvalid               // some certificate's extensions are malformed: error 42
	policyFailed                // a policy is required and none is left: error 43
	policyBroken                // the tree is too large: openssl fails without a code
)

// judgePolicies processes the policies of a chain without its anchor, given from the certificate
// below the anchor down to the leaf. The result is empty where openssl has no tree.
func judgePolicies(facts []*policyFacts, opts policyOptions) (PolicyResult, policyVerdict) {
	var result PolicyResult
	if len(facts) == 0 {
		return result, policyFine
	}
	required, empty, invalid := requirePolicy(facts, opts.explicit)
	if invalid {
		return result, policyInvalid
	}
	result.RequireExplicit = required
	var tree policyTree
	if !empty {
		var err error
		if empty, err = tree.grow(facts, opts); err != nil {
			return result, policyBroken
		}
	}
	if empty {
		if required {
			return result, policyFailed
		}
		return result, policyFine
	}
	set, named := tree.authoritySet()
	user, err := tree.userSet(opts.wanted, set, named)
	if err != nil {
		return result, policyBroken
	}
	result.Authority, result.User = newPolicyNodes(set), newPolicyNodes(user)
	if required && len(user) == 0 {
		return result, policyFailed
	}
	return result, policyFine
}

// requirePolicy counts explicit_policy of RFC 5280 section 6.1.2 (d) down the chain and sees
// whether the tree is empty for want of policies in some certificate. It looks no further than
// until both are decided: an invalid certificate below is then never noticed.
func requirePolicy(facts []*policyFacts, explicit bool) (required, empty, invalid bool) {
	counter := int64(len(facts) + 1)
	if explicit {
		counter = 0
	}
	for _, f := range facts {
		if counter == 0 && empty {
			break
		}
		if f.invalid {
			return false, false, true
		}
		if !f.asserted {
			empty = true
		}
		if counter > 0 {
			counter = countDown(counter, f.selfIssued, f.explicitSkip)
		}
	}
	return counter == 0, empty, false
}
