package verify

import (
	"crypto"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"

	//lint:ignore SA1019 old certificates are signed with it
	"golang.org/x/crypto/ripemd160"
)

// hashAlgorithm is a hash function of a signature.
type hashAlgorithm struct {
	name string
	oid  string
	size int
	bits int         // security in bits, as openssl's levels count it
	std  crypto.Hash // 0: not for crypto/rsa
	sum  func(out, data []byte) []byte
}

// The hash functions that openssl's default provider has. MD2, MD4 and MDC-2
// are not among them: signatures with them fail.
var hashes = [...]hashAlgorithm{
	{"SHA-256", "\x60\x86\x48\x01\x65\x03\x04\x02\x01", 32, 128, crypto.SHA256, func(out, b []byte) []byte {
		d := sha256.Sum256(b)
		return append(out, d[:]...)
	}},
	{"SHA-384", "\x60\x86\x48\x01\x65\x03\x04\x02\x02", 48, 192, crypto.SHA384, func(out, b []byte) []byte {
		d := sha512.Sum384(b)
		return append(out, d[:]...)
	}},
	{"SHA-512", "\x60\x86\x48\x01\x65\x03\x04\x02\x03", 64, 256, crypto.SHA512, func(out, b []byte) []byte {
		d := sha512.Sum512(b)
		return append(out, d[:]...)
	}},
	{"SHA-1", "\x2b\x0e\x03\x02\x1a", 20, 63, crypto.SHA1, func(out, b []byte) []byte {
		d := sha1.Sum(b)
		return append(out, d[:]...)
	}},
	{"SHA-224", "\x60\x86\x48\x01\x65\x03\x04\x02\x04", 28, 112, crypto.SHA224, func(out, b []byte) []byte {
		d := sha256.Sum224(b)
		return append(out, d[:]...)
	}},
	{"SHA-512/224", "\x60\x86\x48\x01\x65\x03\x04\x02\x05", 28, 112, crypto.SHA512_224, func(out, b []byte) []byte {
		d := sha512.Sum512_224(b)
		return append(out, d[:]...)
	}},
	{"SHA-512/256", "\x60\x86\x48\x01\x65\x03\x04\x02\x06", 32, 128, crypto.SHA512_256, func(out, b []byte) []byte {
		d := sha512.Sum512_256(b)
		return append(out, d[:]...)
	}},
	{"SHA3-224", "\x60\x86\x48\x01\x65\x03\x04\x02\x07", 28, 112, 0, func(out, b []byte) []byte {
		d := sha3.Sum224(b)
		return append(out, d[:]...)
	}},
	{"SHA3-256", "\x60\x86\x48\x01\x65\x03\x04\x02\x08", 32, 128, 0, func(out, b []byte) []byte {
		d := sha3.Sum256(b)
		return append(out, d[:]...)
	}},
	{"SHA3-384", "\x60\x86\x48\x01\x65\x03\x04\x02\x09", 48, 192, 0, func(out, b []byte) []byte {
		d := sha3.Sum384(b)
		return append(out, d[:]...)
	}},
	{"SHA3-512", "\x60\x86\x48\x01\x65\x03\x04\x02\x0a", 64, 256, 0, func(out, b []byte) []byte {
		d := sha3.Sum512(b)
		return append(out, d[:]...)
	}},
	{"MD5", "\x2a\x86\x48\x86\xf7\x0d\x02\x05", 16, 39, crypto.MD5, func(out, b []byte) []byte {
		d := md5.Sum(b)
		return append(out, d[:]...)
	}},
	{"RIPEMD-160", "\x2b\x24\x03\x02\x01", 20, 80, 0, func(out, b []byte) []byte {
		h := ripemd160.New()
		h.Write(b)
		return h.Sum(out)
	}},
	{"SM3", "\x2a\x81\x1c\xcf\x55\x01\x83\x11", 32, 128, 0, sumSM3},
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

// knownHash reports whether openssl knows the hash function by this identifier,
// though the default provider may not compute it.
func knownHash(oid string) bool {
	switch oid {
	case "\x2a\x86\x48\x86\xf7\x0d\x02\x04", "\x55\x08\x03\x65", // MD4, MDC-2
		"\x28\xcf\x06\x03\x00\x37",                                                                     // Whirlpool
		"\x2b\x06\x01\x04\x01\x8d\x3a\x0c\x02\x01\x10", "\x2b\x06\x01\x04\x01\x8d\x3a\x0c\x02\x02\x08": // BLAKE2
		return true
	}
	return hashByOID(oid) != nil
}
