// Package e2e asks the real consumers of a cluster's PKI whether they accept what pkitool writes: it starts etcd and the
// Kubernetes control plane on loopback and talks to them as people, nodes and components do.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkitool/pkitool/e2e/build"
	"github.com/pkitool/pkitool/e2e/cluster"
	"github.com/stretchr/testify/require"
)

// limit bounds the start of a cluster and every command; what is stuck is to fail, not to hang.
const limit = 3 * time.Minute

// suite is what all tests share: the programs, built once.
var suite struct {
	tools   build.Tools
	pkitool string
	home    string // the folder of this run: of the sites, and the home of whatever runs outside of one
	report  report
}

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (int, error) {
	ctx := context.Background()
	moduleDir, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	dir, remove, err := cluster.TempDir("pkitool-e2e-run-")
	if err != nil {
		return 1, err
	}
	defer remove()
	go func() { // cleanups don't run then; the components die with us
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		<-interrupted
		remove()
		os.Exit(1)
	}()
	suite.home = dir
	if suite.tools, err = build.Components(ctx, moduleDir, os.Stderr); err != nil {
		return 1, err
	}
	if suite.pkitool, err = build.Pkitool(ctx, filepath.Dir(moduleDir), dir); err != nil {
		return 1, err
	}
	code := m.Run()
	for _, gap := range slices.Sorted(maps.Keys(suite.report.gaps)) {
		fmt.Fprintln(os.Stderr, "NOT TESTED:", gap)
	}
	if code == 0 {
		err = suite.report.write(ctx)
	}
	return code, err
}

// T is what a check needs of a test: little enough for a check to be run where it has to fail, see broken_test.go.
type T interface {
	require.TestingT
	Helper()
	Logf(format string, args ...any)
}

// site is a PKI on disk, what it was made from, and the cluster that runs on it once start was called.
type site struct {
	variant
	*cluster.Cluster
	dir    string
	config cluster.Config
	etcd   *site  // the external etcd's
	vault  string // folder of the CAs and their keys, "" when they are in the PKI
}

func (s *site) configFile() string    { return filepath.Join(s.dir, "kubeadm.yaml") }
func (s *site) kubeconfigDir() string { return filepath.Join(s.dir, "kubernetes") }
func (s *site) pki(elem ...string) string {
	return filepath.Join(append([]string{s.config.PKIDir}, elem...)...)
}

// signer is where the CAs' keys are.
func (s *site) signer(elem ...string) string {
	if s.vault == "" {
		return s.pki(elem...)
	}
	return filepath.Join(append([]string{s.vault}, elem...)...)
}
func (s *site) original(conf string) string { return filepath.Join(s.kubeconfigDir(), conf) }
func (s *site) scratch(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// newSite makes a folder for a site of the variant and writes its configuration. The folder is short: the hollow
// kubelet puts sockets into it, whose paths may not exceed 108 bytes.
func newSite(t *testing.T, v variant) *site {
	t.Helper()
	dir := newDir(t)
	s := &site{variant: v, dir: dir, config: cluster.Config{
		PKIDir: filepath.Join(dir, "pki"), NodeName: "cp-1", AdvertiseAddress: "192.0.2.10",
		Endpoint: "api.pkitool.test:6443", CertSANs: []string{"127.0.0.1", "localhost", "*.pkitool.test"},
	}}
	if v.configure != nil {
		v.configure(&s.config)
	}
	s.writeConfig(t)
	return s
}

// newDir makes a folder that goes with the test, or with the run if that is killed.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(suite.home, "")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *site) writeConfig(t T) {
	t.Helper()
	text, err := s.config.YAML()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.configFile(), text, 0o644))
}

// makePKI lets pkitool make the PKI and the kubeconfigs of the site, and asks whether it left what was there as it was.
func (s *site) makePKI(t *testing.T) {
	t.Helper()
	planted := map[string]fileState{}
	if s.prepare != nil {
		s.prepare(t, s)
		planted = s.snapshot(t)
	}
	s.init(t)
	after := s.snapshot(t)
	for path, state := range planted {
		require.Equal(t, state, after[path], path)
	}
}

// init runs pkitool init over the site and returns what it printed.
func (s *site) init(t T, extra ...string) string {
	t.Helper()
	args := append([]string{"init", "--config", s.configFile(), "--cert-dir", s.pki(), "--kubeconfig-dir", s.kubeconfigDir()}, s.flags...)
	out, err := runTool(suite.pkitool, append(args, extra...)...)
	require.NoError(t, err)
	return out
}

// start starts the site's control plane and ends it with the test, keeping the logs if that failed.
func (s *site) start(t *testing.T, change func(*cluster.Options)) {
	t.Helper()
	for _, address := range []string{s.address, s.secondAddress} {
		requireAddress(t, address)
	}
	options := cluster.Options{
		Tools: suite.tools, Dir: s.dir, Config: s.configFile(), KubeconfigDir: s.kubeconfigDir(),
		Address: s.address, SecondAddress: s.secondAddress,
	}
	if change != nil {
		change(&options)
	}
	t.Cleanup(func() { keepLogs(t, "cluster", s.scratch("logs")) })
	c, err := cluster.Start(limited(t), options)
	require.NoError(t, err)
	s.Cluster = c
	t.Cleanup(c.Close)
}

// requireAddress skips the test, loudly, where the machine has no such loopback address: containers often lack ::1.
func requireAddress(t *testing.T, address string) {
	t.Helper()
	if address == "" {
		return
	}
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		skip(t, "%v", err)
	}
	l.Close()
}

// keepLogs copies logs to logs/TEST/of beside the sources if the test failed.
func keepLogs(t *testing.T, of, from string) {
	if !t.Failed() {
		return
	}
	to := filepath.Join("logs", filepath.FromSlash(t.Name()), of)
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o755), os.CopyFS(to, os.DirFS(from))); err != nil {
		t.Logf("logs not kept: %v", err)
		return
	}
	t.Logf("logs kept in e2e/%s", to)
}

// kubectl runs kubectl with the loopback copy of a kubeconfig ("admin.conf").
func (s *site) kubectl(conf string, args ...string) (string, error) {
	return s.kubectlRaw("", append([]string{"--kubeconfig", s.Kubeconfig(conf)}, args...)...)
}

// kubectlRaw runs kubectl with nothing but args and an input.
func (s *site) kubectlRaw(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, suite.tools.Path("kubectl"), args...)
	cmd.Env = s.Env()
	cmd.Stdin = strings.NewReader(stdin)
	return output(cmd)
}

// must runs kubectl as super-admin.conf, for what a check needs but is not about.
func (s *site) must(t T, args ...string) string {
	t.Helper()
	out, err := s.kubectl("super-admin.conf", args...)
	require.NoError(t, err)
	return out
}

// apply creates or changes the objects of a manifest as super-admin.conf.
func (s *site) apply(t T, manifest string) {
	t.Helper()
	_, err := s.kubectlRaw(manifest, "--kubeconfig", s.Kubeconfig("super-admin.conf"), "apply", "-f", "-")
	require.NoError(t, err)
}

// limited is the time that a test may wait for the start of something.
func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// runTool runs a program in an environment without proxies and configuration and returns its stdout.
func runTool(program string, args ...string) (string, error) {
	return runToolWith(nil, program, args...)
}

// runToolWith is runTool with variables more.
func runToolWith(env []string, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=" + suite.home}, env...)
	return output(cmd)
}

// output runs cmd and returns its stdout; the error carries stderr, which is what a person would see.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, io.Writer(&stderr)
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args[1:], " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// eventually repeats f, which asks something that the cluster takes a moment to do, until it returns no error.
func eventually(t T, f func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience(t)); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	require.NoError(t, err, "even after "+patience(t).String())
}
