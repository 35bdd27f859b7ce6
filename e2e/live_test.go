package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	certutil "k8s.io/client-go/util/cert"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// live are the findings of `certs audit --live` about endpoints, a line each.
func (s *site) live(t T, endpoints ...string) []string {
	t.Helper()
	out, err := runTool(suite.pkitool, "certs", "audit", "--config", s.configFile(), "--cert-dir", s.pki(), "--kubeconfig-dir", s.kubeconfigDir(),
		"--live", strings.Join(endpoints, ","), "-o", "json")
	var report struct {
		Directories []struct {
			Findings []struct{ Severity, ID, Row, Entry, Text string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report), "%v", err)
	require.Len(t, report.Directories, 1)
	lines := []string{}
	for _, f := range report.Directories[0].Findings {
		at := func(e string) bool { return e[strings.Index(e, "=")+1:] == f.Entry }
		if slices.ContainsFunc(endpoints, at) {
			lines = append(lines, fmt.Sprintf("%s %s: %s: %s", f.Severity, f.ID, f.Row, f.Text))
		}
	}
	return lines
}

// valueOf is the value of a flag of a component that runs.
func (s *site) valueOf(t T, component, flag string) string {
	t.Helper()
	for _, p := range s.Processes() {
		for _, arg := range p.Args {
			if value, ok := strings.CutPrefix(arg, "--"+flag+"="); ok && p.Name == component {
				return value
			}
		}
	}
	require.Fail(t, component+" has no flag "+flag)
	return ""
}

func address(url string) string { return strings.TrimPrefix(url, "https://") }

// checkLive asks every component what it serves: all is right, and no row has to be named for those that serve a pair of
// the PKI, whatever their port.
func checkLive(t T, s *site) {
	local := func(component string) string {
		return net.JoinHostPort(s.loopback(), s.valueOf(t, component, "secure-port"))
	}
	endpoints := []string{address(s.Server), "controller-manager=" + local("kube-controller-manager"), "scheduler=" + local("kube-scheduler")}
	if s.SecondServer != "" {
		endpoints = append(endpoints, address(s.SecondServer))
	}
	assert.Empty(t, s.live(t, endpoints...))
	e := s.etcdPKI()
	e.Provoke(func() { // it says of everybody without a certificate that it refused him
		assert.Empty(t, e.live(t, address(e.Etcd.ClientURL()), address(e.Etcd.PeerURL())))
	})
}

// TestLive asks running components before and after a renewal without a restart.
func TestLive(t *testing.T) {
	t.Parallel()
	s := newSite(t, variants[1])
	s.makePKI(t)
	// An API server in a container whose files were mounted one by one goes on with the old ones when they are replaced: a
	// hard link holds on to a file in the same way.
	linked := s.scratch("linked")
	require.NoError(t, os.Mkdir(linked, 0o755))
	link := func() {
		for _, name := range []string{"apiserver.key", "apiserver.crt"} {
			require.NoError(t, os.Link(s.pki(name), filepath.Join(linked, "new")))
			require.NoError(t, os.Rename(filepath.Join(linked, "new"), filepath.Join(linked, name)))
		}
	}
	link()
	s.start(t, func(o *cluster.Options) { o.APIServerOnly = true })
	ports, err := s.Ports(s.loopback(), 1)
	require.NoError(t, err)
	port := fmt.Sprint(ports[0])
	for _, p := range s.Processes() {
		if p.Name == "kube-apiserver" {
			_, err := s.Machine.Start("kube-apiserver-linked", "kube-apiserver", append(slices.Clone(p.Args), "--secure-port="+port,
				"--tls-cert-file="+filepath.Join(linked, "apiserver.crt"), "--tls-private-key-file="+filepath.Join(linked, "apiserver.key"))...)
			require.NoError(t, err)
		}
	}
	at, held := address(s.Server), net.JoinHostPort(s.loopback(), port)
	sound := func(endpoint string) func() error {
		return func() error {
			if lines := s.live(t, endpoint); len(lines) > 0 {
				return fmt.Errorf("%v", lines)
			}
			return nil
		}
	}
	eventually(t, sound(held)) // until it serves it cannot be reached
	assert.Empty(t, s.live(t, at, held))

	renew := func(row string) {
		_, err := runTool(suite.pkitool, "certs", "renew", row, "--config", s.configFile(), "--cert-dir", s.pki(), "--kubeconfig-dir", s.kubeconfigDir())
		require.NoError(t, err)
	}
	notReloaded := func(lines []string) bool {
		return len(lines) == 1 && strings.HasPrefix(lines[0], "warning live-not-reloaded: apiserver: still serves the old certificate, ")
	}
	renew("apiserver")
	eventually(t, func() error { // it takes the new one up by itself, and until then it is seen that it did not
		lines := s.live(t, at)
		if len(lines) == 0 {
			return nil
		}
		require.True(t, notReloaded(lines), "%v", lines)
		return fmt.Errorf("%v", lines)
	})
	lines := s.live(t, held)
	assert.True(t, notReloaded(lines), "%v", lines)
	link()
	eventually(t, sound(held))

	s.Provoke(func() { // etcd reads its pair at every handshake
		endpoints := []string{address(s.Etcd.ClientURL()), address(s.Etcd.PeerURL())}
		renew("etcd-server")
		renew("etcd-peer")
		assert.Empty(t, s.live(t, endpoints...))
	})
	checkLiveKubelet(t, s)
	checkLogs(t, s)
}

// checkLiveKubelet asks a server with the certificate that a kubelet makes where nobody gives it one: by the same function.
func checkLiveKubelet(t T, s *site) {
	cert, key, err := certutil.GenerateSelfSignedCertKey("cp-1", nil, nil)
	require.NoError(t, err)
	pair, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	l, err := tls.Listen("tcp", net.JoinHostPort(s.loopback(), "0"), &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, ClientCAs: pool(t, s.pki("ca.crt")),
	})
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	lines := s.live(t, "kubelet="+l.Addr().String())
	require.Len(t, lines, 1)
	assert.True(t, strings.HasPrefix(lines[0], `warning live-self-signed: kubelet: serves a certificate that it made for itself, issued by "CN = cp-1-ca@`), lines[0])
}

// TestLiveClientCAs asks a member of etcd, which reads its CA once, whose clients it lets in while its CA is replaced.
func TestLiveClientCAs(t *testing.T) {
	t.Parallel()
	q := newQuorum(t, 1, "--key-algorithm", "ECDSA-P256")
	q.start(t)
	s, member := q.sites[0], q.members[0]
	require.NoError(t, q.AwaitEtcd(limited(t), q.processes[0], member))
	ask := func() []string { return s.live(t, address(member.ClientURL()), address(member.PeerURL())) }
	both := func(line string) []string {
		return []string{strings.ReplaceAll(line, "ROW", "etcd-server"), strings.ReplaceAll(line, "ROW", "etcd-peer")}
	}
	assert.Empty(t, ask())

	file := s.pki("etcd", "ca.crt")
	old, err := os.ReadFile(file)
	require.NoError(t, err)
	next := authority{}.sign(t, x509.Certificate{
		RawSubject: certificates(t, file)[0].RawSubject, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	require.NoError(t, os.WriteFile(file, append(slices.Clone(old), next.pem()...), 0o644))
	assert.Equal(t, both(`warning live-client-ca-partial: ROW: lets in clients of fewer CAs named "CN = etcd-ca" than there are in `+file), ask())

	q.processes[0].Stop(limit)
	q.processes, err = q.StartEtcd(member)
	require.NoError(t, err)
	require.NoError(t, q.AwaitEtcd(limited(t), q.processes[0], member))
	assert.Empty(t, ask())

	require.NoError(t, os.WriteFile(file, old, 0o644))
	assert.Equal(t, both(`warning live-client-ca-stale: ROW: also lets in clients of a CA named "CN = etcd-ca" that is not in `+file), ask())
}
