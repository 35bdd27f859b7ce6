//go:build linux && amd64

package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The faults are those of `strace -e inject`, made with ptrace(2) as strace makes them, for two reasons: strace counts
// the calls of each thread by itself, so that "the 17th call of this run" cannot be said to it where threads come and
// go as Go's do; and its short write is one of which nothing is written, where a full disk writes the beginning.

// call is one call of the program that changes something below the root.
type call struct {
	Name string
	// Path is what it is about; To is the second name of a rename or a link.
	Path, To string
	FD       int
	Flags    int
	Mode     uint32
	Data     []byte // what is written
	Offset   int64  // of pwrite64 and ftruncate; -1: where the file stands
	Result   int64  // negative: the error
	Injected bool
}

func (c call) String() string {
	if c.To != "" {
		return c.Name + " " + c.Path + " -> " + c.To
	}
	return c.Name + " " + c.Path
}

// kind is a kind of fault.
type kind struct {
	name string
	// errno is the error of the call; 0: the call is not refused.
	errno syscall.Errno
	kill  bool
	// short lets the beginning of a write through; the rest is written by a second call, if the program makes one.
	short bool
	// lasts makes every call fail that comes after and would, as on a disk that stays full or read-only.
	lasts bool
	// twice kills the next run as well, soon after it has begun: while it mends what the first one left, if it does.
	twice bool
	// only are the calls that it can meet; nil: see meets.
	only func(call) bool
}

var kinds = []kind{
	{name: "SIGKILL", kill: true},
	{name: "SIGKILL twice", kill: true, twice: true},
	{name: "EIO", errno: syscall.EIO},
	{name: "ENOSPC", errno: syscall.ENOSPC},
	{name: "EROFS", errno: syscall.EROFS},
	{name: "EACCES", errno: syscall.EACCES},
	{name: "EINTR", errno: syscall.EINTR},
	{name: "short write", short: true},
	{name: "disk full", errno: syscall.ENOSPC, lasts: true, short: true},
	{name: "read-only", errno: syscall.EROFS, lasts: true},
}

// takesRoom are the calls that fail on a full disk.
var takesRoom = []string{"openat", "write", "pwrite64", "mkdirat", "linkat", "symlinkat", "fallocate"}

// meets reports whether a fault of this kind can happen at c.
func (k kind) meets(c call) bool {
	switch {
	case k.only != nil:
		return k.only(c)
	case k.short && !k.lasts:
		return c.Name == "write" && len(c.Data) > 1
	case k.short:
		return slices.Contains(takesRoom, c.Name)
	case k.lasts:
		return c.Name != "flock" && !strings.Contains(c.Name, "sync")
	}
	return true
}

// run is one traced run of the program.
type run struct {
	bin  string
	args []string
	env  []string
	dir  string // where it runs, and below which calls count
	kind kind
	at   int // the fault meets the at-th call that the kind can meet, from 1; 0: none
}

// outcome is what became of a run.
type outcome struct {
	Code           int // -1: killed
	Stdout, Stderr string
	Calls          []call
	Fault          *call // the first call that a fault met; nil if there was none
}

type thread struct {
	known  bool
	inCall bool
	call   *call
	args   syscall.PtraceRegs
	refuse syscall.Errno
}

type tracer struct {
	run
	pid     int
	threads map[int]*thread
	met     int
	out     outcome
}

// trace runs the program under ptrace.
func (r run) trace() (outcome, error) {
	runtime.LockOSThread() // ptrace knows threads only
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(context.Background(), r.bin, r.args...)
	cmd.Dir, cmd.Env = r.dir, r.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return outcome{}, err
	}
	t := &tracer{run: r, pid: cmd.Process.Pid, threads: map[int]*thread{}}
	hung := time.AfterFunc(10*time.Minute, func() { _ = syscall.Kill(t.pid, syscall.SIGKILL) })
	defer hung.Stop()
	err := t.follow()
	if err != nil {
		_ = syscall.Kill(t.pid, syscall.SIGKILL)
	}
	_ = cmd.Wait() // it was waited for; this ends the reading of its output
	t.out.Stdout, t.out.Stderr = stdout.String(), stderr.String()
	return t.out, err
}

// follow lets the threads run from call to call until the process has ended.
func (t *tracer) follow() error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &status, 0, nil); err != nil {
		return fmt.Errorf("wait for the first stop: %w", err)
	}
	options := unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(t.pid, options); err != nil {
		return fmt.Errorf("ptrace: %w", err)
	}
	t.threads[t.pid] = &thread{known: true}
	resume(t.pid, 0)
	for {
		// Only this process and its threads: other children of this thread are waited for by others.
		tid, err := syscall.Wait4(-t.pid, &status, unix.WALL|unix.WNOTHREAD, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		if status.Exited() || status.Signaled() {
			delete(t.threads, tid)
			if tid == t.pid {
				t.out.Code = status.ExitStatus() // -1 for a signal
				return nil
			}
			continue
		}
		t.stopped(tid, status)
	}
}

func (t *tracer) stopped(tid int, status syscall.WaitStatus) {
	th := t.threads[tid]
	if th == nil {
		th = &thread{}
		t.threads[tid] = th
	}
	signal := status.StopSignal()
	switch {
	case signal == syscall.SIGTRAP|0x80:
		if th.inCall = !th.inCall; th.inCall {
			t.enter(tid, th)
		} else {
			t.leave(tid, th)
		}
		signal = 0
	case signal == syscall.SIGTRAP:
		signal = 0 // a thread was made
	case signal == syscall.SIGSTOP && !th.known:
		signal = 0 // the thread that was made
	}
	th.known = true
	resume(tid, int(signal))
}

// resume may find the thread gone, when the process was killed.
func resume(tid, signal int) { _ = syscall.PtraceSyscall(tid, signal) }

// enter looks at a call that begins, and puts a fault in its way.
func (t *tracer) enter(tid int, th *thread) {
	th.call, th.refuse = nil, 0
	if syscall.PtraceGetRegs(tid, &th.args) != nil {
		return
	}
	c := t.read(tid, &th.args)
	if c == nil {
		return
	}
	th.call = c
	if t.at == 0 || !t.kind.meets(*c) {
		return
	}
	t.met++
	if t.met < t.at || t.met > t.at && !t.kind.lasts {
		return
	}
	c.Injected = true
	switch {
	case t.kind.kill:
		t.refuse(tid, th, syscall.EIO)
		_ = syscall.Kill(t.pid, syscall.SIGKILL)
		t.out.Calls = append(t.out.Calls, *c)
	case t.kind.short && t.met == t.at && c.Name == "write" && len(c.Data) > 1:
		c.Data = c.Data[:len(c.Data)/2]
		th.args.Rdx = uint64(len(c.Data))
		_ = syscall.PtraceSetRegs(tid, &th.args)
	default:
		t.refuse(tid, th, t.kind.errno)
	}
	if t.out.Fault == nil {
		met := *c
		t.out.Fault = &met
	}
}

// refuse makes the kernel pass over the call; leave then puts the error in its place.
func (t *tracer) refuse(tid int, th *thread, errno syscall.Errno) {
	th.refuse = errno
	regs := th.args
	regs.Orig_rax = ^uint64(0)
	_ = syscall.PtraceSetRegs(tid, &regs)
}

func (t *tracer) leave(tid int, th *thread) {
	if th.call == nil {
		return
	}
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &regs) != nil {
		return
	}
	if th.refuse != 0 {
		regs.Rax = uint64(-int64(th.refuse))
		_ = syscall.PtraceSetRegs(tid, &regs)
	}
	th.call.Result = int64(regs.Rax)
	t.out.Calls = append(t.out.Calls, *th.call)
	th.call = nil
}
