package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki/store"
)

// report says each fault on a line of its own, with the hint that belongs to it, and gives the code.
func TestReport(t *testing.T) {
	at := func(err error) error { return &store.Error{Path: "pki/ca.key", Err: err} }
	tests := []struct {
		name string
		err  error
		want string
		code int
	}{
		{"no space", at(syscall.ENOSPC), "error: no space left on device (pki/ca.key)\nhint: make room and run the same command again: all files are as they were\n", 2},
		{"quota", at(syscall.EDQUOT), "error: disk quota exceeded (pki/ca.key)\nhint: make room and run the same command again: all files are as they were\n", 2},
		{"unfinished", &store.UnfinishedError{Err: at(syscall.ENOSPC), Back: at(syscall.EIO)},
			"error: no space left on device (pki/ca.key); what was there before could not be put back: input/output error (pki/ca.key)\n" +
				"hint: the next run finishes the change, or takes it back: mend what the error names and run the same command again\n", 2},
		{"interrupted", &phases.InterruptedError{Dir: "pki"}, "error: a run was stopped in the midst of a change, or is at work (pki)\n" +
			"hint: `pkitool certs check-expiration` finishes the change, or takes it back, as a user who may write there\n", 2},
		{"read-only", at(syscall.EROFS), "error: read-only file system (pki/ca.key)\nhint: choose directories on a file system that can be written, with --cert-dir and --kubeconfig-dir\n", 2},
		{"permission", at(fs.ErrPermission), "error: permission denied (pki/ca.key)\nhint: run as a user who has the rights to it\n", 2},
		{"not permitted", at(syscall.EPERM), "error: operation not permitted (pki/ca.key)\nhint: run as a user who has the rights to it\n", 2},
		{"link", at(store.ErrSymlink), "error: is a symbolic link, not written through (pki/ca.key)\nhint: replace the link by the file, or use the directory that the link leads to\n", 2},
		{"directory", at(store.ErrIsDir), "error: is a directory (pki/ca.key)\nhint: move it away: a file belongs there\n", 2},
		{"pipe", at(store.ErrNotRegular), "error: is not a regular file (pki/ca.key)\nhint: move it away: a file belongs there\n", 2},
		{"file", at(store.ErrNotDir), "error: is not a directory (pki/ca.key)\nhint: move it away, or choose other directories with --cert-dir and --kubeconfig-dir: a directory belongs there\n", 2},
		{"several", errors.Join(at(store.ErrIsDir), errors.Join(errors.New("a"), errors.New("b"))),
			"error: is a directory (pki/ca.key)\nhint: move it away: a file belongs there\nerror: a\nerror: b\n", 2},
		{"several with one hint", errors.Join(at(fs.ErrPermission), at(fs.ErrPermission), at(store.ErrIsDir)),
			"error: permission denied (pki/ca.key)\nerror: permission denied (pki/ca.key)\nhint: run as a user who has the rights to it\n" +
				"error: is a directory (pki/ca.key)\nhint: move it away: a file belongs there\n", 2},
		{"configuration", &config.Errors{Faults: []config.Fault{{Source: "a:1", Text: "x", Hint: "h"}, {Source: "a:2", Text: "y", Hint: "h"}}, More: 1},
			"error: a:1: x\nerror: a:2: y\nhint: h\nerror: and 1 more\n", 2},
		{"wrapped", fmt.Errorf("ca: %w", at(syscall.EROFS)), "error: ca: read-only file system (pki/ca.key)\nhint: choose directories on a file system that can be written, with --cert-dir and --kubeconfig-dir\n", 2},
		{"owner", at(fmt.Errorf("belongs to user 7, and %w", store.ErrOwner)),
			"error: belongs to user 7, and others can put files into its directory (pki/ca.key)\nhint: run the command as that user, or see that the file is yours, and make yourself its owner\n", 2},
		{"locked", at(&store.LockedError{PID: 7, Name: "x\x1b[2J", File: "pki/.pkitool.lock"}),
			"error: locked by another process (pid 7, x\\x1b[2J) (pki/ca.key)\nhint: run the same command again when that process has ended, or wait longer with --lock-timeout\n", 2},
		{"perhaps locked", at(&store.LockedError{File: "pki/.pkitool.lock", Blind: true}),
			"error: locked by another process (pki/ca.key)\nhint: run the same command again when no other run is at work there; if none is, remove pki/.pkitool.lock, which a run left that was killed\n", 2},
		{"interrupted", at(&store.LockedError{Cause: errors.New("interrupted")}), "error: locked by another process: interrupted (pki/ca.key)\n", 2},
		{"quiet", &quietError{code: 7}, "", 7},
		{"proof", fmt.Errorf("%w", &phases.ProofError{}), "error: \n", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, tt.code, report(&Env{Stderr: &out}, tt.err))
			assert.Equal(t, tt.want, out.String())
		})
	}
}

// However much a file makes us quote, and however many faults it has, what is told is what somebody reads.
func TestReportBounded(t *testing.T) {
	huge := strings.Repeat("x", 1<<18)
	var refused []phases.Action
	for i := range 300 {
		refused = append(refused, phases.Action{Verb: phases.Refuse, Findings: []finding.Finding{*finding.New(finding.CAForbids, huge).At(fmt.Sprint(i), "", "")}})
	}
	for name, c := range map[string]struct {
		err   error
		lines int
	}{
		"a name":           {fmt.Errorf("common name (CN) %q is longer than 64 characters", huge), 1},
		"a list":           {errors.New("asks for the names " + strings.Repeat("DNS:a, ", 1<<16)), 1},
		"many":             {errors.Join(slices.Repeat([]error{errors.New(huge)}, 500)...), maxTold + 1},
		"many of one file": {&refusedRequest{"a.csr", errors.Join(slices.Repeat([]error{errors.New("x")}, 5000)...)}, maxTold + 1},
		"a hint":           {&hinted{errors.New("x"), huge}, 2},
		"configuration":    {&config.Errors{Faults: []config.Fault{{Source: huge, Text: huge, Hint: huge}}}, 2},
		"findings":         {&phases.RefusedError{Plan: phases.Plan{Actions: refused}}, maxTold + 3},
	} {
		var out bytes.Buffer
		report(&Env{Stderr: &out}, c.err)
		assert.Equal(t, c.lines, strings.Count(out.String(), "\n"), name)
		for line := range strings.Lines(out.String()) {
			assert.Less(t, len(line), 4200, name)
		}
		if c.lines > maxTold {
			assert.Contains(t, out.String(), "\nerror: and ", name)
		}
	}
	var out bytes.Buffer
	report(&Env{Stderr: &out}, fmt.Errorf("users.csv:2: common name (CN) %q is longer than 64 characters", huge))
	assert.Equal(t, `error: users.csv:2: common name (CN) "`+strings.Repeat("x", 223)+"..."+strings.Repeat("x", 30)+`" is longer than 64 characters`+"\n", out.String())
}

// The kernel's tables of routes, as Linux writes them.
func TestRoutes(t *testing.T) {
	for _, tt := range []struct {
		line, iface string
		metric      uint64
		ok          bool
	}{
		{"eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0", "eth0", 100, true},
		{"eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", "", 0, false}, // not the default
		{"eth0\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0", "eth0", 0, false},
		{"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT", "", 0, false},
		{"", "", 0, false},
		{"eth0\t00000000\tx\tzz\t0\t0\tzz\t00000000", "eth0", 0, false},
	} {
		iface, metric, ok := routeV4(tt.line)
		assert.Equal(t, tt.ok, ok, tt.line)
		if ok {
			assert.Equal(t, tt.iface, iface)
			assert.Equal(t, tt.metric, metric)
		}
	}
	const zeros = "00000000000000000000000000000000"
	for _, tt := range []struct {
		line, iface string
		metric      uint64
		ok          bool
	}{
		{zeros + " 00 " + zeros + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0", "eth0", 1024, true},
		{zeros + " 00 " + zeros + " 00 " + zeros + " ffffffff 00000001 00000000 00200200       lo", "", 0, false}, // unreachable
		{"fd00" + zeros[4:] + " 40 " + zeros + " 00 " + zeros + " 00000100 00000001 00000000 00000001     eth0", "", 0, false},
		{"x", "", 0, false},
	} {
		iface, metric, ok := routeV6(tt.line)
		assert.Equal(t, tt.ok, ok, tt.line)
		if ok {
			assert.Equal(t, tt.iface, iface)
			assert.Equal(t, tt.metric, metric)
		}
	}
}
