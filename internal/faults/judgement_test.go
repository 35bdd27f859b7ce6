//go:build linux && amd64

package faults_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestJudgement breaks each law by hand: a judge that sees nothing would find nothing wrong.
func TestJudgement(t *testing.T) {
	h := newHouse(t)
	base := h.after(t, world{}, append(words("init"), words(names)...))
	other := h.after(t, world{}, words("init"))
	fewer := h.after(t, base, words("certs renew apiserver --no-backup --drop-sans lb.example.com"))
	s := &scene{name: "renew", start: base, bin: h.bin, args: words("certs renew apiserver etcd-peer")}
	s.rehearse(t, h)
	copied := ""
	for name := range s.clean.copies() {
		copied = name
	}
	require.NotEmpty(t, copied)
	apiserver := world{"pki/apiserver.crt": s.clean["pki/apiserver.crt"], "pki/apiserver.key": s.clean["pki/apiserver.key"]}
	key, crt := base["pki/apiserver.key"], base["pki/apiserver.crt"]
	tests := []struct {
		name string
		now  world
		laws []string
	}{
		{"as it was", base, nil},
		{"done", s.clean, nil},
		{"a new pair without a copy", base.with(apiserver), []string{lawNoCopy}},
		{"a torn certificate", base.with(world{"pki/apiserver.crt": {0o644, crt.data[:300]}}), []string{lawTorn, lawNoCopy, lawHalf}},
		{"an empty kubeconfig", base.with(world{"admin.conf": {0o600, ""}}), []string{lawTorn, lawTouched, lawHalf}},
		{"a cut kubeconfig", base.with(world{"admin.conf": {0o600, base["admin.conf"].data[:1500]}}), []string{lawTorn, lawTouched, lawHalf}},
		{"a key for all", base.with(world{"pki/apiserver.key": {0o644, key.data}}), []string{lawLoose}},
		{"a staged key for all", base.with(world{"pki/.pkitool-X": {0o604, key.data}}), []string{lawLoose, lawLeft}},
		{"a file that stays", s.clean.with(world{"pki/.pkitool-X": {0o600, key.data}}), []string{lawLeft}},
		{"the old certificate, the new key", s.clean.with(world{"pki/apiserver.crt": crt}), []string{lawPair, lawHalf}},
		{"no certificate", s.clean.without("pki/apiserver.crt"), []string{lawHalf}},
		{"one pair done", s.clean.with(world{"pki/apiserver.crt": crt, "pki/apiserver.key": key}), nil},
		{"names lost", s.clean.with(world{"pki/apiserver.crt": fewer["pki/apiserver.crt"], "pki/apiserver.key": fewer["pki/apiserver.key"]}), []string{lawNeither}},
		{"another CA", base.with(world{"pki/ca.crt": other["pki/ca.crt"], "pki/ca.key": other["pki/ca.key"]}), []string{lawTouched, lawSigner, lawHalf}},
		{"a copy is missing", s.clean.without(copied + "/pki/apiserver.key"), []string{lawCopy, lawNoCopy}},
		{"a copy is cut", s.clean.with(world{copied + "/pki/apiserver.crt": {0o600, crt.data[:300]}}), []string{lawTorn, lawCopy, lawNoCopy}},
		{"a copy of something else", s.clean.with(world{copied + "/pki/apiserver.crt": other["pki/apiserver.crt"]}), []string{lawPair, lawCopy, lawNoCopy}},
		{"an empty directory of copies", base.with(world{"pkitool-backup-20260101T000000Z/": {mode: os.ModeDir | 0o700}}), []string{lawCopy}},
		{"an open directory of copies", s.clean.with(world{copied + "/": {mode: os.ModeDir | 0o755}}), []string{lawLoose}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := &judgement{scene: s}
			j.always(tt.now)
			j.copies(tt.now)
			j.wholly(tt.now)
			j.nothingLeft(tt.now, base)
			var laws []string
			seen := map[string]bool{}
			for _, d := range j.found {
				if !seen[d.law] {
					seen[d.law] = true
					laws = append(laws, d.law)
				}
			}
			assert.ElementsMatch(t, tt.laws, laws, "%v", j.found)
		})
	}
}

// TestTracer asks that a fault happens where it was ordered, and nowhere else, and is what it is called.
func TestTracer(t *testing.T) {
	h := newHouse(t)
	s := &scene{name: "issue", start: h.after(t, world{}, words("init")), bin: h.bin, args: words("certs issue --client --cn erin --out erin")}
	s.rehearse(t, h)
	play := func(k kind, at int) (outcome, world) { return h.once(t, trial{s, k, at}) }
	for _, k := range kinds {
		n := s.count(k)
		require.Positive(t, n, k.name)
		o, now := play(k, n)
		require.NotNil(t, o.Fault, k.name)
		met := 0
		for _, c := range o.Calls {
			if c.Injected {
				met++
				switch {
				case k.short && !k.lasts:
					assert.Positive(t, c.Result, "%s: %s", k.name, c)
				case !k.kill && (!k.lasts || met > 1):
					assert.Equal(t, -int64(k.errno), c.Result, "%s: %s", k.name, c)
				}
			}
		}
		if k.lasts {
			assert.Positive(t, met, k.name)
		} else {
			assert.Equal(t, 1, met, k.name)
		}
		assert.Equal(t, k.kill, o.Code == -1, k.name)
		if k.name == "short write" {
			assert.Zero(t, o.Code, o.Stderr)
			_, err := describe("erin.crt", now["erin.crt"])
			assert.NoError(t, err, "the rest was written by a second call")
		}
		o, _ = play(k, n+10)
		assert.Nil(t, o.Fault, k.name)
	}
	// What a full disk takes it takes from all that come after.
	o, _ := play(kind{name: "disk full", errno: syscall.ENOSPC, lasts: true, short: true}, 1)
	assert.Equal(t, 2, o.Code, o.Stderr)
}
