package opensslcmd_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd"
)

// fleet writes a CA and n certificates of nodes, all of one key, and returns their paths.
func fleet(tb testing.TB, dir string, n int, newKey func() (crypto.Signer, error)) (ca string, targets []string) {
	leafKey, err := newKey()
	require.NoError(tb, err)
	return fleetOf(tb, dir, n, newKey, func(int) crypto.PublicKey { return leafKey.Public() })
}

// fleetOf is fleet, with the keys that leaf gives.
func fleetOf(tb testing.TB, dir string, n int, newKey func() (crypto.Signer, error), leaf func(i int) crypto.PublicKey) (ca string, targets []string) {
	key, err := newKey()
	require.NoError(tb, err)
	from := time.Now().Add(-time.Hour)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, NotBefore: from, NotAfter: from.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	write := func(name string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(tb, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
		return path
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	require.NoError(tb, err)
	ca = write("ca.crt", der)
	root, err = x509.ParseCertificate(der)
	require.NoError(tb, err)
	for i := range n {
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 2)), NotBefore: from, NotAfter: from.AddDate(1, 0, 0),
			Subject:  pkix.Name{CommonName: fmt.Sprintf("system:node:n%d", i), Organization: []string{"system:nodes"}},
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}, root, leaf(i), key)
		require.NoError(tb, err)
		targets = append(targets, write(fmt.Sprintf("node%05d.crt", i), der))
	}
	return ca, targets
}

// algorithms are what the speed of verify is stated for.
var algorithms = []struct {
	name   string
	most   float64 // of openssl's time, on two cores
	newKey func() (crypto.Signer, error)
}{
	{"ECDSA-P256", 0.25, func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }},
	{"RSA-2048", 0.20, func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }},
}

// BenchmarkVerifyMany verifies thousands of certificates in one call, by this program and by openssl in turns, and
// gives the ratio of their times.
func BenchmarkVerifyMany(b *testing.B) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		b.Skip("openssl is not installed")
	}
	for _, a := range algorithms {
		b.Run(a.name, func(b *testing.B) {
			const n = 4000
			ca, targets := fleet(b, b.TempDir(), n, a.newKey)
			args := append([]string{"-CAfile", ca}, targets...)
			var own, theirs time.Duration
			for b.Loop() {
				start := time.Now()
				require.Zero(b, opensslcmd.Run(context.Background(), opensslcmd.Env{Stdin: bytes.NewReader(nil), Stdout: io.Discard, Stderr: io.Discard, Now: start}, args))
				own += time.Since(start)
				start = time.Now()
				require.NoError(b, exec.Command(openssl, append([]string{"verify"}, args...)...).Run())
				theirs += time.Since(start)
			}
			b.ReportMetric(float64(b.N*n)/own.Seconds(), "certs/s")
			b.ReportMetric(own.Seconds()/theirs.Seconds(), "of-openssl")
			b.ReportMetric(a.most, "at-most")
			b.ReportMetric(float64(runtime.GOMAXPROCS(0)), "procs")
		})
	}
}

// program is what PKITOOL_BINARY names; without it one is built.
func program(b *testing.B) string {
	if binary := os.Getenv("PKITOOL_BINARY"); binary != "" {
		return binary
	}
	b.Setenv("CGO_ENABLED", "0") // as make build does
	binary := filepath.Join(b.TempDir(), "pkitool")
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../../pkitool").CombinedOutput()
	require.NoError(b, err, "%s", out)
	return binary
}

// BenchmarkVerifyMemory gives the peak memory of a process for thousands of targets, beyond that for one.
func BenchmarkVerifyMemory(b *testing.B) {
	binary := program(b)
	for _, a := range algorithms {
		b.Run(a.name, func(b *testing.B) {
			ca, targets := fleet(b, b.TempDir(), 4000, a.newKey)
			peak := func(n int) float64 {
				return peakMiB(b, exec.Command(binary, append([]string{"verify", "-CAfile", ca}, targets[:n]...)...))
			}
			var one, all float64 // a short life may end between two looks: the highest of many counts
			for b.Loop() {
				one, all = max(one, peak(1)), max(all, peak(len(targets)))
			}
			b.ReportMetric(all, "MiB")
			b.ReportMetric(all-one, "MiB-more")
			b.ReportMetric(10, "at-most")
		})
	}
}

// BenchmarkVerifyOne starts a process for one certificate, this program's and openssl's in turns.
func BenchmarkVerifyOne(b *testing.B) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		b.Skip("openssl is not installed")
	}
	binary := program(b)
	ca, targets := fleet(b, b.TempDir(), 1, algorithms[0].newKey)
	args := []string{"verify", "-CAfile", ca, targets[0]}
	var own, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		require.NoError(b, exec.Command(binary, args...).Run())
		own += time.Since(start)
		start = time.Now()
		require.NoError(b, exec.Command(openssl, args...).Run())
		theirs += time.Since(start)
	}
	b.ReportMetric(own.Seconds()/theirs.Seconds(), "of-openssl")
	b.ReportMetric(1.15, "at-most")
}

// distinct gives another key each time. Those of RSA are pairs of some hundred primes: to make each from new primes would
// take an hour.
func distinct(tb testing.TB, newKey func() (crypto.Signer, error)) func(int) crypto.PublicKey {
	key, err := newKey()
	require.NoError(tb, err)
	if _, ok := key.(*rsa.PrivateKey); !ok {
		return func(int) crypto.PublicKey {
			key, err := newKey()
			require.NoError(tb, err)
			return key.Public()
		}
	}
	var primes []*big.Int
	for range 210 {
		p, err := rand.Prime(rand.Reader, 1024)
		require.NoError(tb, err)
		primes = append(primes, p)
	}
	first, second := 0, 0
	return func(int) crypto.PublicKey {
		if second++; second == len(primes) {
			first, second = first+1, first+2
		}
		return &rsa.PublicKey{N: new(big.Int).Mul(primes[first], primes[second]), E: 65537}
	}
}

// BenchmarkAudit audits a directory of thousands of certificates, and verifies the same files, by a process each in turns:
// the ratio of their times, and the memory of an audit beyond that of one certificate.
func BenchmarkAudit(b *testing.B) {
	binary := program(b)
	for _, a := range algorithms {
		b.Run(a.name, func(b *testing.B) {
			const n = 20_000
			dir, one := b.TempDir(), b.TempDir()
			ca, targets := fleetOf(b, dir, n, a.newKey, distinct(b, a.newKey))
			fleet(b, one, 1, a.newKey)
			audit := func(dir string) *exec.Cmd {
				return exec.Command(binary, "certs", "audit", dir, "-o", "json")
			}
			var audits, verifies []time.Duration
			for b.Loop() {
				start := time.Now()
				require.NoError(b, audit(dir).Run())
				audits = append(audits, time.Since(start))
				start = time.Now()
				require.NoError(b, exec.Command(binary, append([]string{"verify", "-CAfile", ca}, targets...)...).Run())
				verifies = append(verifies, time.Since(start))
			}
			slices.Sort(audits)
			slices.Sort(verifies)
			median := func(list []time.Duration) float64 { return list[len(list)/2].Seconds() }
			b.ReportMetric(n/median(audits), "certs/s")
			b.ReportMetric(median(audits)/median(verifies), "of-verify")
			b.ReportMetric(1, "at-most")
			all := peakMiB(b, audit(dir))
			b.ReportMetric(all, "MiB")
			b.ReportMetric(all-peakMiB(b, audit(one)), "MiB-more")
		})
	}
}
