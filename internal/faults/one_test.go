//go:build linux && amd64

package faults_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOneFault plays again what PKITOOL_FAULT names as a damage names it ("certs renew all: EIO at 12"), and shows the
// calls of the run and what it said.
func TestOneFault(t *testing.T) {
	wanted := os.Getenv("PKITOOL_FAULT")
	if wanted == "" {
		t.Skip("PKITOOL_FAULT names no fault to play again")
	}
	h := newHouse(t)
	scenes := append(h.scenes(t), h.kubeadmScenes(t)...)
	for _, s := range scenes {
		if !strings.HasPrefix(wanted, s.name+": ") {
			continue
		}
		s.rehearse(t, h)
		for _, one := range trials([]*scene{s}, 0) {
			if one.String() != wanted {
				continue
			}
			o, now := h.once(t, one)
			for i, c := range o.Calls {
				t.Logf("%3d %s = %d %v", i+1, strings.ReplaceAll(c.String(), h.dir+"/", ""), c.Result, map[bool]string{true: "<- the fault"}[c.Injected])
			}
			t.Logf("exit %d\n%s%s%v", o.Code, o.Stdout, o.Stderr, now.paths(func(string) bool { return true }))
			found, met, err := one.play(h)
			require.NoError(t, err)
			require.True(t, met)
			r := newResult()
			r.count(s.name, one.kind.name, found)
			r.judge(t, "")
			return
		}
	}
	assert.Fail(t, "there is no such fault", wanted)
}
