// Package cases makes test PKIs for path validation: certificates, CRLs, files and the options of one
// `openssl verify` run, from a seed. It knows nothing of how a verdict is reached; its only aim is to reach
// every rule of RFC 5280, of openssl's own, and the edges between them. The same seed and number give the
// same files on every machine.
package cases

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Case is one run: Files are to be written to an empty directory in which Args is the command line behind
// `openssl verify`. Class says what the case is about.
type Case struct {
	Seed   uint64
	Number int
	Class  string
	Files  []File
	Args   []string

	DeltaCRL bool // some CRL is a delta
	MixedCRL bool // some CRL names one algorithm inside and another outside of what is signed
	RealTime bool // no -attime: the answer may change with the clock
}

// File is one file of a case.
type File struct {
	Name string
	Data []byte
}

func (c Case) String() string {
	return fmt.Sprintf("case %d of seed %d (%s): verify %s", c.Number, c.Seed, c.Class, strings.Join(c.Args, " "))
}

// class is a family of cases: how its PKI starts, and what may then be done to it.
type class struct {
	name   string
	weight int
	setup  func(w *world)
	steps  []func(w *world)
}

// Classes are the names of all families of cases.
func Classes() []string {
	var names []string
	for _, c := range classes() {
		names = append(names, c.name)
	}
	return names
}

// Generate makes case number n of a seed.
func Generate(seed uint64, n int) Case {
	return generate(seed, n, chooseAny)
}

// GenerateOf makes case number n of a seed within one class.
func GenerateOf(name string, seed uint64, n int) Case {
	for _, c := range classes() {
		if c.name == name {
			return generate(seed, n, func(*rng) class { return c })
		}
	}
	panic("class " + name)
}

func generate(seed uint64, n int, choose func(*rng) class) Case {
	r := newRNG(seed, n)
	w := &world{r: r, keys: map[string]int{}, attime: base, useStore: r.chance(0.6)}
	c := choose(r)
	if r.chance(0.4) {
		w.algorithm = "p256"
	}
	if c.setup != nil {
		c.setup(w)
	}
	if len(w.chain) == 0 {
		w.grow(pick(r, 0, 1, 1, 2, 2, 2, 3, 4))
	}
	for range pick(r, 0, 1, 1, 1, 2, 2, 3) {
		if len(c.steps) > 0 {
			pick(r, c.steps...)(w)
		}
	}
	if r.chance(0.25) {
		if other := chooseAny(r); len(other.steps) > 0 {
			pick(r, other.steps...)(w)
		}
	}
	w.noise()
	files, args := w.write()
	made := Case{Seed: seed, Number: n, Class: c.name, Files: files, Args: args, RealTime: w.noTime || !slices.Contains(args, "-attime")}
	for _, l := range slices.Concat(w.crls, w.storeCRLs) {
		made.DeltaCRL = made.DeltaCRL || slices.ContainsFunc(l.exts, func(e ext) bool { return e.oid == oidDelta })
		made.MixedCRL = made.MixedCRL || l.mixed
	}
	return made
}

func newRNG(seed uint64, n int) *rng { return &rng{rand.New(rand.NewPCG(seed, uint64(n)))} }

func chooseAny(r *rng) class {
	all := classes()
	total := 0
	for _, c := range all {
		total += c.weight
	}
	at := r.IntN(total)
	for _, c := range all {
		if at < c.weight {
			return c
		}
		at -= c.weight
	}
	panic("weights")
}

func classes() []class {
	return []class{
		{"names", 5, nil, nameSteps()},
		{"identifiers", 5, nil, identifierSteps()},
		{"chain", 10, nil, chainSteps()},
		{"trust", 5, nil, trustSteps()},
		{"extensions", 6, nil, extensionSteps()},
		{"authority", 6, nil, authoritySteps()},
		{"purpose", 6, setupPurpose, purposeSteps()},
		{"strict", 4, setupStrict, strictSteps()},
		{"level", 4, setupLevel, levelSteps()},
		{"identity", 7, setupIdentity, identitySteps()},
		{"signature", 6, nil, signatureSteps()},
		{"time", 5, nil, timeSteps()},
		{"constraints", 8, setupConstraints, nil},
		{"policy", 6, setupPolicy, policySteps()},
		{"crl", 10, setupCRL, crlSteps()},
		{"indirect", 5, setupIndirect, crlSteps()},
		{"delta", 3, setupDelta, crlSteps()},
		{"unsupported", 2, setupUnsupported, nil},
		{"files", 4, nil, fileSteps()},
		{"mangled", 10, setupMangled, nil},
	}
}

// noise adds options that any case may have.
func (w *world) noise() {
	w.maybe(0.08, "-partial_chain")
	w.maybe(0.06, "-x509_strict")
	w.maybe(0.04, "-check_ss_sig")
	w.maybe(0.04, "-verify_depth", strconv.Itoa(w.r.IntN(4)))
	w.maybe(0.03, "-ignore_critical")
	w.maybe(0.03, "-auth_level", strconv.Itoa(w.r.IntN(4)))
	w.maybe(0.06, "-purpose", pick(w.r, "sslserver", "sslclient", "any", "crlsign"))
	w.maybe(0.15, "-show_chain")
	w.maybe(0.03, "-verbose")
	w.maybe(0.02, "-policy_print")
	w.maybe(0.02, "-no_alt_chains")
	w.maybe(0.02, "-trusted_first")
	w.maybe(0.02, "-issuer_checks")
	if w.r.chance(0.1) {
		w.option("-nameopt", pick(w.r, "oneline", "RFC2253", "compat", "multiline", "utf8", "sep_multiline,lname,align",
			"oid,esc_msb,sep_comma_plus", "sname,space_eq,dump_all,dump_der", "RFC2253,-esc_msb,show_type", "sep_semi_plus_space,dn_rev,nofname",
			"oneline,-space_eq,use_quote", "esc_2253,esc_ctrl,ignore_type", "sep_comma_plus_space,dump_nostr,dump_unknown,esc_2254", "ca_default"))
	}
	switch {
	case w.noTime:
	case w.r.chance(0.04):
		w.option("-no_check_time")
	case w.r.chance(0.97):
		w.option("-attime", strconv.FormatInt(w.attime, 10))
		w.maybe(0.02, "-no_check_time")
	}
	if w.r.chance(0.3) {
		w.r.Shuffle(len(w.options), func(i, j int) { w.options[i], w.options[j] = w.options[j], w.options[i] })
	}
}
