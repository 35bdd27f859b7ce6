package opensslcmd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// lookup finds anchors and CRLs that are not read in advance: those of -CApath, whose files are named by the hash of
// the subject (`openssl rehash`), and those of -CAstore, such a directory or a file. As in openssl they are asked when a
// path comes to a name, certificates only for names that the store does not have by then, and -CAstore after -CApath.
type lookup struct {
	dir       string // of -CApath
	storeDir  string // of -CAstore
	storeFile string

	sources *sources
	mu      sync.Mutex
	known   map[string]looked // what a hash gave; names that share a hash share the files
	refused []string          // lines about what was met there and is not supported
}

// looked is what there was for a hash. Where openssl has ended at something odd it does not find the name that it has
// looked for; what it has read stays for other names.
type looked struct {
	openssl.Objects
	spoilt bool
}

func newLookup(sources *sources) *lookup {
	return &lookup{known: map[string]looked{}, sources: sources}
}

// once reads what a key is for, the first time that somebody asks.
func (l *lookup) once(key string, read func() looked) looked {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, ok := l.known[key]
	if !ok {
		found = read()
		l.known[key] = found
	}
	return found
}

// maxHashFiles bounds how many files of one hash are read.
const maxHashFiles = 1000

// inDir reads HASH.0, HASH.1, ... (for CRLs HASH.r0 ...) of -CApath up to the first that is not there or that openssl
// stops at. It gives all that they hold, whatever the names.
func (l *lookup) inDir(hash uint32, forCRLs bool) looked {
	if l.dir == "" {
		return looked{}
	}
	prefix := fmt.Sprintf("%08x.", hash)
	if forCRLs {
		prefix += "r"
	}
	return l.once("dir "+prefix, func() looked {
		var found looked
		for n := range maxHashFiles {
			path := filepath.Join(l.dir, prefix+strconv.Itoa(n))
			data, err := readPath(path, nil)
			if err != nil {
				l.tooLarge(path, err)
				break
			}
			objects, whole := openssl.ParseHashed(data, forCRLs)
			l.take(&found.Objects, path, objects)
			if !whole {
				break
			}
		}
		return found
	})
}

// inStore reads all that -CAstore has: of a file everything, of a directory the files of that hash, in the order in
// which the file system lists them, up to the first that openssl ends at.
func (l *lookup) inStore(hash uint32) looked {
	prefix := fmt.Sprintf("%08x.", hash)
	if l.storeFile != "" {
		prefix = ""
	}
	return l.once("store "+prefix, func() (found looked) {
		for _, path := range l.storeFiles(prefix) {
			data, err := readURI(path, nil)
			l.tooLarge(path, err)
			objects, good := openssl.ParseCAStore(data)
			l.take(&found.Objects, path, objects)
			if found.spoilt = !good; found.spoilt {
				break
			}
		}
		return found
	})
}

func (l *lookup) storeFiles(prefix string) (paths []string) {
	if l.storeFile != "" {
		return []string{l.storeFile}
	}
	dir, err := os.Open(l.storeDir) // "" is none
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if isHashName(name, prefix) {
			paths = append(paths, filepath.Join(l.storeDir, name))
		}
	}
	return paths
}

// isHashName reports whether a file is called HASH.N or HASH.rN.
func isHashName(name, prefix string) bool {
	if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return false
	}
	digits := strings.TrimPrefix(name[len(prefix):], "r")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

func (l *lookup) take(found *openssl.Objects, path string, objects openssl.Objects) {
	found.Certificates = append(found.Certificates, objects.Certificates...)
	found.CRLs = append(found.CRLs, objects.CRLs...)
	l.sources.note(path, objects.Certificates)
	for _, what := range objects.Unsupported {
		l.refused = append(l.refused, path+": "+what+"\n")
	}
}

// tooLarge notes a file that is not read because of our bound.
func (l *lookup) tooLarge(path string, err error) {
	if line := tooLarge(err, path); line != "" {
		l.refused = append(l.refused, line)
	}
}

// said are the lines about what was met so far and is not supported.
func (l *lookup) said() []string {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.refused)
}

// finder looks names up for one target: in -CApath, and where that has none, in -CAstore, of which a file is taken once,
// as a whole. It gives all that was read; found is false where openssl does not come to the name.
func (l *lookup) finder() func(verify.Name) (read []*verify.Certificate, found bool) {
	whole := false
	return func(name verify.Name) ([]*verify.Certificate, bool) {
		read := l.inDir(name.Hash(), false).Certificates
		if len(certificatesOf(read, name)) > 0 || whole {
			return read, true
		}
		whole = l.storeFile != ""
		more := l.inStore(name.Hash())
		return append(slices.Clip(read), more.Certificates...), !more.spoilt
	}
}

// crls looks for the CRLs of an issuer, likewise, and gives all that was read.
func (l *lookup) crls(issuer verify.Name) []*verify.CRL {
	read := l.inDir(issuer.Hash(), true).CRLs
	if len(crlsOf(read, issuer)) == 0 {
		read = append(slices.Clip(read), l.inStore(issuer.Hash()).CRLs...)
	}
	return read
}

// closure is all that there is for a target and for what may be above it, whichever path is taken.
func (l *lookup) closure(r *request, target *verify.Certificate) (out []*verify.Certificate) {
	find, seen := l.finder(), map[string]bool{}
	ask := func(name verify.Name) {
		seen[name.Key()] = true
		if read, found := find(name); found {
			out = append(out, read...)
		}
	}
	if r.options.PartialChain {
		ask(target.Subject()) // it may be trusted itself
	}
	for queue := []*verify.Certificate{target}; len(queue) > 0; queue = queue[1:] {
		name := queue[0].Issuer()
		if !seen[name.Key()] {
			ask(name)
			queue = append(queue, certificatesOf(slices.Concat(r.anchors, r.untrusted, out), name)...)
		}
	}
	return out
}

func certificatesOf(all []*verify.Certificate, subject verify.Name) []*verify.Certificate {
	return slices.DeleteFunc(slices.Clone(all), func(c *verify.Certificate) bool { return !c.Subject().Equal(subject) })
}

func crlsOf(all []*verify.CRL, issuer verify.Name) []*verify.CRL {
	return slices.DeleteFunc(slices.Clone(all), func(l *verify.CRL) bool { return !l.Issuer().Equal(issuer) })
}
