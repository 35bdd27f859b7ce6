//go:build linux && amd64

package faults_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// damage is a broken law: which one, and what was seen.
type damage struct{ law, seen string }

const (
	lawTorn      = "a file is torn"
	lawLoose     = "a private key can be read by others"
	lawPair      = "a key and a certificate do not match"
	lawSigner    = "a certificate is not signed by the directory's CA"
	lawNeither   = "a file is neither old nor new"
	lawTouched   = "a file is changed that the command does not change"
	lawCopy      = "a copy is not whole under its final name"
	lawNoCopy    = "a file is replaced or gone, and there is no copy of it"
	lawHalf      = "an error leaves a pair that is neither old nor new"
	lawSome      = "an error leaves some of the files that belong together"
	lawLeft      = "a file is left over"
	lawExit      = "the exit code is wrong"
	lawText      = "the error is not told as it should"
	lawSwallowed = "an error is swallowed"
	lawHeal      = "the next command does not heal"
	lawAgain     = "the same command again does not complete"
)

// judgement collects damages.
type judgement struct {
	scene *scene
	found []damage
}

func (j *judgement) add(law, format string, args ...any) {
	j.found = append(j.found, damage{law, fmt.Sprintf(format, args...)})
}

// always are the laws that hold at every moment, whatever happened: a reader may come at any of them.
func (j *judgement) always(now world) {
	for _, p := range now.paths(func(string) bool { return true }) {
		f := now[p]
		if strings.HasSuffix(p, "/") {
			if f.mode.Perm()&0o077 != 0 {
				j.add(lawLoose, "%s has mode %04o", p, f.mode.Perm())
			}
			continue
		}
		if f.mode.Perm()&0o077 != 0 && (strings.Contains(f.data, "PRIVATE KEY") || strings.Contains(f.data, "client-key-data")) {
			j.add(lawLoose, "%s has mode %04o", p, f.mode.Perm())
		}
		if isStaged(p) {
			continue
		}
		text, err := describe(p, f)
		switch {
		case errors.Is(err, errNoMatch):
			j.add(lawPair, "%s", p)
		case err != nil:
			j.add(lawTorn, "%s: %v", p, err)
		case isFinal(p) && !j.scene.isOld(p, f) && text != j.scene.says[p]:
			j.add(lawNeither, "%s: %s; new is %s", p, text, j.scene.says[p])
		}
	}
	j.pairs(now)
	j.signers(now)
	for p, f := range j.scene.start {
		if clean, ok := j.scene.clean[p]; ok && clean.data == f.data && now[p].data != f.data {
			j.add(lawTouched, "%s", p)
		}
	}
}

// signers asks of every certificate whether a CA of the directory signed it.
func (j *judgement) signers(now world) {
	var cas []*x509.Certificate
	for _, p := range now.paths(func(p string) bool { return isFinal(p) && strings.HasSuffix(p, "ca.crt") }) {
		chain, err := chainOf(now[p])
		if err == nil {
			cas = append(cas, chain...)
		}
	}
	for _, p := range now.paths(func(p string) bool { return isFinal(p) && path.Ext(p) == ".crt" }) {
		chain, err := chainOf(now[p])
		if err != nil {
			continue
		}
		if !slices.ContainsFunc(cas, func(ca *x509.Certificate) bool { return chain[0].CheckSignatureFrom(ca) == nil }) {
			j.add(lawSigner, "%s", p)
		}
	}
}

func (s *scene) isOld(p string, f file) bool {
	old, ok := s.start[p]
	return ok && old.data == f.data
}

// pairs looks at every key, and what is there beside it; in the copies, too.
func (j *judgement) pairs(now world) {
	for _, p := range now.paths(func(p string) bool { return path.Ext(p) == ".key" && !isStaged(p) }) {
		base := strings.TrimSuffix(p, ".key")
		key, err := keyOf(now[p])
		if err != nil {
			continue // torn: said already
		}
		if f, ok := now[base+".crt"]; ok && errors.Is(matchPair(f, now[p]), errNoMatch) {
			j.add(lawPair, "%s", p)
		}
		if f, ok := now[base+".csr"]; ok {
			if r, err := requestOf(f); err == nil && !samePublic(key, r.PublicKey) {
				j.add(lawPair, "%s.csr", base)
			}
		}
	}
}

// copies: each that is there is as a clean run makes it, of the old files; and there is one of each file that is no
// longer as it was, where a clean run makes one.
func (j *judgement) copies(now world) {
	wanted := map[string]bool{}
	for name, files := range j.scene.clean.copies() {
		wanted[setOf(name, files)] = true
	}
	for name, files := range now.copies() {
		if _, old := j.scene.start.copies()[name]; old {
			continue
		}
		if !wanted[setOf(name, files)] {
			j.add(lawCopy, "%s has %d files: %s", name, len(files), setOf(name, files))
			continue
		}
		for p, f := range files {
			if !j.scene.isOld(original(name, p), f) {
				j.add(lawCopy, "%s/%s is not the old file", name, p)
			}
		}
	}
	j.kept(now)
}

func (j *judgement) kept(now world) {
	held := map[string]bool{}
	for _, files := range now.copies() {
		for _, f := range files {
			held[f.data] = true
		}
	}
	for name, files := range j.scene.clean.copies() {
		for p, f := range files {
			if p := original(name, p); now[p].data != f.data && !held[f.data] {
				j.add(lawNoCopy, "%s", p)
			}
		}
	}
}

// original is the file that a copy is of: copies lie as below the directory of the scene.
func original(name, p string) string {
	if p == "" {
		return regexp.MustCompile(`\.[0-9]{8}T[0-9]{6}Z(-[0-9]+)?\.bak$`).ReplaceAllString(name, "")
	}
	return p
}

func setOf(name string, files world) string {
	if _, ok := files[""]; ok {
		return original(name, "")
	}
	return strings.Join(files.paths(func(string) bool { return true }), " ")
}

// wholly: after an error that left the program alive, each pair is as it was or as it shall be.
func (j *judgement) wholly(now world) {
	units := map[string][]string{}
	for p := range j.scene.start.with(j.scene.clean) {
		if isFinal(p) {
			unit := p
			if slices.Contains([]string{".key", ".crt", ".pub"}, path.Ext(p)) {
				unit = strings.TrimSuffix(p, path.Ext(p))
			}
			units[unit] = append(units[unit], p)
		}
	}
	old, done := 0, 0
	for unit, files := range units {
		isOld, isNew, differs := true, true, false
		for _, p := range files {
			was, had := j.scene.start[p]
			clean, has := j.scene.clean[p]
			is, there := now[p]
			isOld = isOld && had == there && was.data == is.data
			isNew = isNew && has == there && (was.data == is.data) == (was.data == clean.data)
			differs = differs || had != has
		}
		if !isOld && !isNew {
			slices.Sort(files)
			j.add(lawHalf, "%s: of %v there is %v", unit, files, now.paths(func(p string) bool { return slices.Contains(files, p) }))
		}
		if isOld && differs {
			old++
		} else if differs {
			done++
		}
	}
	if j.scene.together && old > 0 && done > 0 {
		j.add(lawSome, "%d are there and %d are not", done, old)
	}
}

// complete: everything is there and says what a clean run's says.
func (j *judgement) complete(law string, now world) {
	for p, says := range j.scene.says {
		f, ok := now[p]
		if !ok {
			j.add(law, "%s is missing", p)
			continue
		}
		if text, err := describe(p, f); err != nil || text != says {
			j.add(law, "%s: %s %v; wanted %s", p, text, err, says)
		}
	}
}

// lockFile is where a directory is locked: who holds the lock removes it, or, after a kill, who comes next.
const lockFile = ".pkitool.lock"

// nothingLeft: nothing is there that was not there before, or that a clean run does not leave.
func (j *judgement) nothingLeft(now, before world) {
	for p := range now {
		_, clean := j.scene.says[p]
		_, old := before[p]
		if !clean && !old && !isCopy(p) {
			j.add(lawLeft, "%s", p)
		}
	}
}

var doneLine = regexp.MustCompile(`(?m)^(done|[0-9]+ certificates? in place)`)

// told: an error is said with its file, a code of its own, and without a word of success.
func (j *judgement) told(o outcome, dir string) {
	if o.Code != 1 && o.Code != 2 {
		j.add(lawExit, "exit %d: %s", o.Code, o.Stderr)
		return
	}
	if j.scene.foreign {
		return
	}
	switch {
	case strings.Contains(o.Stderr, "goroutine ") || strings.Contains(o.Stderr, "panic:"):
		j.add(lawText, "panic: %s", o.Stderr)
	case doneLine.MatchString(o.Stdout):
		j.add(lawText, "says it is done: %s", o.Stdout)
	case !strings.HasPrefix(o.Stderr, "error: ") && !strings.Contains(o.Stderr, "\nerror: "):
		j.add(lawText, "no error is told: %q", o.Stderr)
	case o.Fault == nil && !strings.Contains(o.Stderr, "no space left on device ("):
		j.add(lawText, "a full disk is not named: %s", o.Stderr)
	case o.Fault != nil && !j.names(o, dir):
		j.add(lawText, "the file is not named: %s met %s", o.Stderr, o.Fault)
	}
}

// stagedDir is a directory of copies, before it has its name, too.
var stagedDir = regexp.MustCompile(`^(pkitool-backup-|\.pkitool-[^/]+(/|$))`)

// names reports whether the error names the file that the fault met. A staged file has the name of what it shall be, a
// copy that of its directory.
func (j *judgement) names(o outcome, dir string) bool {
	rel, err := filepath.Rel(dir, o.Fault.Path)
	if err != nil {
		return false
	}
	if path.Base(rel) == lockFile && strings.Contains(o.Stderr, "(") {
		return true // where nothing can be made nothing is locked: what cannot be written after all is named
	}
	if strings.Contains(o.Stderr, "("+rel+")") || strings.Contains(o.Stderr, "("+o.Fault.Path+")") || stagedDir.MatchString(rel) && strings.Contains(o.Stderr, "pkitool-backup-") {
		return true
	}
	for p := range j.scene.start.with(j.scene.clean) {
		if (path.Dir(p) == path.Dir(rel) || path.Dir(p) == rel) && strings.Contains(o.Stderr, p) {
			return true
		}
	}
	for up := rel; ; up = path.Dir(up) {
		if strings.Contains(o.Stderr, "("+up+")") {
			return true
		}
		if up == "." || up == "/" {
			return false
		}
	}
}
