package verify

import (
	"crypto"
	_ "crypto/md5"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"

	"github.com/pkitool/pkitool/pki/verify/internal/objects"
)

// hashAlgorithm is a hash function of a signature.
type hashAlgorithm struct {
	name string
	oid  string
	bits int         // security in bits, as openssl's levels count it
	std  crypto.Hash // 0: none that is computed here
}

// The hash functions that openssl's default provider has. MD2, MD4 and MDC-2
// are not among them: signatures with them fail.
var hashes = [...]hashAlgorithm{
	{"SHA-256", "\x60\x86\x48\x01\x65\x03\x04\x02\x01", 128, crypto.SHA256},
	{"SHA-384", "\x60\x86\x48\x01\x65\x03\x04\x02\x02", 192, crypto.SHA384},
	{"SHA-512", "\x60\x86\x48\x01\x65\x03\x04\x02\x03", 256, crypto.SHA512},
	{"SHA-1", "\x2b\x0e\x03\x02\x1a", 63, crypto.SHA1},
	{"SHA-224", "\x60\x86\x48\x01\x65\x03\x04\x02\x04", 112, crypto.SHA224},
	{"SHA-512/224", "\x60\x86\x48\x01\x65\x03\x04\x02\x05", 112, crypto.SHA512_224},
	{"SHA-512/256", "\x60\x86\x48\x01\x65\x03\x04\x02\x06", 128, crypto.SHA512_256},
	{"SHA3-224", "\x60\x86\x48\x01\x65\x03\x04\x02\x07", 112, crypto.SHA3_224},
	{"SHA3-256", "\x60\x86\x48\x01\x65\x03\x04\x02\x08", 128, crypto.SHA3_256},
	{"SHA3-384", "\x60\x86\x48\x01\x65\x03\x04\x02\x09", 192, crypto.SHA3_384},
	{"SHA3-512", "\x60\x86\x48\x01\x65\x03\x04\x02\x0a", 256, crypto.SHA3_512},
	{"MD5", "\x2a\x86\x48\x86\xf7\x0d\x02\x05", 39, crypto.MD5},
	{"RIPEMD-160", "\x2b\x24\x03\x02\x01", 80, 0},
	{"SM3", "\x2a\x81\x1c\xcf\x55\x01\x83\x11", 128, 0},
}

// hashByName returns nil for "" and for what the default provider lacks.
func hashByName(name string) *hashAlgorithm {
	for i := range hashes {
		if hashes[i].name == name {
			return &hashes[i]
		}
	}
	return nil
}

func hashByOID(oid string) *hashAlgorithm {
	for i := range hashes {
		if hashes[i].oid == oid {
			return &hashes[i]
		}
	}
	return nil
}

func (h *hashAlgorithm) sum(message []byte) []byte {
	d := h.std.New()
	d.Write(message)
	return d.Sum(nil)
}

// named reports whether openssl has a name for the object identifier.
func named(oid string) bool {
	_, _, ok := objects.Names(dottedOID(oid))
	return ok
}
