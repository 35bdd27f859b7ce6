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
// What comes in is taken as hostile. Every function here returns on every
// input, in time and memory proportional to it, within the limits that
// openssl sets itself (chain depth, number of name comparisons, size of the
// policy tree).
package verify
