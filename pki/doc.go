// Package pki makes X.509 certificates: from a key, a template and an
// authority to a certificate that is proven equal to its template. It knows
// nothing of files, of the clock and of Kubernetes.
package pki
