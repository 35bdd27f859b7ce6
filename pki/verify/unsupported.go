package verify

// checkSupported looks in the chain, as far as it was built, for what openssl judges and this package does not: types
// of keys that the standard library does not know, and extensions that no Kubernetes component knows. What is met is
// named and never OK.
func (v *verifier) checkSupported() outcome {
	end := proceed
	for i, c := range v.chain {
		if key := c.publicKey(); key != nil && key.unsupported != "" {
			code := ErrUnspecified
			if key.unsupported == explicitCurve { // openssl has a code of its own
				code = ErrECKeyExplicitParams
			}
			v.refuse(code, i, c, "key type "+key.unsupported)
			end = stop
		}
		for _, x := range unsupportedExtensions {
			if _, count := c.extension(x.oid); count > 0 {
				v.refuse(x.code, i, c, x.name)
				end = stop
			}
		}
	}
	return end
}

// unsupportedExtensions are those that openssl judges in every validation, critical or not.
var unsupportedExtensions = [...]struct {
	oid, name string
	code      Code
}{
	{oidIPAddrBlocks, "RFC 3779 extension sbgp-ipAddrBlock", ErrUnsupportedExtensionFeature},
	{oidASIdentifiers, "RFC 3779 extension sbgp-autonomousSysNum", ErrUnsupportedExtensionFeature},
	{oidProxyCertInfo, "proxy certificate (RFC 3820)", ErrProxyCertificatesNotAllowed},
}

// refuse reports something that this package does not judge at all; what names it.
func (v *verifier) refuse(code Code, depth int, c *Certificate, what string) bool {
	goOn := v.find(code, depth, c, Detail{})
	v.report.Findings[len(v.report.Findings)-1].Unsupported = what + " is not supported"
	v.report.Unsupported = true
	return goOn
}
