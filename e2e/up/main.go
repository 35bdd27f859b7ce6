// Command up starts a control plane on loopback from a PKI that pkitool makes, prints how to talk to it, and ends it on
// Ctrl-C. With --tools it only builds the components and prints the folder that holds them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pkitool/pkitool/e2e/build"
	"github.com/pkitool/pkitool/e2e/cluster"
)

func main() {
	algorithm := flag.String("key-algorithm", "", "algorithm of the keys: RSA-2048, ECDSA-P256, ...")
	toolsOnly := flag.Bool("tools", false, "build the components, print their folder and exit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *algorithm, *toolsOnly); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "up:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, algorithm string, toolsOnly bool) error {
	moduleDir, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	tools, err := build.Components(ctx, moduleDir, os.Stderr)
	if err != nil {
		return err
	}
	if toolsOnly {
		fmt.Println(tools.Dir)
		return nil
	}
	dir, remove, err := cluster.TempDir("pkitool-up-")
	if err != nil {
		return err
	}
	defer remove()
	site, err := makePKI(ctx, moduleDir, dir, algorithm)
	if err != nil {
		return err
	}
	start, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	c, err := cluster.Start(start, cluster.Options{Tools: tools, Dir: dir, Config: site.config, KubeconfigDir: site.kubeconfigs})
	if err != nil {
		return err
	}
	defer c.Close()
	// What kubeadm does at the end of its init: without it admin.conf is nobody.
	bind := exec.CommandContext(ctx, tools.Path("kubectl"), "--kubeconfig", c.Kubeconfig("super-admin.conf"),
		"create", "clusterrolebinding", "kubeadm:cluster-admins", "--clusterrole=cluster-admin", "--group=kubeadm:cluster-admins")
	bind.Env = c.Env()
	if out, err := bind.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	fmt.Fprintf(os.Stderr, "Kubernetes %s is up at %s; its PKI is in %s, its logs in %s. Ctrl-C ends it.\n",
		build.KubernetesVersion, c.Server, site.pki, filepath.Join(dir, "logs"))
	fmt.Fprintf(os.Stderr, "PATH=%s:$PATH  # kubectl and kubeadm of that version\n", tools.Dir)
	fmt.Printf("export KUBECONFIG=%s\n", c.Kubeconfig("admin.conf"))
	return waitForEnd(ctx, c)
}

// waitForEnd returns when the person is done or a component has died.
func waitForEnd(ctx context.Context, c *cluster.Cluster) error {
	died := make(chan *cluster.Process, len(c.Processes()))
	for _, p := range c.Processes() {
		go func() {
			<-p.Exited()
			died <- p
		}()
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr, "\nending ...")
		return nil
	case p := <-died:
		return fmt.Errorf("%s has ended by itself:\n%s", p.Name, p.Tail())
	}
}

// site is where a made PKI lies.
type site struct{ config, pki, kubeconfigs string }

// makePKI runs pkitool, built from the tree around this module, over a configuration for loopback.
func makePKI(ctx context.Context, moduleDir, dir, algorithm string) (site, error) {
	s := site{filepath.Join(dir, "kubeadm.yaml"), filepath.Join(dir, "pki"), filepath.Join(dir, "kubernetes")}
	text, err := cluster.Config{
		PKIDir: s.pki, NodeName: "control-plane", AdvertiseAddress: "192.0.2.10",
		CertSANs: []string{"localhost", "127.0.0.1"}, Algorithm: algorithm,
	}.YAML()
	if err != nil {
		return site{}, err
	}
	if err := os.WriteFile(s.config, text, 0o644); err != nil {
		return site{}, err
	}
	pkitool, err := build.Pkitool(ctx, filepath.Dir(moduleDir), dir)
	if err != nil {
		return site{}, err
	}
	cmd := exec.CommandContext(ctx, pkitool, "init", "--config", s.config, "--cert-dir", s.pki, "--kubeconfig-dir", s.kubeconfigs)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return site{}, fmt.Errorf("pkitool init: %w", err)
	}
	return s, nil
}
