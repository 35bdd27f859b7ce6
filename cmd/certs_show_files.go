package cmd

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
	"github.com/pkitool/pkitool/pki/store"
)

// maxSiblings bounds how many files of a directory are looked at for a CA, and maxSiblingBytes how much of them: a
// directory of bundles is not read for one certificate.
const (
	maxSiblings     = 256
	maxSiblingBytes = store.MaxSize
)

// shower reads files, and for each the CAs beside it, once per directory.
type shower struct {
	env     *Env
	objects []shownObject
	faults  []error
	cas     map[string]siblings
}

// siblings are the CAs beside a file, and what is there and cannot be read: one of them may be in it.
type siblings struct {
	cas    []knownCA
	closed string
}

// knownCA is a CA certificate and its file.
type knownCA struct {
	file string
	ca   inspect.Object
}

// showFiles reads every file; the errors of those that cannot be read come joined, beside what can.
func showFiles(env *Env, files []string) ([]shownObject, error) {
	s := &shower{env: env, objects: []shownObject{}, cas: map[string]siblings{}}
	for _, f := range files {
		name := f
		if f == "-" {
			name = "stdin"
		}
		data, err := readInput(f, env.Stdin)
		if err != nil {
			s.faults = append(s.faults, err)
			continue
		}
		dir := filepath.Dir(f)
		if f == "-" {
			dir = ""
		}
		if c, err := kubeconfigIn(data); err != nil {
			s.faults = append(s.faults, inFile(name, err))
		} else if c != nil {
			s.kubeconfig(name, dir, c)
		} else {
			s.add(name, "", dir, data)
		}
	}
	return s.objects, errors.Join(s.faults...)
}

// kubeconfigIn is the kubeconfig that data is; nil if it is PEM, DER or nothing that looks like one.
func kubeconfigIn(data []byte) (*kubeconfig.Config, error) {
	if !inspect.IsText(data) || !bytes.Contains(data, []byte("clusters")) && !bytes.Contains(data, []byte("users")) {
		return nil, nil
	}
	return kubeconfig.Parse(data)
}

// add takes the objects of a file, or of one field of a kubeconfig. dir is where its siblings are, "" for nowhere.
func (s *shower) add(name, field, dir string, data []byte) []inspect.Object {
	objects, faults := inspect.Parse(data)
	for _, f := range faults {
		f.Entry = within(field, f.Entry)
		s.faults = append(s.faults, f.At("", "", name))
	}
	beside := s.beside(dir)
	candidates := append(casOf(name, objects), beside.cas...) // those of the file itself come first
	issuers := issuersOf(candidates)
	for i, o := range objects {
		o.Where = within(field, o.Where)
		shown := shownObject{File: name, Description: o.Describe(), object: o, first: i == 0, closed: beside.closed}
		shown.findSigner(candidates, issuers)
		shown.judge(s.env.Now)
		if field == "" && dir != "" {
			shown.findKey(objects)
		}
		s.objects = append(s.objects, shown)
	}
	return objects
}

// judge says what Kubernetes components mind about a certificate by itself.
func (s *shownObject) judge(now time.Time) {
	if s.object.Certificate == nil {
		return
	}
	for _, f := range judge.Object(s.object.Certificate.Raw, now) {
		s.Findings = append(s.Findings, f.Shown(finding.Import))
	}
}

// within is a place in a field of a kubeconfig; either may be empty.
func within(field, place string) string { return strings.Trim(field+", "+place, ", ") }

func (s *shownObject) findSigner(candidates []knownCA, issuers *inspect.Issuers) {
	if s.SelfSigned {
		return
	}
	if i, ok := issuers.Of(s.object); ok {
		s.SignedBy = candidates[i].file
	}
}

func issuersOf(candidates []knownCA) *inspect.Issuers {
	var cas []inspect.Object
	for _, c := range candidates {
		cas = append(cas, c.ca)
	}
	return inspect.NewIssuers(cas)
}

// beside are the CAs in the directory of a file and in the directory etcd below it, where kubeadm keeps the CA of
// apiserver-etcd-client.crt. What cannot be read there is not what was asked about.
func (s *shower) beside(dir string) siblings {
	if dir == "" {
		return siblings{}
	}
	if _, ok := s.cas[dir]; !ok {
		var found siblings
		for _, d := range []string{dir, filepath.Join(dir, "etcd")} {
			found.look(d)
		}
		s.cas[dir] = found
	}
	return s.cas[dir]
}

func (s *siblings) look(dir string) {
	entries, err := store.ReadDir(dir, 16*maxSiblings)
	s.denied(dir, err)
	var files []string
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".crt", ".pem", ".cer", ".cert":
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(files)
	left := maxSiblingBytes
	for _, f := range files[:min(len(files), maxSiblings)] {
		got, err := store.Read(f)
		if s.denied(f, err); err != nil || len(got.Data) > left {
			continue
		}
		left -= len(got.Data)
		objects, _ := inspect.Parse(got.Data) // its faults are those of another file
		s.cas = append(s.cas, casOf(f, objects)...)
	}
}

func (s *siblings) denied(path string, err error) {
	if errors.Is(err, fs.ErrPermission) && s.closed == "" {
		s.closed = path
	}
}

// casOf are the CAs among the objects of a file.
func casOf(file string, objects []inspect.Object) []knownCA {
	var out []knownCA
	for _, o := range objects {
		if o.IsCA() {
			out = append(out, knownCA{file, o})
		}
	}
	return out
}

// findKey compares with the private key of the same file, or of the file of that name with a key's ending.
func (s *shownObject) findKey(objects []inspect.Object) {
	if s.object.Public == nil || s.Kind == inspect.KindPrivateKey {
		return
	}
	for _, o := range objects {
		if o.Kind == inspect.KindPrivateKey && o.Public != nil {
			s.judgeKey(s.File, o.Public)
			return
		}
	}
	base := strings.TrimSuffix(s.File, filepath.Ext(s.File))
	for _, f := range []string{base + ".key", base + "-key.pem"} {
		if f == s.File {
			continue
		}
		got, err := store.Read(f)
		if err != nil {
			continue
		}
		if key, err := pki.ParsePrivateKey(got.Data); err == nil {
			s.judgeKey(f, key.Public())
			return
		}
	}
}

// judgeKey says whether the key is the object's. A bundle holds certificates that the key does not belong to, so only
// a leaf and the first object of a file can fail.
func (s *shownObject) judgeKey(file string, pub crypto.PublicKey) {
	same := pki.SameKey(s.object.Public, pub)
	if !same && !s.first {
		return
	}
	s.KeyFile, s.KeyMatches = file, &same
}

// kubeconfig takes what a kubeconfig embeds, and the files that it names.
func (s *shower) kubeconfig(name, dir string, c *kubeconfig.Config) {
	var anchors []knownCA
	before := len(s.objects)
	faults := len(s.faults)
	take := func(entry, field string, data []byte, path string) {
		switch {
		case len(data) > 0:
			anchors = append(anchors, casOf(name, s.add(name, entry+" "+field+"-data", "", data))...)
		case path != "":
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			got, err := store.Read(path)
			if err != nil {
				s.faults = append(s.faults, inFile(name, fmt.Errorf("%s %s: %w", entry, field, err)))
				return
			}
			s.add(path, "", filepath.Dir(path), got.Data)
		}
	}
	for _, cl := range c.Clusters {
		take(fmt.Sprintf("cluster %q", cl.Name), "certificate-authority", cl.CA, cl.CAFile)
	}
	for _, u := range c.Users {
		entry := fmt.Sprintf("user %q", u.Name)
		from := len(s.objects)
		take(entry, "client-certificate", u.ClientCert, u.ClientCertFile)
		middle := len(s.objects)
		take(entry, "client-key", u.ClientKey, u.ClientKeyFile)
		s.pair(from, middle)
	}
	anchors = append(anchors, s.beside(dir).cas...)
	issuers := issuersOf(anchors)
	for i := before; i < len(s.objects); i++ {
		if s.objects[i].SignedBy == "" {
			s.objects[i].findSigner(anchors, issuers)
		}
	}
	if len(s.objects) == before && len(s.faults) == faults {
		s.faults = append(s.faults, inFile(name, errors.New("kubeconfig holds and names no certificate or key")))
	}
}

// pair compares the certificates of a user, from..middle, with the key behind them.
func (s *shower) pair(from, middle int) {
	if middle < len(s.objects) && from < middle && s.objects[from].KeyMatches == nil {
		if key := s.objects[middle]; key.object.Public != nil && s.objects[from].object.Public != nil {
			s.objects[from].judgeKey(key.File, key.object.Public)
		}
	}
}
