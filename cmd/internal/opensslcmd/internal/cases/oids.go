package cases

import "crypto"

const (
	oidRSA     = "1.2.840.113549.1.1.1"
	oidPSS     = "1.2.840.113549.1.1.10"
	oidMGF1    = "1.2.840.113549.1.1.8"
	oidECKey   = "1.2.840.10045.2.1"
	oidP224    = "1.3.132.0.33"
	oidP256    = "1.2.840.10045.3.1.7"
	oidP384    = "1.3.132.0.34"
	oidP521    = "1.3.132.0.35"
	oidEd25519 = "1.3.101.112"
	oidEd448   = "1.3.101.113"
	oidDSA     = "1.2.840.10040.4.1"

	oidSKID         = "2.5.29.14"
	oidKeyUsage     = "2.5.29.15"
	oidSAN          = "2.5.29.17"
	oidIAN          = "2.5.29.18"
	oidBC           = "2.5.29.19"
	oidCRLNumber    = "2.5.29.20"
	oidReason       = "2.5.29.21"
	oidDelta        = "2.5.29.27"
	oidIDP          = "2.5.29.28"
	oidCertIssuer   = "2.5.29.29"
	oidNC           = "2.5.29.30"
	oidCRLDP        = "2.5.29.31"
	oidPolicies     = "2.5.29.32"
	oidAnyPolicy    = "2.5.29.32.0"
	oidMappings     = "2.5.29.33"
	oidAKID         = "2.5.29.35"
	oidConstraints  = "2.5.29.36"
	oidEKU          = "2.5.29.37"
	oidAnyEKU       = "2.5.29.37.0"
	oidFreshest     = "2.5.29.46"
	oidInhibitAny   = "2.5.29.54"
	oidNSCertType   = "2.16.840.1.113730.1.1"
	oidProxy        = "1.3.6.1.5.5.7.1.14"
	oidIPBlocks     = "1.3.6.1.5.5.7.1.7"
	oidASNumbers    = "1.3.6.1.5.5.7.1.8"
	oidNoCheck      = "1.3.6.1.5.5.7.48.1.5"
	oidSmtpUTF8     = "1.3.6.1.5.5.7.8.9"
	oidUPN          = "1.3.6.1.4.1.311.20.2.3"
	oidUnknown      = "1.2.3.4.5.6"
	oidServerAuth   = "1.3.6.1.5.5.7.3.1"
	oidClientAuth   = "1.3.6.1.5.5.7.3.2"
	oidCodeSigning  = "1.3.6.1.5.5.7.3.3"
	oidEmail        = "1.3.6.1.5.5.7.3.4"
	oidTimeStamping = "1.3.6.1.5.5.7.3.8"
	oidOCSPSigning  = "1.3.6.1.5.5.7.3.9"
	oidMSSGC        = "1.3.6.1.4.1.311.10.3.3"
	oidNSSGC        = "2.16.840.1.113730.4.1"
	oidCN           = "2.5.4.3"
	oidSN           = "2.5.4.4"
	oidC            = "2.5.4.6"
	oidL            = "2.5.4.7"
	oidO            = "2.5.4.10"
	oidOU           = "2.5.4.11"
	oidDC           = "0.9.2342.19200300.100.1.25"
	oidUID          = "0.9.2342.19200300.100.1.1"
	oidEmailAddress = "1.2.840.113549.1.9.1"
	oidSerialNumber = "2.5.4.5"
	oidUnknownAttr  = "1.2.3.4.9"
	oidProxyInherit = "1.3.6.1.5.5.7.21.1"
)

var digestOID = map[crypto.Hash]string{
	crypto.MD5: "1.2.840.113549.2.5", crypto.SHA1: "1.3.14.3.2.26", crypto.RIPEMD160: "1.3.36.3.2.1",
	crypto.SHA224: "2.16.840.1.101.3.4.2.4", crypto.SHA256: "2.16.840.1.101.3.4.2.1",
	crypto.SHA384: "2.16.840.1.101.3.4.2.2", crypto.SHA512: "2.16.840.1.101.3.4.2.3",
	crypto.SHA512_224: "2.16.840.1.101.3.4.2.5", crypto.SHA512_256: "2.16.840.1.101.3.4.2.6",
	crypto.SHA3_224: "2.16.840.1.101.3.4.2.7", crypto.SHA3_256: "2.16.840.1.101.3.4.2.8",
	crypto.SHA3_384: "2.16.840.1.101.3.4.2.9", crypto.SHA3_512: "2.16.840.1.101.3.4.2.10",
}

var rsaOID = map[crypto.Hash]string{
	crypto.MD5: "1.2.840.113549.1.1.4", crypto.SHA1: "1.2.840.113549.1.1.5", crypto.RIPEMD160: "1.3.36.3.3.1.2",
	crypto.SHA224: "1.2.840.113549.1.1.14", crypto.SHA256: "1.2.840.113549.1.1.11",
	crypto.SHA384: "1.2.840.113549.1.1.12", crypto.SHA512: "1.2.840.113549.1.1.13",
	crypto.SHA512_224: "1.2.840.113549.1.1.15", crypto.SHA512_256: "1.2.840.113549.1.1.16",
	crypto.SHA3_224: "2.16.840.1.101.3.4.3.13", crypto.SHA3_256: "2.16.840.1.101.3.4.3.14",
	crypto.SHA3_384: "2.16.840.1.101.3.4.3.15", crypto.SHA3_512: "2.16.840.1.101.3.4.3.16",
}

var ecdsaOID = map[crypto.Hash]string{
	crypto.SHA1: "1.2.840.10045.4.1", crypto.SHA224: "1.2.840.10045.4.3.1", crypto.SHA256: "1.2.840.10045.4.3.2",
	crypto.SHA384: "1.2.840.10045.4.3.3", crypto.SHA512: "1.2.840.10045.4.3.4",
	crypto.SHA3_224: "2.16.840.1.101.3.4.3.9", crypto.SHA3_256: "2.16.840.1.101.3.4.3.10",
	crypto.SHA3_384: "2.16.840.1.101.3.4.3.11", crypto.SHA3_512: "2.16.840.1.101.3.4.3.12",
}

// algorithm is the AlgorithmIdentifier of a signature by k over h; a digest that the scheme has no name for gives
// SHA-256's.
func (k *key) algorithm(h crypto.Hash, pss bool) []byte {
	switch k.kind {
	case kindEd25519:
		return seq(oid(oidEd25519))
	case kindEC:
		return seq(oid(ecdsaOID[k.digest(h)]))
	}
	if pss || k.kind == kindPSS {
		return pssAlgorithm(h)
	}
	return seq(oid(rsaOID[h]), null())
}

func pssAlgorithm(h crypto.Hash) []byte {
	hash := seq(oid(digestOID[h]), null())
	return seq(oid(oidPSS), seq(cons(0, hash), cons(1, seq(oid(oidMGF1), hash)), cons(2, integer(int64(h.Size())))))
}

// digest is h, or SHA-256 where the key's scheme has no name for h.
func (k *key) digest(h crypto.Hash) crypto.Hash {
	table := rsaOID
	switch k.kind {
	case kindEC:
		table = ecdsaOID
	}
	if _, ok := table[h]; !ok {
		return crypto.SHA256
	}
	return h
}

func (k *key) sign(h crypto.Hash, pss bool, message []byte) []byte {
	if k.pss != nil && (pss || k.kind == kindPSS) {
		return k.pss(h, message)
	}
	return k.raw(k.digest(h), message)
}
