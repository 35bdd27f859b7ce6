package cmd

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

func newCertsSign(env *Env) *cobra.Command {
	var rules phases.SignRules
	var nodeIPs []string
	c := &cobra.Command{
		Use:   "sign FILE.csr|- --as PROFILE",
		Short: "Sign a certificate request by a CA of the directory",
		Long: `Sign a certificate request. Nothing in it is trusted: what it asks for is shown, and
granted only where an option says so. What it asks for and is not granted is
refused, never dropped without a word; the key usage is shown and follows from
the profile and the key, and one that only a CA has is refused.

Profiles: kubelet-client and kubelet-serving hold the request to what the
certificates API holds a kubelet's to: system:node:NAME in system:nodes, where NAME
is --node-name and never what the request says; its name, and what --san gives;
addresses in --node-ip; and no name or address of the cluster's own servers.
client, server and peer only set the usages.`,
		Example: `  pkitool certs sign alice.csr --as client --accept-subject --validity 30d > alice.crt
  pkitool certs sign node.csr --as kubelet-serving --node-name w1 --node-ip 192.0.2.0/24 --out node
  pkitool certs sign web.csr --as server --cn web --san DNS:web.example.com --out web`,
		Args: exactArgs(1),
	}
	i := addIssueFlags(c, env)
	f := c.Flags()
	f.StringVar(&rules.As, "as", "", "`profile`: "+strings.Join(phases.SignProfiles(), ", "))
	_ = c.RegisterFlagCompletionFunc("as", cobra.FixedCompletions(phases.SignProfiles(), cobra.ShellCompDirectiveNoFileComp))
	f.BoolVar(&rules.AcceptSubject, "accept-subject", false, "grant the common name and the organizations that are asked for")
	f.BoolVar(&rules.AcceptSANs, "accept-sans", false, "grant the names that are asked for")
	f.BoolVar(&rules.Reserved, "allow-system-masters", false, "grant what is Kubernetes' own: system: names and groups, and system:masters, which bypasses RBAC")
	f.StringVar(&rules.NodeName, "node-name", "", "with --as kubelet-client or kubelet-serving: the `name` of the node, as whoever approves knows it")
	f.StringSliceVar(&nodeIPs, "node-ip", nil, "with --as kubelet-serving: `address or range` of the node")
	f.StringVar(&i.out, "out", "", "write BASE.crt instead of standard output (`base`)")
	c.MarkFlagsMutuallyExclusive("cn", "accept-subject")
	c.MarkFlagsMutuallyExclusive("san", "accept-sans")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := checkProfile(rules, len(nodeIPs) > 0); err != nil {
			return &usageError{err: err, command: c.CommandPath()}
		}
		if len(i.orgs) > 0 && i.cn == "" {
			return &usageError{err: errors.New("--org goes with --cn"), command: c.CommandPath()}
		}
		if err := i.grants(c, &rules, nodeIPs); err != nil {
			return err
		}
		s, tree, err := i.load(c)
		if err != nil {
			return err
		}
		data, err := readInput(args[0], env.Stdin)
		if err != nil {
			return err
		}
		csr, err := inspect.ReadRequest(data)
		if err != nil {
			return inFile(args[0], err)
		}
		if !i.output.quiet {
			showCSR(env, args[0], csr)
		}
		if rules.Kubelet() {
			rules.Protect(tree, siteOf(s))
		}
		t, err := rules.Template(csr, s.Cluster.Validity)
		if err != nil {
			return &refusedRequest{file: args[0], err: err}
		}
		return i.issue(c, tree, s, i.request(phases.Order{Template: t, Validity: s.Cluster.Validity, UntilCA: !s.Given("validity"), Public: csr.Public}, false))
	}
	return c
}

// checkProfile refuses a profile that there is not, and what it does not ask for or lacks of a node.
func checkProfile(rules phases.SignRules, nodeIPs bool) error {
	as, known := rules.As, strings.Join(phases.SignProfiles(), ", ")
	switch {
	case as == "":
		return fmt.Errorf("--as is missing: one of %s", known)
	case !slices.Contains(phases.SignProfiles(), as):
		return fmt.Errorf("--as %q: must be one of %s", as, known)
	case nodeIPs && as != "kubelet-serving":
		return fmt.Errorf("--node-ip has no effect with --as %s", as)
	case !rules.Kubelet() && rules.NodeName != "":
		return fmt.Errorf("--node-name has no effect with --as %s", as)
	case rules.Kubelet() && rules.NodeName == "":
		return fmt.Errorf("--as %s needs --node-name: which node it is for is not for the request to say", as)
	}
	return nil
}

// refusedRequest is a request that asks for more than it gets: something
// checked is not good.
type refusedRequest struct {
	file string
	err  error
}

func (e *refusedRequest) Error() string { return e.file + ": " + e.err.Error() }

// grants turns --cn, --org, --san and --node-ip into rules.
func (i *issueFlags) grants(c *cobra.Command, rules *phases.SignRules, nodeIPs []string) error {
	if i.cn != "" {
		rules.Subject = &pki.Subject{CommonName: i.cn, Organization: i.orgs}
	}
	if c.Flags().Changed("san") {
		names, err := i.names()
		if err != nil {
			return err
		}
		rules.SANs = &names
	}
	for _, text := range nodeIPs {
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); aerr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("--node-ip: %q is neither an address nor a range", text)
		}
		rules.NodeIPs = append(rules.NodeIPs, p)
	}
	return nil
}

// showCSR says what a request asks for, before anything is granted.
func showCSR(env *Env, file string, csr inspect.Request) {
	say(env.Stderr, "request: %s: subject %q\n", file, csr.Subject)
	if !csr.SANs.Empty() {
		say(env.Stderr, "request: %s: names %s\n", file, csr.SANs.String())
	}
	if more := slices.Concat(csr.MoreSubject, csr.MoreNames, csr.MoreExtensions, csr.Beside); len(more) > 0 {
		say(env.Stderr, "request: %s: also %s\n", file, strings.Join(more, ", "))
	}
	if csr.KeyUsage != 0 {
		say(env.Stderr, "request: %s: key usage %s\n", file, strings.Join(csr.KeyUsageNames(), ", "))
	}
	if usages := csr.UsageNames(); len(usages) > 0 {
		say(env.Stderr, "request: %s: usages %s\n", file, strings.Join(usages, ", "))
	}
	say(env.Stderr, "request: %s: key %s\n", file, pki.DescribeKey(csr.Public))
}
