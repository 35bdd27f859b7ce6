package phases_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/pkitool/pkitool/pki"
)

// BenchmarkWholeSet makes the whole PKI three ways in turn, round by round, and
// reports the ratios of the medians: pkitool as a process, kubeadm's two `all`
// phases as processes (PKITOOL_KUBEADM names the binary), and a bare loop in
// this process that makes the same 16 keys and 15 signatures on all cores and
// writes nothing. In memory, where durability costs nothing, and where temporary
// files lie: docs/decisions/0009-speed-is-measured-in-memory.md.
func BenchmarkWholeSet(b *testing.B) {
	tool := buildTool(b)
	for _, x := range []struct{ name, algorithm, temp string }{
		{"RSA-2048", "RSA-2048", os.TempDir()}, {"ECDSA-P256/memory", "ECDSA-P256", "/dev/shm"}, {"ECDSA-P256/disk", "ECDSA-P256", os.TempDir()},
	} {
		b.Run(x.name, func(b *testing.B) {
			algorithm := x.algorithm
			if _, err := os.Stat(x.temp); err != nil {
				b.Skip("no files in memory on this machine: ", err)
			}
			b.Setenv("TMPDIR", x.temp)
			var ours, theirs, bare []time.Duration
			kubeadm := os.Getenv("PKITOOL_KUBEADM")
			for b.Loop() {
				dir := b.TempDir()
				cfg := benchConfig(b, dir, algorithm)
				ours = append(ours, timed(b, func() error {
					return run(tool, "init", "-q", "--config", cfg, "--kubeconfig-dir", dir)
				}))
				bare = append(bare, timed(b, func() error { return bareLoop(pki.KeyAlgorithm(algorithm)) }))
				if kubeadm == "" {
					continue
				}
				dir = b.TempDir()
				cfg = benchConfig(b, dir, algorithm)
				theirs = append(theirs, timed(b, func() error {
					if err := run(kubeadm, "init", "phase", "certs", "all", "--config", cfg); err != nil {
						return err
					}
					return run(kubeadm, "init", "phase", "kubeconfig", "all", "--config", cfg, "--kubeconfig-dir", dir)
				}))
			}
			b.ReportMetric(0, "ns/op") // a round is of no interest, its parts are
			b.ReportMetric(ms(ours), "ms/pkitool-p50")
			b.ReportMetric(ms(bare), "ms/bare-p50")
			b.ReportMetric(ms(ours)/ms(bare), "ratio-to-bare")
			if len(theirs) > 0 {
				b.ReportMetric(ms(theirs), "ms/kubeadm-p50")
				b.ReportMetric(ms(ours)/ms(theirs), "ratio-to-kubeadm")
			}
		})
	}
}

// BenchmarkStart compares the start of the tool with that of a hello-world Go program.
func BenchmarkStart(b *testing.B) {
	tool := buildTool(b)
	dir := b.TempDir()
	src := filepath.Join(dir, "main.go")
	require.NoError(b, os.WriteFile(src, []byte("package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n"), 0o644))
	hello := filepath.Join(dir, "hello")
	require.NoError(b, run("go", "build", "-o", hello, src))
	var ours, theirs []time.Duration
	for b.Loop() {
		ours = append(ours, timed(b, func() error { return run(tool, "version") }))
		theirs = append(theirs, timed(b, func() error { return run(hello) }))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(ours), "ms/version-p50")
	b.ReportMetric(ms(theirs), "ms/hello-p50")
	b.ReportMetric(ms(ours)/ms(theirs), "ratio-to-hello")
}

func buildTool(b *testing.B) string {
	b.Helper()
	b.Setenv("CGO_ENABLED", "0") // as make build does
	tool := filepath.Join(b.TempDir(), "pkitool")
	require.NoError(b, run("go", "build", "-trimpath", "-ldflags=-s -w", "-o", tool, "../cmd/pkitool"))
	return tool
}

func benchConfig(b *testing.B, dir, algorithm string) string {
	b.Helper()
	path := filepath.Join(dir, "kubeadm.yaml")
	text := fmt.Sprintf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 192.0.2.10}
nodeRegistration: {name: cp-1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
encryptionAlgorithm: %s
certificatesDir: %s
`, algorithm, filepath.Join(dir, "pki"))
	require.NoError(b, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func timed(b *testing.B, f func() error) time.Duration {
	b.Helper()
	start := time.Now()
	require.NoError(b, f())
	return time.Since(start)
}

// ms is the median in milliseconds.
func ms(d []time.Duration) float64 {
	d = slices.Clone(d)
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}

// bareLoop makes 16 keys and 15 certificates with the standard library.
func bareLoop(algorithm pki.KeyAlgorithm) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bare"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	ca, err := pki.GenerateKey(algorithm)
	if err != nil {
		return err
	}
	for i := range 15 {
		g.Go(func() error {
			key, err := pki.GenerateKey(algorithm)
			if err != nil || i == 14 {
				return err
			}
			_, err = x509.CreateCertificate(rand.Reader, t, t, key.Public(), ca)
			return err
		})
	}
	if _, err := x509.CreateCertificate(rand.Reader, t, t, ca.Public(), ca); err != nil {
		return err
	}
	return g.Wait()
}

// BenchmarkKeys is the raw cost of a key, for judging the others.
func BenchmarkKeys(b *testing.B) {
	for _, a := range pki.KeyAlgorithms() {
		b.Run(string(a), func(b *testing.B) {
			for b.Loop() {
				_, err := pki.GenerateKey(a)
				require.NoError(b, err)
			}
		})
	}
}
