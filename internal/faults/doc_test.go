// Package faults_test runs the built program under faults and judges what is left: a kill, an error or a short write at
// every call that changes something, a disk that fills up, a power cut, many processes at once. It is a program of its
// own that knows pkitool by its command line and its files only; its judge is crypto/x509 and encoding/pem.
// docs/reliability.md has the figures.
package faults_test
