// Package config turns what a user says into what a run needs: kubeadm's
// configuration documents, flags and environment variables become Settings.
// Everything is judged strictly, every fault is reported, and each with the
// line, flag or variable that it is in. Each value knows where it comes from.
// The package asks nothing of the host and reads no file: cmd does.
package config

import (
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
)

// Settings are what a run is about. They come from Load, which has judged them.
type Settings struct {
	// Cluster is what the PKI is made from. It has one node, this one.
	Cluster certs.Cluster
	// CertDir and KubeconfigDir are where files go, as given: relative paths stay relative.
	CertDir, KubeconfigDir string
	// SkipPhases are names of phases to leave out, such as "certs/etcd-ca" or "kubeconfig".
	SkipPhases []string
	// DryRun says to show what would be done and to write nothing.
	DryRun bool
	// Reissue allows a run to replace leaves that are not as they should be.
	Reissue bool
	// CertMode is the mode of certificate files, 0644 or 0600.
	CertMode fs.FileMode

	origins map[string]Origin   // by flag, of every setting that has a value
	kept    map[string][]string // by "Kind.path": what only Print needs
}

// Input is everything that Settings are made from. A flag beats the
// environment, which beats the file, which beats the default.
type Input struct {
	// Name is the configuration file's name for messages, "-" for standard
	// input; "" means that there is no file.
	Name string
	// Documents is the file's content.
	Documents []byte
	// Flags has the flags that were given, by name without dashes, each with
	// the text of every time it was given. Names that are not in Fields are
	// ignored.
	Flags map[string][]string
	// Environ looks an environment variable up, as os.LookupEnv does; nil
	// means an empty environment. An empty variable counts as not set.
	Environ func(string) (string, bool)
	// Files says what the files of the directories say of what nobody gave, by fact: this comes before Host and the
	// defaults. It is called as Needs is; nil: nothing.
	Files func(Settings) map[certs.Facts]certs.Found
	// Host is asked for what nobody gave and Needs has.
	Host Host
	// Needs says which of the node's name and address the chosen rows need. It
	// is called when flags, environment and file were read without a fault. nil: both.
	Needs func(Settings) certs.Facts
	// Phases are the names that skip-phases may have, such as "certs" and
	// "certs/ca"; nil allows any below certs and kubeconfig.
	Phases []string
}

// Defaults are the settings when nothing is given, for NeutralHost.
func Defaults() Settings {
	s, _, err := Load(Input{Host: NeutralHost()})
	if err != nil {
		panic("config: a default is wrong: " + err.Error()) // the test of this function would have seen it
	}
	return s
}

// Validate judges a configuration file by itself, without flags, environment
// and host, and as strictly as a run does: certs.New has to take it too. Phases
// are as in Input, the notes as Load's; the error is an *Errors.
func Validate(name string, documents []byte, phases []string) (notes []string, err error) {
	s, notes, err := Load(Input{Name: name, Documents: documents, Host: NeutralHost(), Phases: phases})
	if err != nil {
		return notes, err
	}
	if _, err = certs.New(s.Cluster); err != nil {
		e := &Errors{}
		for line := range strings.Lines(err.Error()) {
			e.Add(Fault{Source: name, Text: strings.TrimSuffix(line, "\n")})
		}
		return notes, e
	}
	return notes, nil
}

// Load makes Settings from what was given. The notes are for the user to see:
// documents that were passed over, and values that have no effect or another
// one. Every error is an *Errors with all that is wrong. That the host does not
// know something is no error: Cluster.Unknown has the reason.
func Load(in Input) (Settings, []string, error) {
	d := newDraft(in.Phases, &faults{})
	name := in.Name
	if name == "-" {
		name = "stdin"
	}
	table := Fields()
	wanted := map[string]bool{externalEtcd: true, localEtcd: true, joinControlPlane: true}
	for _, f := range table {
		for _, p := range f.Paths() {
			wanted[p] = true
		}
	}
	r := &reader{source: source{name, d.faults}, wanted: func(path string) bool { return wanted[path] }}
	if in.Name != "" {
		r.read(in.Documents)
	}
	d.notes = r.notes
	d.chooseNode(r, table)
	d.ecdsaGate(r)
	for _, f := range table {
		d.fill(f, in, r)
	}
	d.checkValidity()
	d.checkEtcd(r)
	d.worker(r)
	if err := d.faults.err(); err != nil {
		return Settings{}, d.notes, err
	}
	d.assume(table)
	d.askFiles(in, table)
	d.askHost(in)
	return d.Settings, d.notes, nil
}

// draft is Settings on their way.
type draft struct {
	Settings
	external  certs.ExternalEtcd
	discovery certs.Endpoint // where a joining node finds the cluster
	phases    []string
	faults    *faults
	notes     []string
}

func newDraft(phases []string, f *faults) *draft {
	return &draft{
		Settings: Settings{
			Cluster: certs.Cluster{Nodes: []certs.Node{{Roles: certs.FirstNode}}},
			origins: map[string]Origin{}, kept: map[string][]string{},
		},
		phases: phases,
		faults: f,
	}
}

// scratch is a draft for values that are judged and do not count.
func (d *draft) scratch() *draft { return newDraft(d.phases, d.faults) }

func (d *draft) note(at Origin, format string, args ...any) {
	if len(d.notes) < maxFaults {
		d.notes = append(d.notes, at.note(fmt.Sprintf(format, args...)))
	}
}

// chooseNode says which document of a node counts, and what the node takes part
// in. As kubeadm init does, all here passes over a JoinConfiguration beside an
// InitConfiguration: kind and others write both into one file.
func (d *draft) chooseNode(r *reader, table []Field) {
	switch {
	case !r.has(joinKind):
		if !r.has(initKind) {
			d.Cluster.Assumed |= certs.NodeRoles
		}
	case !r.has(initKind):
		d.Cluster.Joins = true
		d.Cluster.Nodes[0].Roles = certs.WorkerNode
		if r.has(joinControlPlane) {
			d.Cluster.Nodes[0].Roles = certs.JoinedNode
		}
	default:
		d.note(r.seen[joinKind], "passed over: the %s counts", initKind)
		for _, f := range table {
			for _, p := range f.parts {
				p.drop(d, r, joinKind+".")
			}
		}
	}
}

// fill gives one field the value that counts. Values of the file are judged
// even when they don't: a file is right or it is wrong.
func (d *draft) fill(f Field, in Input, r *reader) {
	strong, at, given := f.given(in)
	if given && len(strong) == 0 && f.Default != "" {
		d.faults.addf(at, "is empty")
		return
	}
	for _, p := range f.parts {
		items, from, inFile := p.find(r)
		if given {
			if inFile {
				p.set(d.scratch(), items)
			}
			items, from = strong, at
		} else if !inFile {
			if f.Default == "" {
				continue
			}
			from = Origin{Layer: ByDefault, Source: "the default"}
			items = f.split(f.Default, from)
		}
		if f.Flag != "" {
			d.origins[f.Flag] = from
		}
		p.set(d, items)
	}
}

// given is the value of the flag or, without it, of the environment variable.
func (f Field) given(in Input) (items []item, at Origin, ok bool) {
	if f.Flag == "" {
		return nil, at, false
	}
	if texts := in.Flags[f.Flag]; len(texts) > 0 {
		at = Origin{Layer: ByFlag, Source: "--" + f.Flag}
		if f.Type != List {
			texts = texts[len(texts)-1:]
		}
		for _, t := range texts {
			items = append(items, f.split(t, at)...)
		}
		return items, at, true
	}
	if in.Environ == nil {
		return nil, at, false
	}
	if t, set := in.Environ(f.Env()); set && t != "" {
		at = Origin{Layer: ByVariable, Source: f.Env()}
		return f.split(t, at), at, true
	}
	return nil, at, false
}

// split makes items of one text: a list is separated by commas, and an empty
// text is an empty list.
func (f Field) split(t string, at Origin) []item {
	if f.Type != List {
		return []item{{t, at}}
	}
	items := []item{}
	if t == "" {
		return items
	}
	for s := range strings.SplitSeq(t, ",") {
		items = append(items, item{s, at})
	}
	return items
}

// find is the part's value in the file.
func (p part) find(r *reader) (items []item, at Origin, ok bool) {
	for _, path := range p.paths {
		if items, ok = p.value(r, path); ok {
			return items, r.seen[path], true
		}
	}
	return nil, at, false
}

func (p part) value(r *reader, path string) ([]item, bool) {
	items, ok := r.values[path]
	// As in kubeadm, an empty text and port 0 mean that nothing is given.
	if !ok || len(items) == 1 && (items[0].text == "" || p.zero && items[0].text == "0") && r.seen[path] == items[0].at {
		return nil, false
	}
	if p.comma && len(items) == 1 {
		items = Field{Type: List}.split(items[0].text, items[0].at)
	}
	return items, true
}

// drop judges what the part's paths below a prefix have, and forgets it.
func (p part) drop(d *draft, r *reader, prefix string) {
	for _, path := range p.paths {
		if !strings.HasPrefix(path, prefix) {
			continue
		}
		if items, ok := p.value(r, path); ok {
			p.set(d.scratch(), items)
		}
		delete(r.values, path)
	}
}

// ecdsaGate lets the feature gate PublicKeysECDSA decide the algorithm, set to
// true or to false, as kubeadm does (ClusterConfiguration.EncryptionAlgorithmType).
func (d *draft) ecdsaGate(r *reader) {
	gate, ok := r.values[clusterKind+".featureGates.PublicKeysECDSA"]
	if !ok {
		return
	}
	path := clusterKind + ".encryptionAlgorithm"
	if old, both := r.values[path]; both {
		d.note(gate[0].at, "overrides encryptionAlgorithm on line %d", old[0].at.Line)
	}
	algorithm := map[string]string{"true": "ECDSA-P256", "false": "RSA-2048"}[gate[0].text]
	r.values[path], r.seen[path] = []item{{algorithm, gate[0].at}}, gate[0].at
}

// checkValidity compares the two periods; either is 0 when it was bad itself.
// No certificate outlives its CA. kubeadm takes such a file and warns: here a
// default gives way to what somebody gave, and of two in the file the CA's counts.
func (d *draft) checkValidity() {
	leaf, ca := &d.Cluster.Validity, &d.Cluster.CAValidity
	if *leaf <= *ca || *ca == 0 {
		return
	}
	at, other := d.origins["validity"], d.origins["ca-validity"]
	switch {
	case !other.Given():
		d.note(at, "%s is longer than CAs are valid by default (%s): new CAs are valid as long", FormatDuration(*leaf), FormatDuration(*ca))
		*ca = *leaf
	case !at.Given():
		d.note(other, "%s is shorter than certificates are valid by default (%s): they are valid as long as the CAs", FormatDuration(*ca), FormatDuration(*leaf))
		*leaf = *ca
	case at.Layer == ByFile && other.Layer == ByFile:
		d.note(at, "%s is longer than the CA's %s (%s): certificates are valid as long as the CA", FormatDuration(*leaf), FormatDuration(*ca), other)
		*leaf = *ca
	default:
		d.faults.addf(at, "%s is longer than the CA's %s (%s): no certificate may outlive its CA", FormatDuration(*leaf), FormatDuration(*ca), other)
	}
}

// worker is for a node that has no API server of its own: without a
// controlPlaneEndpoint it goes where discovery finds the cluster.
func (d *draft) worker(r *reader) {
	if d.Cluster.Nodes[0].Roles&certs.ControlPlane != 0 {
		return
	}
	const flag = "control-plane-endpoint"
	if d.discovery.Host != "" && !d.Given(flag) {
		d.Cluster.Endpoint, d.origins[flag] = d.discovery, r.seen[discoveryEndpoint]
	}
	if d.Cluster.Endpoint.Host == "" {
		d.unknown(certs.ControlPlaneEndpoint, "discovery.bootstrapToken has no apiServerEndpoint")
	}
	if at := d.origins["apiserver-advertise-address"]; at.Given() {
		d.note(at, "no effect, a worker has no API server")
		d.Cluster.Nodes[0].AdvertiseAddress = netip.Addr{}
		delete(d.origins, "apiserver-advertise-address")
	}
}

// knownPhase reports whether skip-phases may name it.
func (d *draft) knownPhase(name string) bool {
	if d.phases != nil {
		return slices.Contains(d.phases, name)
	}
	top, _, _ := strings.Cut(name, "/")
	return top == "certs" || top == "kubeconfig"
}
