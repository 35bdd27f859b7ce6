// Package cluster starts the real Kubernetes control plane on loopback from a PKI folder and a kubeconfig folder,
// with the flags of kubeadm's static pods, and ends it again. Linux only: it relies on /proc and on parent-death signals.
package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/pkitool/pkitool/e2e/build"
)

// Machine is a folder and the processes that live in it. Every process dies with the machine, and with us if we are killed.
type Machine struct {
	Tools build.Tools
	// Dir holds everything the processes write: data, logs/, copies of kubeconfigs.
	Dir string

	start   chan func() // served by one OS thread, see serve
	stopped chan struct{}
	mu      sync.Mutex
	running []*Process
	ports   []heldPort
	strays  map[string]struct{} // sockets beyond loopback that were seen, see watchSockets
}

// Process is one running component.
type Process struct {
	Name string
	Args []string
	// Log is the path of the file that holds its stdout and stderr.
	Log string

	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait; valid once exited is closed
	quiet  []span
}

// NewMachine makes a machine in dir, which must exist. Close must be called.
func NewMachine(tools build.Tools, dir string) (*Machine, error) {
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	m := &Machine{Tools: tools, Dir: dir, start: make(chan func()), stopped: make(chan struct{}), strays: map[string]struct{}{}}
	go m.serve()
	go m.watchSockets(200 * time.Millisecond)
	return m, nil
}

// serve starts processes on one thread that lives as long as the machine does: the kernel ties the parent-death signal
// to the thread that forked, not to the program.
func (m *Machine) serve() {
	runtime.LockOSThread()
	for {
		select {
		case f := <-m.start:
			f()
		case <-m.stopped:
			return
		}
	}
}

// Start runs a component with args. Its environment is bare: no proxy, no home, no inherited KUBECONFIG.
func (m *Machine) Start(name, tool string, args ...string) (*Process, error) {
	p := &Process{Name: name, Args: args, Log: filepath.Join(m.Dir, "logs", name+".log"), exited: make(chan struct{})}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cluster: %s: %w", name, err)
	}
	defer log.Close()
	p.cmd = exec.Command(m.Tools.Path(tool), args...)
	p.cmd.Dir, p.cmd.Env = m.Dir, m.Env()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A group of its own: a Ctrl-C at the terminal reaches us, and we end the components in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	started := make(chan error)
	select {
	case m.start <- func() { started <- p.cmd.Start() }:
	case <-m.stopped:
		return nil, fmt.Errorf("cluster: %s: the machine is closed", name)
	}
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cluster: start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	m.mu.Lock()
	m.running = append(m.running, p)
	m.mu.Unlock()
	return p, nil
}

// Env is the environment of everything that runs on the machine.
func (m *Machine) Env() []string {
	return []string{"PATH=/usr/bin:/bin", "HOME=" + m.Dir, "TMPDIR=" + m.Dir, "KUBECONFIG="}
}

// Processes lists what was started, in order, ended ones too.
func (m *Machine) Processes() []*Process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.running)
}

// Close ends every process, the last started first, and waits for each.
func (m *Machine) Close() {
	processes := m.Processes()
	// API servers hold on to their watchers and etcd is what they complain about when it goes first: ask in reverse
	// order, and do not wait for good manners longer than a moment. Nothing on this machine is to survive.
	for _, p := range slices.Backward(processes) {
		p.Stop(300 * time.Millisecond)
	}
	m.releasePorts()
	select {
	case <-m.stopped:
	default:
		close(m.stopped)
	}
}

// Stop asks the process to end, kills it when grace is over, and returns when it is gone.
func (p *Process) Stop(grace time.Duration) {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, time.Minute}} {
		select {
		case <-p.exited:
			return
		default:
		}
		_ = p.cmd.Process.Signal(step.signal) // the only failure is that it ended by itself
		select {
		case <-p.exited:
			return
		case <-time.After(step.wait):
		}
	}
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ended says how the process ended, for people.
func (p *Process) ended() error {
	if p.err != nil {
		return fmt.Errorf("%s ended: %w", p.Name, p.err)
	}
	return fmt.Errorf("%s ended", p.Name)
}
