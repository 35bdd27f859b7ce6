// Package config turns what a user says into what a run needs: kubeadm's
// configuration documents, flags and environment variables become Settings.
// Everything is judged strictly, every fault is reported, and each with the
// line, flag or variable that it stands in. The package asks nothing of the
// host and reads no file: cmd does.
package config

import (
	"errors"
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
	// Host is asked for what nobody gave.
	Host Host
	// Phases are the names that skip-phases may have, such as "certs" and
	// "certs/ca"; nil allows any below certs and kubeconfig.
	Phases []string
}

// Host answers for the machine that the PKI is made on. It is asked only for
// what was not given.
type Host struct {
	// Name is the host's name; NameErr is why it is not known.
	Name    string
	NameErr error
	// AdvertiseAddress finds the address of the interface of the default route.
	AdvertiseAddress func() (netip.Addr, error)
}

// NeutralHost answers with placeholders, for when no real host is meant: the
// node "node" at 192.0.2.1 (TEST-NET-1, RFC 5737).
func NeutralHost() Host {
	return Host{Name: "node", AdvertiseAddress: func() (netip.Addr, error) {
		return netip.AddrFrom4([4]byte{192, 0, 2, 1}), nil
	}}
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
// and host. The notes are as Load's; the error is an *Errors.
func Validate(name string, documents []byte) (notes []string, err error) {
	_, notes, err = Load(Input{Name: name, Documents: documents, Host: NeutralHost()})
	return notes, err
}

// Load makes Settings from what was given. The notes are for the user to see:
// documents that were passed over, and values that have no effect. Every error
// is an *Errors with all that is wrong.
func Load(in Input) (Settings, []string, error) {
	d := newDraft(in.Phases, &faults{})
	name := in.Name
	if name == "-" {
		name = "stdin"
	}
	table := Fields()
	r := &reader{name: name, faults: d.faults, wanted: map[string]bool{externalEtcd: true, localEtcd: true}}
	for _, f := range table {
		for _, p := range f.Paths() {
			r.wanted[p] = true
		}
	}
	if in.Name != "" {
		r.read(in.Documents)
	}
	d.notes = r.notes
	d.Cluster.Joins = r.has(joinKind)
	d.ecdsaGate(r)
	for _, f := range table {
		d.fill(f, in, r)
	}
	d.checkValidity()
	d.checkEtcd(r)
	d.askHost(in.Host)
	if err := d.faults.err(); err != nil {
		return Settings{}, d.notes, err
	}
	return d.Settings, d.notes, nil
}

// draft is Settings on their way.
type draft struct {
	Settings
	external certs.ExternalEtcd
	phases   []string
	faults   *faults
	notes    []string

	from map[string]origin // where the value that counts was given, by flag
}

func newDraft(phases []string, f *faults) *draft {
	return &draft{
		Settings: Settings{Cluster: certs.Cluster{Nodes: make([]certs.Node, 1)}},
		phases:   phases,
		faults:   f,
		from:     map[string]origin{},
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
		items, inFile := p.find(r)
		if given {
			if inFile {
				p.set(newDraft(d.phases, d.faults), items)
			}
			items = strong
		} else if !inFile {
			if f.Default == "" {
				continue
			}
			items = f.split(f.Default, origin{layer: byDefault, source: "default", field: f.Flag})
		}
		if len(items) > 0 && f.Flag != "" {
			d.from[f.Flag] = items[0].at
		}
		p.set(d, items)
	}
}

// given is the value of the flag or, without it, of the environment variable.
func (f Field) given(in Input) (items []item, at origin, ok bool) {
	if f.Flag == "" {
		return nil, at, false
	}
	if texts := in.Flags[f.Flag]; len(texts) > 0 {
		at = origin{layer: byFlag, source: "--" + f.Flag}
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
		at = origin{layer: byEnviron, source: f.Env()}
		return f.split(t, at), at, true
	}
	return nil, at, false
}

// split makes items of one text: a list is separated by commas, and an empty
// text is an empty list.
func (f Field) split(t string, at origin) []item {
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
func (p part) find(r *reader) ([]item, bool) {
	for _, path := range p.paths {
		items, ok := r.values[path]
		// As in kubeadm, an empty text and port 0 mean that nothing is given.
		if !ok || len(items) == 1 && (items[0].text == "" || p.zero && items[0].text == "0") && r.seen[path] == items[0].at {
			continue
		}
		if p.comma && len(items) == 1 {
			items = Field{Type: List}.split(items[0].text, items[0].at)
		}
		return items, true
	}
	return nil, false
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
		d.notes = append(d.notes, fmt.Sprintf("%s: %s: overrides encryptionAlgorithm on line %d", gate[0].at.source, gate[0].at.field, old[0].at.line))
	}
	algorithm := map[string]string{"true": "ECDSA-P256", "false": "RSA-2048"}[gate[0].text]
	r.values[path] = []item{{algorithm, gate[0].at}}
}

// checkValidity compares the two periods; either is 0 when it was bad itself.
func (d *draft) checkValidity() {
	leaf, ca := d.Cluster.Validity, d.Cluster.CAValidity
	if leaf <= ca || ca == 0 {
		return
	}
	at, other := d.from["validity"], d.from["ca-validity"]
	if at.layer == byDefault {
		d.faults.addf(other, "%s is shorter than certificates are valid by default (%s): none may outlive its CA", FormatDuration(ca), FormatDuration(leaf))
		return
	}
	d.faults.addf(at, "%s is longer than the CA's %s (%s): no certificate may outlive its CA", FormatDuration(leaf), FormatDuration(ca), other)
}

// askHost fills in what nobody gave.
func (d *draft) askHost(h Host) {
	n := &d.Cluster.Nodes[0]
	at := func(flag, field string) (origin, string) {
		return origin{layer: byDefault, source: "default", field: field}, "give --" + flag + ", or " + field + " in the configuration"
	}
	if _, given := d.from["node-name"]; !given {
		where, hint := at("node-name", "nodeRegistration.name")
		name, err := nodeName(h.Name)
		switch {
		case h.NameErr != nil:
			d.faults.add(where, withHint(fmt.Errorf("this host's name is not known: %w", h.NameErr), hint))
		case err != nil:
			d.faults.add(where, withHint(fmt.Errorf("this host's name %w", err), hint))
		}
		n.Name = name
	}
	if _, given := d.from["apiserver-advertise-address"]; given && !n.AdvertiseAddress.IsUnspecified() {
		return
	}
	where, hint := at("apiserver-advertise-address", "localAPIEndpoint.advertiseAddress")
	if h.AdvertiseAddress == nil {
		d.faults.add(where, withHint(errors.New("this host's address is not known"), hint))
		return
	}
	addr, err := h.AdvertiseAddress()
	if err == nil && !addr.IsValid() {
		err = errors.New("it gave none")
	}
	if err == nil {
		n.AdvertiseAddress, err = advertisable(addr)
	}
	if err != nil {
		d.faults.add(where, withHint(fmt.Errorf("this host's address is not known: %w", err), hint))
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
