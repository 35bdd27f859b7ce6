package cluster

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/pkitool/pkitool/e2e/build"
)

// Options say which control plane is to be started.
type Options struct {
	Tools build.Tools
	// Dir is an existing folder for everything that the components write.
	Dir string
	// Config is a kubeadm configuration file. Its certificatesDir is where the PKI lies.
	Config string
	// KubeadmRoot, if set, is a folder that kubeadm takes for the root of the machine when it is asked for its static
	// pods: with an external CA it looks for kubeconfigs in /etc/kubernetes. Config is a path in it, then.
	KubeadmRoot string
	// KubeconfigDir is the folder with admin.conf and the others.
	KubeconfigDir string
	// Address is the loopback address that everything listens on: "127.0.0.1" when empty, or "::1".
	Address string
	// SecondAddress, if set, gets an API server of its own, as the other family of a dual-stack host.
	SecondAddress string
	// EtcdServers, if set, is the external etcd's client URL; the configuration names its certificates.
	EtcdServers string
	// APIServerOnly leaves controller manager and scheduler out.
	APIServerOnly bool
}

// Cluster is a running control plane.
type Cluster struct {
	*Machine
	// Options are what Start was given, defaults filled in.
	Options Options
	// Server is the API server's URL, on loopback.
	Server string
	// SecondServer is the URL of the API server on SecondAddress, "" without one.
	SecondServer string
	// Etcd is the local member; the zero value with an external etcd.
	Etcd Member
	// Flags are the command lines of the components, as kubeadm would write them, without what was overridden.
	Flags map[string][]string

	egress string // file of the API servers' egress configuration
}

// Start starts a control plane and waits until every component says that it is ready; ctx sets the limit.
// Close must be called when it returns without an error; when it returns one, nothing runs any more.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1"
	}
	machine, err := NewMachine(o.Tools, o.Dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Machine: machine, Options: o}
	if err := c.start(ctx); err != nil {
		machine.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	phases := [][]string{{"control-plane", "all"}}
	if c.Options.EtcdServers == "" {
		phases = append(phases, []string{"etcd", "local"})
	}
	var err error
	if c.Flags, err = c.manifests(ctx, c.Options.KubeadmRoot, c.Options.Config, phases...); err != nil {
		return err
	}
	if c.Options.EtcdServers == "" {
		if err := c.startEtcd(ctx); err != nil {
			return err
		}
	}
	if c.egress, err = c.openTunnel(); err != nil {
		return err
	}
	if c.Server, err = c.startAPIServer(ctx, "kube-apiserver", c.Options.Address); err != nil {
		return err
	}
	if c.Options.SecondAddress != "" {
		if c.SecondServer, err = c.startAPIServer(ctx, "kube-apiserver-2", c.Options.SecondAddress); err != nil {
			return err
		}
	}
	if err := c.copyKubeconfigs(); err != nil {
		return err
	}
	if c.Options.APIServerOnly {
		return nil
	}
	return c.startControllers(ctx)
}

func (c *Cluster) startEtcd(ctx context.Context) error {
	args := c.Flags["etcd"]
	member, err := c.NewMember(valueOf(args, "name"), c.Options.Address, args)
	if err != nil {
		return err
	}
	processes, err := c.StartEtcd(member)
	if err != nil {
		return err
	}
	c.Etcd, c.Options.EtcdServers = member, member.ClientURL()
	return c.AwaitEtcd(ctx, processes[0], member)
}

// startAPIServer starts an API server on address and returns its URL.
func (c *Cluster) startAPIServer(ctx context.Context, name, address string) (string, error) {
	ports, err := c.Ports(address, 1)
	if err != nil {
		return "", err
	}
	p, err := c.Machine.Start(name, "kube-apiserver", with(c.Flags["kube-apiserver"],
		// The API refuses loopback addresses in its own endpoints, so it is told not to publish any.
		flag{"advertise-address", address},
		flag{"endpoint-reconciler-type", "none"},
		flag{"bind-address", address},
		flag{"secure-port", portOf(ports[0])},
		flag{"etcd-servers", c.Options.EtcdServers},
		flag{"egress-selector-config-file", c.egress},
	)...)
	if err != nil {
		return "", err
	}
	server := "https://" + hostPort(address, ports[0])
	return server, await(ctx, p, server+"/readyz")
}

// kubeconfigs are the files that kubeadm writes on a control-plane node.
var kubeconfigs = [...]string{"admin.conf", "super-admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf"}

// copyKubeconfigs writes loopback copies of every kubeconfig.
func (c *Cluster) copyKubeconfigs() error {
	if err := os.MkdirAll(filepath.Join(c.Dir, "kubeconfigs"), 0o700); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	for _, name := range kubeconfigs {
		if err := LoopbackCopy(filepath.Join(c.Options.KubeconfigDir, name), c.Kubeconfig(name), c.Server); err != nil {
			return err
		}
	}
	return nil
}

// Kubeconfig is the path of the loopback copy of a kubeconfig ("admin.conf").
func (c *Cluster) Kubeconfig(name string) string { return filepath.Join(c.Dir, "kubeconfigs", name) }

// startControllers starts controller manager and scheduler side by side.
func (c *Cluster) startControllers(ctx context.Context) error {
	ports, err := c.Ports(c.Options.Address, 2)
	if err != nil {
		return err
	}
	signing, err := c.signingCertificate()
	if err != nil {
		return err
	}
	start := func(name string, port int, extra ...flag) (*Process, error) {
		conf := c.Kubeconfig(name[len("kube-"):] + ".conf")
		return c.Machine.Start(name, name, with(c.Flags[name], append(extra,
			flag{"bind-address", c.Options.Address},
			flag{"secure-port", portOf(port)},
			flag{"kubeconfig", conf},
			flag{"authentication-kubeconfig", conf},
			flag{"authorization-kubeconfig", conf},
		)...)...)
	}
	manager, err := start("kube-controller-manager", ports[0], append(signing,
		flag{"flex-volume-plugin-dir", filepath.Join(c.Dir, "flex")}, // the default lies under /usr
		flag{"kube-api-qps", "300"}, flag{"kube-api-burst", "500"},   // thirty controllers start at once, and somebody waits
	)...)
	if err != nil {
		return err
	}
	scheduler, err := start("kube-scheduler", ports[1])
	if err != nil {
		return err
	}
	return errors.Join(
		await(ctx, manager, "https://"+hostPort(c.Options.Address, ports[0])+"/healthz"),
		await(ctx, scheduler, "https://"+hostPort(c.Options.Address, ports[1])+"/readyz"),
	)
}

// signingCertificate overrides the controller manager's --cluster-signing-cert-file when ca.crt is a bundle: it takes
// a file with exactly one certificate there, and kubeadm's flags would stop it at its start.
func (c *Cluster) signingCertificate() ([]flag, error) {
	const name = "cluster-signing-cert-file"
	file := valueOf(c.Flags["kube-controller-manager"], name)
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	first, rest := pem.Decode(text)
	if first == nil {
		return nil, fmt.Errorf("cluster: %s: no certificate", file)
	}
	if second, _ := pem.Decode(rest); second == nil {
		return nil, nil
	}
	single := filepath.Join(c.Dir, "cluster-signing.crt")
	if err := os.WriteFile(single, pem.EncodeToMemory(first), 0o644); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return []flag{{name, single}}, nil
}

// await polls a health URL until it answers 200, the process ends, or ctx is over. Like the kubelet's probes it doesn't
// verify the certificate: whether that is right is what the tests ask, after the start.
func await(ctx context.Context, p *Process, url string) error {
	// No limit but ctx: a probe that hangs up on a slow server is a failed handshake in the server's counters.
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}}
	var last error
	for {
		if last = probe(ctx, client, url); last == nil {
			return nil
		}
		select {
		case <-p.Exited():
			return fmt.Errorf("cluster: %w\n%s", p.ended(), p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("cluster: %s is not ready: %w: %w\n%s", p.Name, ctx.Err(), last, p.Tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func probe(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// DialLoopback refuses every address but loopback, whatever a certificate or a kubeconfig says.
func DialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s is not on loopback", address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}
