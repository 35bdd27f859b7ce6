package phases_test

import (
	"crypto"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// state is one way in which a row can be found, and what is made of it.
type state struct {
	name string
	only func(certs.Spec) bool // the rows that can be in it; nil: all
	// plant makes it so. It returns further pairs for want.
	plant func(w *world, s certs.Spec) (more []string)
	// want are the judge's findings, "id: sentence (path)". {cert}, {key}, {ca} stand for paths, {subject} for the
	// row's subject, {names} for its names.
	want []string
	verbs
	// reason is init's, where it keeps or makes the row.
	reason string
}

// verbs are what the policies decide: init, init --reissue, renew (by name), generate-csr.
type verbs struct{ init, reissue, renew, request phases.Verb }

var (
	sound   = verbs{phases.Keep, phases.Keep, phases.Renew, phases.Request}
	wrong   = verbs{phases.Refuse, phases.Renew, phases.Renew, phases.Request}  // an error that a new certificate mends
	foreign = verbs{phases.Refuse, phases.Renew, phases.Refuse, phases.Request} // nothing of it is taken over
	keyless = verbs{phases.Refuse, phases.Renew, phases.Renew, phases.Refuse}   // its key cannot be used
	better  = verbs{phases.Keep, phases.Renew, phases.Renew, phases.Request}    // works, and --reissue mends it
)

func isPair(s certs.Spec) bool   { return s.Place.Kubeconfig == "" }
func isConf(s certs.Spec) bool   { return s.Place.Kubeconfig != "" }
func serves(s certs.Spec) bool   { return s.Kind.Serves() }
func dials(s certs.Spec) bool    { return s.Kind == certs.Client || s.Kind == certs.Peer }
func known(s certs.Spec) bool    { return s.Identity }
func nobody(s certs.Spec) bool   { return !s.Identity }
func isLeaf(s certs.Spec) bool   { return s.Issuer.Role != "" }
func hasNames(s certs.Spec) bool { return !s.SANs.Empty() }

// setCert and setKey replace one half of a row's pair.
func (w *world) setCert(s certs.Spec, data []byte) {
	w.t.Helper()
	if isConf(s) {
		w.conf(s, func(c *kubeconfig.Single) { c.ClientCert = data })
		return
	}
	w.write(w.certFile(s), data)
}

func (w *world) setKey(s certs.Spec, data []byte) {
	w.t.Helper()
	if isConf(s) {
		w.conf(s, func(c *kubeconfig.Single) { c.ClientKey = data })
		return
	}
	w.write(w.keyFile(s), data)
}

// part is a world with the files of some rows, and of the CAs that sign them.
func part(t testing.TB, rows ...certs.Spec) *world {
	t.Helper()
	files, err := pristine()
	require.NoError(t, err)
	w := empty(t)
	for _, s := range rows {
		all := w.site.Files(s)
		if ca, ok := w.tree.Row(s.Issuer); ok {
			all = append(all, w.site.Files(ca)...)
		}
		for _, path := range all {
			rel, _ := filepath.Rel(w.dir, path)
			w.write(path, files[rel])
		}
	}
	return w
}

// counting is a key that counts its signatures.
type counting struct {
	crypto.Signer
	n *atomic.Int32
}

func (c counting) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	c.n.Add(1)
	return c.Signer.Sign(r, digest, o)
}

// failing is a key that does not sign.
type failing struct{ crypto.Signer }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, assert.AnError }

// judged is the judgement of some rows.
func (w *world) judged(chosen judge.Selection) judge.Judgement {
	return judge.Judge(w.tree, judge.Take(w.tree, w.site, chosen), chosen, now)
}

// decided are the verbs of all policies for a row that is judged.
func decided(j judge.Judgement, s certs.Spec) (v verbs, initial phases.Action) {
	chosen := judge.Selection{s.ID: true}
	verb := func(p phases.Plan) phases.Verb {
		for _, a := range p.Actions {
			if a.Spec.ID == s.ID {
				initial = a
				return a.Verb
			}
		}
		return ""
	}
	v.request = verb(phases.DecideRequests(j, chosen, at(now)))
	v.renew = verb(phases.DecideRenewal(j, chosen, renewal()))
	v.reissue = verb(phases.DecideInit(j, chosen, reissue()))
	v.init = verb(phases.DecideInit(j, chosen, at(now)))
	return v, initial
}

// idAndText are findings as the table has them: id, sentence, path below the directory of the test.
func (w *world) idAndText(list []finding.Finding) []string {
	var out []string
	for _, f := range list {
		f.Row = ""
		out = append(out, strings.ReplaceAll(string(f.ID)+": "+f.String(), w.dir+"/", ""))
	}
	return out
}

func (w *world) below(path string) string { return strings.TrimPrefix(path, w.dir+"/") }

// TestMatrix plants every state in every row of the table that can be in it: what the judge says, in whole sentences,
// and what each policy makes of it. No decision changes a byte, and none has a CA sign.
func TestMatrix(t *testing.T) {
	tried := map[string]int{}
	for s := range treeOf(t, cluster()).Rows() {
		for _, st := range statesOf(s) {
			if st.only == nil || st.only(s) {
				tried[st.name]++
				t.Run(s.Name+"/"+st.name, func(t *testing.T) { st.try(t, s) })
			}
		}
	}
	for _, st := range slices.Concat(leafStates(), caStates(), pairStates()) {
		assert.Positive(t, tried[st.name], "no row can be in the state %q", st.name)
	}
}

func statesOf(s certs.Spec) []state {
	switch s.Kind {
	case certs.CA:
		return caStates()
	case certs.KeyPair:
		return pairStates()
	}
	return leafStates()
}

func leafStates() []state {
	return slices.Concat(certStates(), nameStates(), fileStates(), kubeconfigStates())
}

// words replaces what stands for the values of a row.
func (w *world) words(s certs.Spec, more []string) *strings.Replacer {
	ca := ""
	if isLeaf(s) {
		ca = w.below(w.certFile(w.row(s.Issuer.Role)))
	}
	return strings.NewReplacer(append([]string{
		"{cert}", w.below(w.certFile(s)), "{key}", w.below(w.keyFile(s)), "{ca}", ca, "{dir}/", "",
		"{subject}", strconv.Quote(s.Subject.String()), "{cn}", s.Subject.CommonName, "{names}", strings.Join(s.SANs.Strings(), ", "), "{server}", s.Place.Server,
	}, more...)...)
}

func (st state) try(t *testing.T, s certs.Spec) {
	t.Parallel()
	w := part(t, s)
	if s.Kind == certs.CA {
		w = part(t, belowOf(w, s))
	}
	var signed atomic.Int32
	if isLeaf(s) {
		w.site.Signers = map[certs.ID]crypto.Signer{s.Issuer: counting{w.key(w.row(s.Issuer.Role)), &signed}}
	}
	words := w.words(s, st.plant(w, s))
	s, _ = w.tree.Row(s.ID) // of the tree that plant may have changed
	before := map[string]seen{}
	looked := slices.Contains([]string{"etcd-peer", "admin", "ca", "sa"}, s.Name) // one of each shape is enough
	if looked {
		before = w.snapshot()
	}
	j := w.judged(judge.Selection{s.ID: true})
	c, ok := j.Case(s.ID)
	require.True(t, ok)
	var want []string
	for _, text := range st.want {
		want = append(want, words.Replace(text))
	}
	assert.Equal(t, want, w.idAndText(c.Findings))
	got, first := decided(j, s)
	assert.Equal(t, st.verbs, got)
	if st.reason != "" {
		assert.Equal(t, st.reason, first.Reason)
	}
	if looked {
		w.unchanged(before)
	}
	assert.Zero(t, signed.Load(), "a decision signed")
}

// belowOf is the first row that a CA signs.
func belowOf(w *world, ca certs.Spec) certs.Spec {
	for s := range w.tree.Rows() {
		if s.Issuer == ca.ID {
			return s
		}
	}
	return ca
}

// TestMatrixApplied runs init --reissue for the states that it mends, on a pair and on a kubeconfig: the row is right
// afterwards, no other file is touched, and of every file that was replaced there is a copy.
func TestMatrixApplied(t *testing.T) {
	for _, name := range []string{"etcd-peer", "admin"} {
		for _, st := range leafStates() {
			s, _ := treeOf(t, cluster()).Row(certs.ID{Role: name})
			if st.only != nil && !st.only(s) || st.reissue != phases.Renew && st.reissue != phases.Create {
				continue
			}
			t.Run(name+"/"+st.name, func(t *testing.T) { st.apply(t, s) })
		}
	}
}

func (st state) apply(t *testing.T, s certs.Spec) {
	t.Parallel()
	w := part(t, s)
	st.plant(w, s)
	s, _ = w.tree.Row(s.ID)
	before := w.snapshot()
	o := reissue()
	o.Backup = t.TempDir()
	r, err := w.init(o, s.Name)
	require.NoError(t, err)
	require.Equal(t, st.reissue, r.Rows[0].Verb)
	w.unchanged(before, w.site.Files(s)...)
	for _, path := range w.site.Files(s) {
		if old, ok := before[path]; ok && w.snapshot()[path].data != old.data {
			assert.Equal(t, old.data, string(w.read(filepath.Join(r.Backup, w.below(path)))), "a copy of %s", path)
		}
	}
	w.tidy()
	assert.Equal(t, "complete", w.settled(s.Name).Rows[0].Reason)
	c := w.chain(s)[0]
	assert.Equal(t, now.Add(365*day), c.NotAfter.UTC())
	assert.Empty(t, s.SANs.Minus(pki.SANsOf(c)).Strings())
}
