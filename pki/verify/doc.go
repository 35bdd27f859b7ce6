// Package verify validates certification paths and decides exactly as
// `openssl verify` of OpenSSL 3.0 does: the same verdict, the same
// X509_V_ERR codes at the same depths, in the same order.
//
// The package is pure. Certificates, trust, revocation lists and the moment
// of validation are arguments, a [Report] of findings is the result; nothing
// is read from files, the clock or the environment. It does not use
// crypto/x509, whose rules differ in many places: ParseCertificate refuses
// what openssl reads, and Certificate.Verify builds and judges paths by
// other rules.
//
// Arithmetic on keys and signatures is the standard library's. What openssl judges
// and that does not know (keys of other types than RSA, ECDSA on P-224 to P-521 and
// Ed25519, a few hash functions), and what no Kubernetes component takes (RFC 3779,
// proxy certificates, Suite B), is named in the report and never OK.
//
// What comes in is taken as hostile. Every function here returns on every
// input, in time and memory proportional to it, within the limits that
// openssl sets itself (chain depth, number of name comparisons, size of the
// policy tree).
package verify
