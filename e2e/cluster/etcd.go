package cluster

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// Member is one etcd member: where it lives and which flags it runs with.
type Member struct {
	Name    string
	Address string // loopback
	Args    []string
	Client  int // port for clients
	Peer    int // port for peers
	Metrics int // port for plain-text metrics and health
}

// ClientURL and PeerURL are where a member listens.
func (e Member) ClientURL() string { return "https://" + hostPort(e.Address, e.Client) }
func (e Member) PeerURL() string   { return "https://" + hostPort(e.Address, e.Peer) }

// NewMember finds ports on address for a member that runs with kubeadm's etcd flags in args.
func (m *Machine) NewMember(name, address string, args []string) (Member, error) {
	ports, err := m.Ports(address, 3)
	if err != nil {
		return Member{}, err
	}
	return Member{Name: name, Address: address, Args: args, Client: ports[0], Peer: ports[1], Metrics: ports[2]}, nil
}

// StartEtcd starts the members as one new cluster. It doesn't wait: see AwaitEtcd.
func (m *Machine) StartEtcd(members ...Member) ([]*Process, error) {
	var peers []string
	for _, e := range members {
		peers = append(peers, e.Name+"="+e.PeerURL())
	}
	var processes []*Process
	for _, e := range members {
		process := "etcd"
		if len(members) > 1 {
			process += "-" + e.Name
		}
		p, err := m.Start(process, "etcd", with(e.Args,
			flag{"name", e.Name},
			flag{"data-dir", filepath.Join(m.Dir, "data", e.Name)},
			flag{"listen-client-urls", e.ClientURL()},
			flag{"advertise-client-urls", e.ClientURL()},
			flag{"listen-peer-urls", e.PeerURL()},
			flag{"initial-advertise-peer-urls", e.PeerURL()},
			flag{"initial-cluster", strings.Join(peers, ",")},
			flag{"listen-metrics-urls", "http://" + hostPort(e.Address, e.Metrics)},
			flag{"unsafe-no-fsync", "true"}, // the data is thrown away
		)...)
		if err != nil {
			return nil, err
		}
		processes = append(processes, p)
	}
	return processes, nil
}

// AwaitEtcd waits until a member serves, which it does once it is in a quorum.
func (m *Machine) AwaitEtcd(ctx context.Context, p *Process, e Member) error {
	return await(ctx, p, "http://"+hostPort(e.Address, e.Metrics)+"/readyz")
}

func hostPort(address string, port int) string {
	return net.JoinHostPort(address, strconv.Itoa(port))
}

func portOf(n int) string { return fmt.Sprintf("%d", n) }
