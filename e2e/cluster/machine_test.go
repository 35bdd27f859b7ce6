package cluster

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/build"
)

// TestMain lets the test program be a component too: started with an argument, it plays that part.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && !strings.HasPrefix(os.Args[1], "-") {
		play(os.Args[1], os.Args[2])
		return
	}
	os.Exit(m.Run())
}

// play does what a component of ours never may, or never should have to.
func play(part, argument string) {
	switch part {
	case "listen":
		l, err := net.Listen("tcp", argument)
		if err != nil {
			os.Exit(1)
		}
		defer l.Close()
	case "say":
		os.Stderr.WriteString(argument + "\n")
	case "orphan": // starts a child on a machine of its own, says its process id, and waits to be killed
		m, err := NewMachine(self(), argument)
		if err != nil {
			os.Exit(1)
		}
		p, err := m.Start("child", filepath.Base(os.Args[0]), "listen", "127.0.0.1:0")
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString(strconv.Itoa(p.cmd.Process.Pid) + "\n")
	}
	time.Sleep(time.Minute)
}

// self is the folder of the test program, as if it were one of components.
func self() build.Tools { return build.Tools{Dir: filepath.Dir(os.Args[0])} }

func newTestMachine(t *testing.T) *Machine {
	t.Helper()
	m, err := NewMachine(self(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(m.Close)
	return m
}

func (m *Machine) play(t *testing.T, name, part, argument string) *Process {
	t.Helper()
	p, err := m.Start(name, filepath.Base(os.Args[0]), part, argument)
	require.NoError(t, err)
	return p
}

func TestStrays(t *testing.T) {
	m := newTestMachine(t)
	m.play(t, "good", "listen", "127.0.0.1:0")
	m.play(t, "good6", "listen", "[::1]:0")
	m.play(t, "bad", "listen", "0.0.0.0:0")
	require.Eventually(t, func() bool { return len(m.Strays()) > 0 }, 10*time.Second, 50*time.Millisecond)
	strays := m.Strays()
	require.Len(t, strays, 1)
	assert.Contains(t, strays[0], "bad tcp")
}

func TestComplaints(t *testing.T) {
	const (
		fault   = `E1124 17:15:05.868602 1 authentication.go:75] "Unable to authenticate the request" err="[x509: certificate has expired]"`
		etcd    = `{"level":"warn","msg":"rejected connection on client endpoint","error":"tls: client didn't provide a certificate"}`
		unknown = `E1124 17:15:07.126743 1 leaderelection.go:452] "Error retrieving lease lock" err="Unauthorized" lock="kube-system/kube-scheduler"`
		asked   = `E1124 17:15:07.126743 1 reflector.go:205] "Failed to watch" err="the server has asked for the client to provide credentials (get nodes)"`
		group   = `W1124 17:15:06.343087 1 genericapiserver.go:798] Skipping API certificates.k8s.io/v1beta1 because it has no resources.`
		started = `I1124 17:15:13.550774 1 certificate_controller.go:120] "Starting certificate controller" name="csrapproving"`
		hangUp  = `W1124 17:15:05.907057 1 logging.go:55] grpc: Err: connection error: desc = "transport: authentication handshake failed: context canceled"`
		between = `E1124 17:15:42.434629 1 dynamic_serving_content.go:221] "Unhandled Error" err="key failed with : tls: private key does not match public key" logger="UnhandledError"`
		unfit   = `E1124 17:15:42.434629 1 run.go:72] "command failed" err="tls: private key does not match public key"`
	)
	for line, counts := range map[string]bool{between: false, unfit: true, fault: true, etcd: true, unknown: true, asked: true, group: false, started: false, hangUp: false} {
		m := newTestMachine(t)
		p := m.play(t, "component", "say", line)
		require.Eventually(t, func() bool { return p.logSize() > 0 }, 10*time.Second, 10*time.Millisecond)
		complaints, err := m.Complaints()
		require.NoError(t, err)
		if counts {
			assert.Equal(t, []string{"component: " + line}, complaints)
		} else {
			assert.Empty(t, complaints)
		}
	}
}

func TestProvokeHidesWhatIsWrittenMeanwhile(t *testing.T) {
	m := newTestMachine(t)
	m.Provoke(func() {
		p := m.play(t, "provoked", "say", "x509: on purpose")
		require.Eventually(t, func() bool { return p.logSize() > 0 }, 10*time.Second, 10*time.Millisecond)
	})
	complaints, err := m.Complaints()
	require.NoError(t, err)
	assert.Empty(t, complaints)

	p := m.play(t, "other", "say", "x509: not on purpose")
	require.Eventually(t, func() bool { return p.logSize() > 0 }, 10*time.Second, 10*time.Millisecond)
	complaints, err = m.Complaints()
	require.NoError(t, err)
	assert.Equal(t, []string{"other: x509: not on purpose"}, complaints)
}

func TestCloseEndsEveryProcess(t *testing.T) {
	m := newTestMachine(t)
	p := m.play(t, "component", "listen", "127.0.0.1:0")
	m.Close()
	assert.ErrorIs(t, syscall.Kill(p.cmd.Process.Pid, 0), syscall.ESRCH)
	_, err := m.Start("late", filepath.Base(os.Args[0]), "say", "hello")
	assert.EqualError(t, err, "cluster: late: the machine is closed")
}

func TestNothingOutlivesUs(t *testing.T) {
	parent := exec.Command(os.Args[0], "orphan", t.TempDir())
	stdout, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line := make([]byte, 20)
	n, err := stdout.Read(line)
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(child, 0), "the child runs")
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	assert.Eventually(t, func() bool { return !alive(child) }, 10*time.Second, 20*time.Millisecond)
}

// alive tells a running process from one that only waits to be collected by whoever inherited it.
func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestWith(t *testing.T) {
	args := []string{"--secure-port=6443", "--tls-cert-file=/pki/apiserver.crt"}
	assert.Equal(t, []string{"--tls-cert-file=/pki/apiserver.crt", "--secure-port=1", "--bind-address=127.0.0.1"},
		with(args, flag{"secure-port", "1"}, flag{"bind-address", "127.0.0.1"}))
	assert.Equal(t, "/pki/apiserver.crt", valueOf(args, "tls-cert-file"))
	assert.Empty(t, valueOf(args, "tls"))
}

func TestPorts(t *testing.T) {
	m := newTestMachine(t)
	for _, address := range []string{"127.0.0.1", "::1"} {
		ports, err := m.Ports(address, 5)
		if address == "::1" && err != nil {
			t.Logf("no IPv6 here: %v", err)
			continue
		}
		require.NoError(t, err)
		require.Len(t, ports, 5)
		ip := netip.MustParseAddr(address)
		for _, port := range ports {
			l, err := net.Listen("tcp", hostPort(address, port))
			require.NoError(t, err, "a component can listen on it")
			_, err = holdPort(ip, port)
			require.ErrorIs(t, err, syscall.EADDRINUSE, "while a component listens")
			l.Close()
			_, err = holdPort(ip, port)
			require.ErrorIs(t, err, syscall.EADDRINUSE, "nobody else is given it before and after")
		}
		defer func() { // the machine is closed
			held, err := holdPort(ip, ports[0])
			require.NoError(t, err)
			syscall.Close(int(held))
		}()
	}
	_, err := m.Ports("192.0.2.1", 1)
	assert.ErrorContains(t, err, "cluster: no port on 192.0.2.1: ")
	_, err = m.Ports("localhost", 1)
	assert.ErrorContains(t, err, "cluster: no port: ")
	m.Close()
}
