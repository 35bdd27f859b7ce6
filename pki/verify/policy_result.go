package verify

import (
	"fmt"
	"math/big"
	"strings"
)

// PolicyResult is the outcome of certificate policy processing (RFC 5280 section 6.1), as
// `openssl verify` prints it beside error 43 and with -policy_print.
type PolicyResult struct {
	RequireExplicit bool         `json:"requireExplicitPolicy"` // some certificate, or the caller, insists on a policy
	Authority       []PolicyNode `json:"authorityPolicies"`     // what the issuers allow
	User            []PolicyNode `json:"userPolicies"`          // what of it the caller asked for, in the caller's order
}

// PolicyNode is one valid policy.
type PolicyNode struct {
	Policy     string             `json:"policy"`               // dotted, or OpenSSL's long name
	Critical   bool               `json:"critical"`             // the extension that asserts it is critical
	Qualifiers *[]PolicyQualifier `json:"qualifiers,omitempty"` // nil: none given
}

func newPolicyNodes(nodes []*policyNode) []PolicyNode {
	var out []PolicyNode
	for _, n := range nodes {
		out = append(out, PolicyNode{
			Policy: objectName(n.data.policy), Critical: n.data.critical, Qualifiers: n.data.qualifiers,
		})
	}
	return out
}

// String renders r as `openssl verify` does, every line with its newline.
func (r PolicyResult) String() string {
	var out strings.Builder
	explicit := "False"
	if r.RequireExplicit {
		explicit = "True"
	}
	fmt.Fprintf(&out, "Require explicit Policy: %s\n", explicit)
	for _, set := range []struct {
		name  string
		nodes []PolicyNode
	}{{"Authority", r.Authority}, {"User", r.User}} {
		fmt.Fprintf(&out, "%s Policies:", set.name)
		if len(set.nodes) == 0 {
			out.WriteString(" <empty>")
		}
		out.WriteString("\n")
		for _, n := range set.nodes {
			n.write(&out)
		}
	}
	return out.String()
}

func (n PolicyNode) write(out *strings.Builder) {
	critical := "Non Critical"
	if n.Critical {
		critical = "Critical"
	}
	fmt.Fprintf(out, "  Policy: %s\n    %s\n", n.Policy, critical)
	if n.Qualifiers == nil {
		out.WriteString("    No Qualifiers\n")
		return
	}
	for i, q := range *n.Qualifiers {
		if i > 0 {
			out.WriteString("\n")
		}
		q.write(out)
	}
	out.WriteString("\n")
}

func (q PolicyQualifier) write(out *strings.Builder) {
	switch {
	case q.CPS != nil:
		out.WriteString("    CPS: " + untilNUL(*q.CPS))
	case q.Notice != nil:
		out.WriteString("    User Notice:\n")
		if ref := q.Notice.Reference; ref != nil {
			plural := ""
			if len(ref.Numbers) > 1 {
				plural = "s"
			}
			var numbers []string
			for _, n := range ref.Numbers {
				numbers = append(numbers, noticeNumber(n))
			}
			fmt.Fprintf(out, "      Organization: %s\n      Number%s: %s",
				untilNUL(ref.Organization), plural, strings.Join(numbers, ", "))
			if q.Notice.Text != nil {
				out.WriteString("\n")
			}
		}
		if q.Notice.Text != nil {
			out.WriteString("      Explicit Text: " + untilNUL(*q.Notice.Text))
		}
	default:
		out.WriteString("      Unknown Qualifier: " + q.ID)
	}
}

// untilNUL cuts a text where a C program stops printing it.
func untilNUL(s string) string {
	before, _, _ := strings.Cut(s, "\x00")
	return before
}

// noticeNumber is decimal up to 127 bits, then hexadecimal in whole octets.
func noticeNumber(n *big.Int) string {
	if n.BitLen() < 128 {
		return n.String()
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	return sign + fmt.Sprintf("0x%X", new(big.Int).Abs(n).Bytes())
}
