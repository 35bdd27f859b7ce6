package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/pkitool/pkitool/certs"
)

// Host answers for the machine that the PKI is made on. It is asked only for
// what was not given. An error says why there is no answer, as in "this host
// has no default route with a global address".
type Host struct {
	Name func() (string, error)
	// AdvertiseAddress finds the address of the interface of the default route.
	AdvertiseAddress func() (netip.Addr, error)
}

// NeutralHost answers with placeholders, for when no real host is meant: the
// node "node" at 192.0.2.1 (TEST-NET-1, RFC 5737).
func NeutralHost() Host {
	return Host{
		Name:             func() (string, error) { return "node", nil },
		AdvertiseAddress: func() (netip.Addr, error) { return netip.AddrFrom4([4]byte{192, 0, 2, 1}), nil },
	}
}

// assume notes which facts nobody gave. Without a control plane endpoint, or
// further names, there are none, and nothing is assumed of them.
func (d *draft) assume(table []Field) {
	const absent = certs.ControlPlaneEndpoint | certs.APIServerSANs | certs.EtcdServerSANs | certs.EtcdPeerSANs
	for _, f := range table {
		if f.Fact&absent == 0 && !d.Given(f.Flag) {
			d.Cluster.Assumed |= f.Fact
		}
	}
}

func (d *draft) unknown(fact certs.Facts, why string) {
	if d.Cluster.Unknown == nil {
		d.Cluster.Unknown = map[certs.Facts]string{}
	}
	d.Cluster.Unknown[fact] = why
}

// askFiles fills in what nobody gave and files of the directory say. A value that no flag could have is not taken, and
// this host is not asked in its place.
func (d *draft) askFiles(in Input, table []Field) {
	if in.Files == nil {
		return
	}
	found := in.Files(d.Settings)
	for _, f := range table {
		x, ok := found[f.Fact]
		if !ok || f.Fact == 0 || d.Given(f.Flag) {
			continue
		}
		if x.Unclear != "" {
			d.unknown(f.Fact, x.Unclear)
			continue
		}
		at := Origin{Layer: ByDirectory, Source: x.Path}
		var items []item
		for _, v := range x.Values {
			items = append(items, item{v, at})
		}
		trial := newDraft(nil, &faults{})
		if f.parts[0].set(trial, items); trial.faults.err() != nil {
			d.unknown(f.Fact, fmt.Sprintf("%s has %q", x.Path, clip(strings.Join(x.Values, ","))))
			continue
		}
		f.parts[0].set(d, items)
		if d.Cluster.Known == nil {
			d.Cluster.Known = map[certs.Facts]certs.Found{}
		}
		d.Cluster.Known[f.Fact], d.origins[f.Flag] = x, at
		d.Cluster.Assumed |= f.Fact
	}
}

// askHost fills in what nobody gave, as far as it is needed and known.
func (d *draft) askHost(in Input) {
	needs := certs.NodeName | certs.AdvertiseAddress
	if in.Needs != nil {
		needs = in.Needs(d.Settings)
	}
	n := &d.Cluster.Nodes[0]
	if n.Roles&certs.ControlPlane == 0 {
		needs &^= certs.AdvertiseAddress
	}
	ask := func(flag string, fact certs.Facts, answer func() error) {
		if _, asked := d.Cluster.Unknown[fact]; asked || d.origins[flag].Layer != Nowhere {
			return
		}
		err := errors.New("not asked")
		if needs.Has(fact) {
			err = answer()
		}
		if err == nil {
			d.origins[flag] = Origin{Layer: ByHost, Source: "this host"}
			return
		}
		d.unknown(fact, err.Error())
	}
	ask("node-name", certs.NodeName, func() (err error) {
		n.Name, err = answer("name", in.Host.Name, nodeName)
		return err
	})
	ask("apiserver-advertise-address", certs.AdvertiseAddress, func() (err error) {
		n.AdvertiseAddress, err = answer("address", in.Host.AdvertiseAddress, advertisable)
		return err
	})
}

// answer is what the host says of itself, made fit by a function that refuses what is not.
func answer[T any](what string, ask func() (T, error), fit func(T) (T, error)) (T, error) {
	var none T
	if ask == nil {
		return none, fmt.Errorf("this host's %s is not known", what)
	}
	v, err := ask()
	if err != nil {
		return none, err
	}
	if v, err = fit(v); err != nil {
		return none, fmt.Errorf("this host's %s %w", what, err)
	}
	return v, nil
}
