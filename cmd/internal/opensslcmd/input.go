package opensslcmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// errNotOpen is a file that cannot even be opened: openssl says so in other words than of one without content.
var errNotOpen = errors.New("cannot be opened")

// readURI reads a file that openssl would take as a URI: a path, or one behind "file:". It uses the buffer as far as
// that goes.
func readURI(name string, buffer []byte) ([]byte, error) {
	data, err := readPath(name, buffer)
	if path, ok := fileURI(name); ok && err == errNotOpen {
		return readPath(path, buffer)
	}
	return data, err
}

// readPath reads a file that openssl takes as a path and nothing else: that of -CAfile, and those in the directory of
// -CApath.
func readPath(name string, buffer []byte) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errNotOpen
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readAll(f, info.Size(), buffer)
}

// maxFile is the largest file or stream that is verified or trusted: a revocation list of 350,000 entries. openssl
// reads whatever there is, /dev/zero too.
const maxFile = 16 << 20

// errTooLarge is said beside what openssl says of a file that it cannot read.
var errTooLarge = errors.New("is larger than 16 MiB")

// readAll reads to the end, of a file that claims to have size bytes. It takes memory by what is there, not by the
// bound, and none for what fits into the buffer: thousands of targets are read this way. It may be a pipe:
// `-CAfile <(kubectl ...)` is common.
func readAll(r io.Reader, size int64, buffer []byte) ([]byte, error) {
	if size > maxFile {
		return nil, errTooLarge
	}
	data := bytes.NewBuffer(buffer[:0])
	data.Grow(int(size) + bytes.MinRead) // ReadFrom wants room for one more read to see the end
	n, err := data.ReadFrom(io.LimitReader(r, maxFile+1))
	if err == nil && n > maxFile {
		return nil, errTooLarge
	}
	return data.Bytes(), err
}

// fileURI is the path in a URI of a local file: absolute, and with nothing decoded.
func fileURI(name string) (string, bool) {
	path, ok := withoutPrefix(name, "file:")
	if !ok {
		return "", false
	}
	if authority, ok := strings.CutPrefix(path, "//"); ok {
		path = authority
		if _, local := withoutPrefix(authority, "localhost/"); local {
			path = authority[len("localhost"):]
		}
	}
	return path, strings.HasPrefix(path, "/")
}

// withoutPrefix cuts a prefix off, in whatever case it is written.
func withoutPrefix(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// loadCertificates reads all certificates of a file, openssl's way.
func (r *request) loadCertificates(name, what string) ([]*verify.Certificate, error) {
	data, err := readURI(name, nil)
	found := openssl.Parse(data, nil)
	if err != nil || len(found.Certificates) == 0 || len(found.Unsupported) > 0 {
		return nil, &errSaid{notLoaded(err, "certs of "+what, "any "+what, name) + lines(found.Unsupported)}
	}
	r.sources.note(name, found.Certificates)
	return found.Certificates, nil
}

// notLoaded is what openssl says of a file that cannot be opened, or that has not what is wanted.
func notLoaded(err error, opened, read, name string) string {
	name = terminal.Line(name)
	if err == errNotOpen {
		return fmt.Sprintf("Could not open file or uri for loading %s from %s\n", opened, name)
	}
	return fmt.Sprintf("Could not read %s from %s\n", read, name) + tooLarge(err, name)
}

// tooLarge is the line about a file over the bound, which openssl does not have.
func tooLarge(err error, name string) string {
	if err != errTooLarge {
		return ""
	}
	return fmt.Sprintf("verify: %s %v\n", terminal.Line(name), err)
}

// lines ends each sentence with a line.
func lines(sentences []string) string {
	var out strings.Builder
	for _, s := range sentences {
		out.WriteString(s + "\n")
	}
	return out.String()
}

func addTrusted(r *request, value string) error {
	r.trustSaid, r.trustedGiven = true, true
	certificates, err := r.loadCertificates(value, "trusted certificates")
	r.trusted = append(r.trusted, certificates...)
	return err
}

func addUntrusted(r *request, value string) error {
	certificates, err := r.loadCertificates(value, "untrusted certificates")
	r.untrusted = append(r.untrusted, certificates...)
	return err
}

func addCRLs(r *request, value string) error {
	data, err := readURI(value, nil)
	found := openssl.Parse(data, nil)
	if err != nil || len(found.CRLs) == 0 {
		return &errSaid{notLoaded(err, "other CRLs", "any other CRLs", value)}
	}
	r.crls = append(r.crls, found.CRLs...)
	return nil
}

// loadAnchors reads the -CAfile and prepares -CApath and -CAstore, in openssl's order and words.
func (r *request) loadAnchors() error {
	if r.caFile != nil {
		data, err := readPath(*r.caFile, nil)
		var found openssl.Objects
		if err == nil {
			found, err = openssl.ParseStore(data)
		}
		if err != nil {
			return &errSaid{fmt.Sprintf("Error loading file %s\n", terminal.Line(*r.caFile)) + tooLarge(err, *r.caFile) + lines(found.Unsupported)}
		}
		r.anchors, r.storeCRLs = found.Certificates, found.CRLs
		r.sources.note(*r.caFile, found.Certificates)
	}
	if r.caPath == nil && r.caStore == nil {
		return nil
	}
	r.lookup = newLookup(r.sources)
	if r.caPath != nil {
		r.lookup.dir = *r.caPath
	}
	if r.caStore == nil {
		return nil
	}
	path := *r.caStore
	info, err := os.Stat(path)
	if local, ok := fileURI(path); err != nil && ok {
		path = local
		info, err = os.Stat(path)
	}
	switch {
	case err != nil:
		return &errSaid{fmt.Sprintf("Error loading store URI %s\n", terminal.Line(*r.caStore))}
	case info.IsDir():
		r.lookup.storeDir = path
	default:
		r.lookup.storeFile = path
	}
	return nil
}

// target is one certificate to verify.
type target struct {
	name        string // as given, "stdin" for none
	certificate *verify.Certificate
	said        string // openssl's sentences where there is no certificate
}

// loadTarget reads the first certificate of a file or of standard input. It may use the buffer, and the certificate
// may lie in it.
func (r *request) loadTarget(name string, buffer []byte) target {
	shown := name
	var data []byte
	var err error
	if r.readsStdin {
		shown = "<stdin>"
		data, err = readAll(r.env.Stdin, 0, buffer)
	} else {
		data, err = readURI(name, buffer)
		if err == errNotOpen && r.env.Settle != nil {
			dir := filepath.Dir(name)
			settle, _ := r.settling.LoadOrStore(dir, sync.OnceFunc(func() { r.env.Settle(dir) }))
			settle.(func())()
			data, err = readURI(name, buffer)
		}
	}
	found := openssl.Parse(data, func(o openssl.Objects) bool { return len(o.Certificates) > 0 })
	if err != nil || len(found.Certificates) == 0 {
		const what = "certificate file"
		return target{name: name, said: notLoaded(err, what, what, shown) + "Unable to load certificate file\n" + lines(found.Unsupported)}
	}
	return target{name: name, certificate: found.Certificates[0]}
}

// sources remembers which file an anchor or an intermediate came from, the first where there are several.
type sources struct {
	mu   sync.Mutex
	file map[*verify.Certificate]string
}

func (s *sources) note(file string, certificates []*verify.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range certificates {
		s.file[c] = file
	}
}

func (s *sources) of(c *verify.Certificate) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file[c]
}
