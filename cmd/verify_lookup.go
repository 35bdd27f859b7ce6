package cmd

import (
	"fmt"
	"path/filepath"
	"sync"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// lookup finds anchors and CRLs that are not read in advance: in directories whose files are named by the hash of the
// subject (`openssl rehash`), and in a -CAstore file. As in openssl they are asked only for names that the -CAfile
// does not have.
type lookup struct {
	dirs []string
	file string

	sources *sources
	mu      sync.Mutex
	known   map[string]*found // by canonical hash and kind; names that share a hash share the files
	rest    *found            // of the file
}

type found struct {
	certificates []*verify.Certificate
	crls         []*verify.CRL
}

func newLookup(r *verifyRequest) *lookup {
	return &lookup{known: map[string]*found{}, sources: r.sources}
}

// maxHashFiles bounds how many files of one hash are read.
const maxHashFiles = 1000

// byHash reads HASH.0, HASH.1, ... (for CRLs HASH.r0 ...) of every directory up to the first that is not there.
func (l *lookup) byHash(hash uint32, crls bool) *found {
	infix := ""
	if crls {
		infix = "r"
	}
	key := fmt.Sprintf("%08x.%s", hash, infix)
	l.mu.Lock()
	defer l.mu.Unlock()
	if f, ok := l.known[key]; ok {
		return f
	}
	f := new(found)
	for _, dir := range l.dirs {
		for n := range maxHashFiles {
			path := filepath.Join(dir, fmt.Sprintf("%s%d", key, n))
			data, err := readVerifyFile(path)
			if err != nil {
				break
			}
			if objects, err := openssl.ParseStore(data); err == nil {
				f.certificates = append(f.certificates, objects.Certificates...)
				f.crls = append(f.crls, objects.CRLs...)
				l.sources.note(path, objects.Certificates)
			}
		}
	}
	l.known[key] = f
	return f
}

// whole reads the -CAstore file, once.
func (l *lookup) whole() *found {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rest != nil {
		return l.rest
	}
	l.rest = new(found)
	if l.file == "" {
		return l.rest
	}
	if data, err := readVerifyFile(l.file); err == nil {
		objects := openssl.Parse(data, nil)
		l.rest = &found{objects.Certificates, objects.CRLs}
		l.sources.note(l.file, objects.Certificates)
	}
	return l.rest
}

// closure is what of the store can take part in a chain above these certificates: all that bear a name that one of
// them, or one found so, has as subject or issuer.
func (l *lookup) closure(anchors []*verify.Certificate, start []*verify.Certificate) found {
	var out found
	inFile := map[string]bool{}
	for _, c := range anchors {
		inFile[c.Subject().Key()] = true
	}
	seen := map[string]bool{}
	queue := append([]*verify.Certificate{}, start...)
	take := func(f *found, name verify.Name) {
		for _, c := range f.certificates {
			if c.Subject().Equal(name) {
				out.certificates = append(out.certificates, c)
				queue = append(queue, c)
			}
		}
		for _, crl := range f.crls {
			if crl.Issuer().Equal(name) {
				out.crls = append(out.crls, crl)
			}
		}
	}
	for len(queue) > 0 {
		c := queue[0]
		queue = queue[1:]
		for _, name := range []verify.Name{c.Issuer(), c.Subject()} {
			key := name.Key()
			if seen[key] {
				continue
			}
			seen[key] = true
			take(l.byHash(name.Hash(), true), name)
			if inFile[key] {
				continue
			}
			before := len(out.certificates)
			take(l.byHash(name.Hash(), false), name)
			if len(out.certificates) == before {
				take(l.whole(), name)
			}
		}
	}
	return out
}
