package verify

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// maxPolicyNodes bounds the policy tree as OpenSSL does since CVE-2023-0464: mappings let the
// tree grow exponentially with the length of the chain.
const maxPolicyNodes = 1000

var errPolicyTreeTooLarge = errors.New("policy tree: more than 1000 nodes")

// policyData is one policy that a certificate asserts, or one that the tree derives from
// anyPolicy. Object identifiers are the content octets of their encoding.
type policyData struct {
	policy     string
	critical   bool
	qualifiers *[]PolicyQualifier // nil: none present; the policies derived from anyPolicy share its list
	expected   []string           // what the policy is mapped to, duplicates kept: they are counted
	expectedIn map[string]bool
	mapped     bool // by a mapping of a policy that the certificate asserts
	mappedAny  bool // by a mapping of one that it asserts through anyPolicy only
}

func (d *policyData) expect(policy string) {
	if d.expectedIn == nil {
		d.expectedIn = make(map[string]bool)
	}
	d.expected = append(d.expected, policy)
	d.expectedIn[policy] = true
}

// policyNode is a node of the tree of RFC 5280 section 6.1.2. children is counted rather than
// kept: pruning and matching ask only for their number.
type policyNode struct {
	data     *policyData
	parent   *policyNode
	children int
}

type policyChild struct {
	parent *policyNode
	policy string
}

// policyLevel holds the nodes of one certificate; level 0 stands for the trust anchor.
type policyLevel struct {
	facts      *policyFacts
	nodes      []*policyNode // all but anyPolicy
	any        *policyNode
	children   map[policyChild]bool
	inhibitAny bool
	inhibitMap bool
}

// policyTree is built from the anchor down to the leaf.
type policyTree struct {
	levels []policyLevel
	nodes  int
}

// add makes a node on level (on none, if nil, for the user set's extra nodes). The count never
// falls: a pruned node has cost its time too.
func (t *policyTree) add(level *policyLevel, data *policyData, parent *policyNode) (*policyNode, error) {
	if t.nodes >= maxPolicyNodes {
		return nil, errPolicyTreeTooLarge
	}
	t.nodes++
	node := &policyNode{data: data, parent: parent}
	if parent != nil {
		parent.children++
	}
	switch {
	case level == nil:
	case data.policy == anyPolicyOID:
		level.any = node
	default:
		level.nodes = append(level.nodes, node)
		if level.children == nil {
			level.children = make(map[policyChild]bool)
		}
		level.children[policyChild{parent, data.policy}] = true
	}
	return node, nil
}

// grow adds the levels of facts, given from the certificate below the anchor down to the leaf.
// It reports whether the tree is empty at the end.
func (t *policyTree) grow(facts []*policyFacts, opts policyOptions) (empty bool, err error) {
	t.levels = make([]policyLevel, len(facts)+1)
	root := &policyData{policy: anyPolicyOID}
	if _, err := t.add(&t.levels[0], root, nil); err != nil {
		return false, err
	}
	t.inhibit(facts, opts)
	for i := 1; i < len(t.levels); i++ {
		if err := t.linkPolicies(i); err != nil {
			return false, err
		}
		if !t.levels[i].inhibitAny {
			if err := t.linkAny(i); err != nil {
				return false, err
			}
		}
		if t.prune(i) {
			return true, nil
		}
	}
	return false, nil
}

// inhibit works out for every level whether anyPolicy and mappings still count there: RFC 5280
// section 6.1.3 (d)(2) and 6.1.4 (b) with the counters of 6.1.2 (f) and (g).
func (t *policyTree) inhibit(facts []*policyFacts, opts policyOptions) {
	anySkip, mapSkip := int64(len(facts)+1), int64(len(facts)+1)
	if opts.inhibitAny {
		anySkip = 0
	}
	if opts.inhibitMap {
		mapSkip = 0
	}
	for i, f := range facts {
		level := &t.levels[i+1]
		level.facts = f
		level.inhibitAny = f.any == nil
		if anySkip == 0 {
			leaf := i == len(facts)-1
			if !f.selfIssued || leaf {
				level.inhibitAny = true
			}
		} else {
			anySkip = countDown(anySkip, f.selfIssued, f.anySkip)
		}
		if mapSkip == 0 {
			level.inhibitMap = true
		} else {
			mapSkip = countDown(mapSkip, f.selfIssued, f.mapSkip)
		}
	}
}

// countDown is one step of a skip counter. A self-issued certificate does not count; limit is
// the certificate's own wish, or -1.
func countDown(counter int64, selfIssued bool, limit int64) int64 {
	if !selfIssued {
		counter--
	}
	if limit >= 0 {
		counter = min(counter, limit)
	}
	return counter
}

// linkPolicies hangs the certificate's own policies below the nodes that expect them, or below
// anyPolicy if none does: RFC 5280 section 6.1.3 (d)(1).
func (t *policyTree) linkPolicies(i int) error {
	level, last := &t.levels[i], &t.levels[i-1]
	for _, data := range level.facts.policies {
		matched := false
		for _, node := range last.nodes {
			if !last.expects(node, data.policy) {
				continue
			}
			if _, err := t.add(level, data, node); err != nil {
				return err
			}
			matched = true
		}
		if !matched && last.any != nil {
			if _, err := t.add(level, data, last.any); err != nil {
				return err
			}
		}
	}
	return nil
}

// expects reports whether policy may hang below node.
func (l *policyLevel) expects(node *policyNode, policy string) bool {
	if l.inhibitMap || !node.data.mapped && !node.data.mappedAny {
		return node.data.policy == policy
	}
	return node.data.expectedIn[policy]
}

// linkAny lets the certificate's anyPolicy stand for every expected policy that it does not
// assert itself: RFC 5280 section 6.1.3 (d)(2).
func (t *policyTree) linkAny(i int) error {
	level, last := &t.levels[i], &t.levels[i-1]
	derive := func(node *policyNode, policy string) error {
		data := &policyData{policy: policy, critical: node.data.critical, qualifiers: level.facts.any.qualifiers}
		_, err := t.add(level, data, node)
		return err
	}
	for _, node := range last.nodes {
		if last.inhibitMap || !node.data.mapped {
			if node.children == 0 {
				if err := derive(node, node.data.policy); err != nil {
					return err
				}
			}
			continue
		}
		if node.children == len(node.data.expected) {
			continue
		}
		for _, policy := range node.data.expected {
			if level.children[policyChild{node, policy}] {
				continue
			}
			if err := derive(node, policy); err != nil {
				return err
			}
		}
	}
	if last.any == nil {
		return nil
	}
	_, err := t.add(level, level.facts.any, last.any)
	return err
}

// prune drops mapped nodes where mapping is inhibited and then every node above without
// children: RFC 5280 section 6.1.3 (d)(3). It reports whether nothing is left.
func (t *policyTree) prune(i int) (empty bool) {
	if level := &t.levels[i]; level.inhibitMap {
		level.nodes = slices.DeleteFunc(level.nodes, func(n *policyNode) bool {
			gone := n.data.mapped || n.data.mappedAny
			if gone {
				n.parent.children--
			}
			return gone
		})
	}
	for i--; i >= 0; i-- {
		level := &t.levels[i]
		level.nodes = slices.DeleteFunc(level.nodes, func(n *policyNode) bool {
			if n.children == 0 {
				n.parent.children--
			}
			return n.children == 0
		})
		if level.any != nil && level.any.children == 0 {
			if level.any.parent != nil {
				level.any.parent.children--
			}
			level.any = nil
		}
	}
	return t.levels[0].any == nil
}

// authoritySet is the authority-constrained policy set: anyPolicy alone if it reached the leaf,
// else the policies that hang directly below some anyPolicy. named holds the latter in both
// cases: the user's policies are looked up there.
func (t *policyTree) authoritySet() (set, named []*policyNode) {
	seen := make(map[string]bool)
	added := false // see sortPolicies
	for i := 1; i < len(t.levels); i++ {
		above := t.levels[i-1].any
		if above == nil {
			break
		}
		for _, node := range t.levels[i].nodes {
			if node.parent != above {
				continue
			}
			if added = !seen[node.data.policy]; added {
				seen[node.data.policy] = true
				named = append(named, node)
			}
		}
	}
	if added {
		sortNodes(named[:len(named)-1])
	} else {
		sortNodes(named)
	}
	if leaf := t.levels[len(t.levels)-1].any; leaf != nil {
		return []*policyNode{leaf}, named
	}
	return named, named
}

func sortNodes(list []*policyNode) {
	slices.SortFunc(list, func(a, b *policyNode) int { return comparePolicies(a.data.policy, b.data.policy) })
}

// comparePolicies orders object identifiers as OpenSSL does: the shorter encoding first.
func comparePolicies(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// userSet is the user-constrained policy set: what of wanted the authorities allow, in wanted's
// order. anyPolicy among wanted stands for the whole authority set. named is sorted if it is searched.
func (t *policyTree) userSet(wanted []string, set, named []*policyNode) ([]*policyNode, error) {
	if slices.Contains(wanted, anyPolicyOID) {
		return set, nil
	}
	if len(wanted) > 0 {
		sortNodes(named)
	}
	byPolicy := make(map[string]*policyNode, len(named))
	for _, node := range named {
		byPolicy[node.data.policy] = node
	}
	leaf := t.levels[len(t.levels)-1].any
	var user []*policyNode
	for _, policy := range wanted {
		node := byPolicy[policy]
		if node == nil {
			if leaf == nil {
				continue
			}
			// anyPolicy's qualifiers, but not its criticality: openssl overwrites the mark.
			data := &policyData{policy: policy, qualifiers: leaf.data.qualifiers}
			var err error
			if node, err = t.add(nil, data, leaf.parent); err != nil {
				return nil, err
			}
		}
		user = append(user, node)
	}
	return user, nil
}
