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
	Policy     string             `json:"policy"`               // dotted object identifier
	Critical   bool               `json:"critical"`             // the extension that asserts it is critical
	Qualifiers *[]PolicyQualifier `json:"qualifiers,omitempty"` // nil: none given
}

func newPolicyNodes(nodes []*policyNode) []PolicyNode {
	var out []PolicyNode
	for _, n := range nodes {
		out = append(out, PolicyNode{
			Policy: dottedOID(n.data.policy), Critical: n.data.critical, Qualifiers: n.data.qualifiers,
		})
	}
	return out
}

// Text renders r as `openssl verify` does, every line with its newline. name gives the long name
// of a dotted object identifier, or that itself where openssl has none.
func (r PolicyResult) Text(name func(dotted string) string) string {
	w := policyWriter{name: name}
	explicit := "False"
	if r.RequireExplicit {
		explicit = "True"
	}
	w.printf("Require explicit Policy: %s\n", explicit)
	w.set("Authority", r.Authority)
	w.set("User", r.User)
	return w.out.String()
}

type policyWriter struct {
	out  strings.Builder
	name func(dotted string) string
}

func (w *policyWriter) printf(format string, args ...any) { fmt.Fprintf(&w.out, format, args...) }

func (w *policyWriter) set(whose string, nodes []PolicyNode) {
	if len(nodes) == 0 {
		w.printf("%s Policies: <empty>\n", whose)
		return
	}
	w.printf("%s Policies:\n", whose)
	for _, n := range nodes {
		critical := "Non Critical"
		if n.Critical {
			critical = "Critical"
		}
		w.printf("  Policy: %s\n    %s\n", w.name(n.Policy), critical)
		w.qualifiers(n.Qualifiers)
	}
}

// qualifiers writes one a line; openssl ends none but the last with a newline.
func (w *policyWriter) qualifiers(list *[]PolicyQualifier) {
	if list == nil {
		w.printf("    No Qualifiers\n")
		return
	}
	for i, q := range *list {
		if i > 0 {
			w.printf("\n")
		}
		switch {
		case q.CPS != nil:
			w.printf("    CPS: %s", untilNUL(*q.CPS))
		case q.Notice != nil:
			w.printf("    User Notice:\n")
			w.notice(q.Notice)
		default:
			w.printf("      Unknown Qualifier: %s", w.name(q.ID))
		}
	}
	w.printf("\n")
}

func (w *policyWriter) notice(n *UserNotice) {
	if ref := n.Reference; ref != nil {
		plural := ""
		if len(ref.Numbers) > 1 {
			plural = "s"
		}
		var numbers []string
		for _, number := range ref.Numbers {
			numbers = append(numbers, noticeNumber(number))
		}
		w.printf("      Organization: %s\n", untilNUL(ref.Organization))
		w.printf("      Number%s: %s", plural, strings.Join(numbers, ", "))
		if n.Text != nil {
			w.printf("\n")
		}
	}
	if n.Text != nil {
		w.printf("      Explicit Text: %s", untilNUL(*n.Text))
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
