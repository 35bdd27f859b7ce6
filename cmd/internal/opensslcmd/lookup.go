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
// the subject (`openssl rehash`), and those of -CAstore, such a directory or a file. As in openssl they are asked only
// for names that the -CAfile does not have, and -CAstore after -CApath.
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

// closure is what of the lookups can take part in the paths of one target. It walks all paths there could be: from the
// target to every certificate that bears its issuer's name, and on from there; openssl asks for the same names.
func (l *lookup) closure(r *request, target *verify.Certificate) openssl.Objects {
	w := &walk{lookup: l, request: r, inFile: map[string]bool{}, seen: map[string]bool{}, queue: []*verify.Certificate{target}}
	for _, c := range r.anchors {
		w.inFile[c.Subject().Key()] = true
	}
	if r.options.ExtendedCRL { // any of them may have issued a CRL
		w.queue = append(w.queue, r.untrusted...)
	}
	for len(w.queue) > 0 {
		c := w.queue[0]
		w.queue = w.queue[1:]
		w.ask(c.Issuer(), w.askedAgain(c, target))
		if c == target && r.options.PartialChain {
			w.ask(c.Subject(), true) // it may be trusted itself
		}
	}
	return w.out
}

// walk is a closure under way.
type walk struct {
	*lookup
	request *request
	inFile  map[string]bool // names that the store has already, by Key
	seen    map[string]bool
	queue   []*verify.Certificate
	out     openssl.Objects
	whole   bool // the -CAstore file has been taken, all of it
}

// askedAgain reports whether openssl asks a second time for the issuer of c that it has not found, and then finds what
// it has read meanwhile: where the untrusted certificates end, and for a self-signed target that may be trusted itself.
func (w *walk) askedAgain(c, target *verify.Certificate) bool {
	r := w.request
	if c == target && r.options.PartialChain && c.SelfSigned() {
		return true
	}
	below := c == target || slices.Contains(r.untrusted, c) && !w.inFile[c.Subject().Key()] // nothing trusted up to here
	return below && len(r.untrusted) > 0 && len(certificatesOf(r.untrusted, c.Issuer())) == 0
}

// ask looks a name up, once, and goes on to what bears it.
func (w *walk) ask(name verify.Name, again bool) {
	if w.seen[name.Key()] {
		return
	}
	w.seen[name.Key()] = true
	w.queue = append(w.queue, certificatesOf(w.request.anchors, name)...)
	w.queue = append(w.queue, certificatesOf(w.request.untrusted, name)...)
	if !w.inFile[name.Key()] {
		found := w.inDir(name.Hash(), false).Certificates
		if len(certificatesOf(found, name)) == 0 {
			found = append(slices.Clip(found), w.askStore(name, again)...)
		}
		for _, c := range found {
			w.inFile[c.Subject().Key()] = true
		}
		w.out.Certificates = append(w.out.Certificates, found...)
	}
	w.queue = append(w.queue, certificatesOf(w.out.Certificates, name)...)
	if w.request.options.CRLCheck {
		found := w.inDir(name.Hash(), true).CRLs
		if len(crlsOf(found, name)) == 0 {
			found = append(slices.Clip(found), w.inStore(name.Hash()).CRLs...)
		}
		w.out.CRLs = append(w.out.CRLs, found...)
	}
}

// askStore is for a name that is nowhere else. A file is then taken once, as a whole.
func (w *walk) askStore(name verify.Name, again bool) []*verify.Certificate {
	if w.whole {
		return nil
	}
	w.whole = w.storeFile != ""
	found := w.inStore(name.Hash())
	if found.spoilt && !again {
		return slices.DeleteFunc(slices.Clone(found.Certificates), func(c *verify.Certificate) bool { return c.Subject().Equal(name) })
	}
	return found.Certificates
}

func certificatesOf(all []*verify.Certificate, subject verify.Name) []*verify.Certificate {
	return slices.DeleteFunc(slices.Clone(all), func(c *verify.Certificate) bool { return !c.Subject().Equal(subject) })
}

func crlsOf(all []*verify.CRL, issuer verify.Name) []*verify.CRL {
	return slices.DeleteFunc(slices.Clone(all), func(l *verify.CRL) bool { return !l.Issuer().Equal(issuer) })
}
