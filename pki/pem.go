package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/finding"
)

const (
	byteOrderMark = "\xef\xbb\xbf"
	pemBegin      = "-----BEGIN "
	certificate   = "CERTIFICATE"
)

// part is one PEM block of a file, as encoding/pem sees it, and with it every Kubernetes component; or one that they do
// not see, and pass over without a word: half a bundle would pass for a whole one.
type part struct {
	kind   string           // from its first line; "" if that is damaged, and it may be anything
	block  *pem.Block       // nil: not seen
	unseen *finding.Finding // why not
}

// may reports whether the part is of a kind, or may have been.
func (p part) may(kind func(string) bool) bool { return p.kind == "" || kind(p.kind) }

func isCertificate(kind string) bool { return kind == certificate }

// parts are the PEM blocks of a file, seen or not. A file without any is an error; der is openssl's command that reads
// what was looked for.
func parts(data []byte, der string) ([]part, error) {
	var out []part
	seen := 0
	for start := nextBlock(data, 0); start < len(data); {
		end := nextBlock(data, start+1)
		text := data[start:end]
		p := part{}
		p.block, _ = pem.Decode(text)
		if bare, ok := bytes.CutPrefix(text, []byte(byteOrderMark)); ok && p.block == nil {
			if b, _ := pem.Decode(bytes.TrimLeft(bare, " \t")); b != nil {
				p.unseen = finding.New(finding.ByteOrderMark)
			}
		}
		if p.block != nil {
			seen++
		}
		_, line, _ := strings.Cut(string(text[:min(len(text), 200)]), pemBegin)
		line, _, _ = strings.Cut(line, "\n")
		p.kind, _, _ = strings.Cut(line, "-----")
		if !strings.Contains(line, "-----") {
			p.kind = ""
		}
		out = append(out, p)
		start = end
	}
	for i, p := range out {
		if p.block == nil && p.unseen == nil {
			out[i].unseen = finding.New(finding.PEMDamaged, strconv.Itoa(seen), strconv.Itoa(len(out)))
		}
	}
	switch bare := bytes.TrimPrefix(data, []byte(byteOrderMark)); {
	case len(out) > 0:
		return out, nil
	case len(bytes.TrimSpace(bare)) == 0:
		return nil, finding.New(finding.FileEmpty)
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return nil, finding.New(finding.UTF16)
	case data[0] == 0x30:
		return nil, finding.New(finding.DERInsteadOfPEM, der)
	}
	return nil, finding.New(finding.PEMMissing)
}

// nextBlock is the beginning of the first line at or behind from that begins a PEM block, or that would, if there were
// no white space or byte-order mark in front; len(data) if there is none. A block in a comment is none.
func nextBlock(data []byte, from int) int {
	for i := from; ; {
		n := bytes.Index(data[i:], []byte(pemBegin))
		if n < 0 {
			return len(data)
		}
		line := bytes.LastIndexByte(data[:i+n], '\n') + 1
		before := data[line : i+n]
		if line == 0 {
			before = bytes.TrimPrefix(before, []byte(byteOrderMark))
		}
		if line >= from && len(bytes.Trim(before, " \t")) == 0 {
			return line
		}
		next := bytes.IndexByte(data[i+n:], '\n')
		if next < 0 {
			return len(data)
		}
		i += n + next
	}
}

// why is unseen in words that fit into a note.
func (p part) why() string {
	if p.unseen.ID == finding.ByteOrderMark {
		return "there is a byte-order mark in front of it"
	}
	return "its PEM is damaged"
}

// firstKind says what a file holds instead of what was looked for. It is
// whatever somebody wrote there: quoted, so that it cannot write on a terminal.
func firstKind(all []part) string {
	t := all[0].kind
	if len(t) > 40 {
		t = strings.ToValidUTF8(t[:40], "") + "..."
	}
	return strconv.Quote(t)
}

func broken(n int, err error) *finding.Finding {
	return finding.New(finding.CertificateBroken, strconv.Itoa(n), strings.TrimPrefix(err.Error(), "x509: "))
}

// ParseCertificates reads the file of a leaf, in order, as crypto/tls and client-go do: blocks of other kinds and PEM
// headers do not matter. Each certificate is read, the ones that are sent along too. Errors are findings.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	return certificatesOf(data, isCertificate, func(der []byte, n int) ([]*x509.Certificate, error) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, broken(n, err)
		}
		return []*x509.Certificate{c}, nil
	})
}

// certificatesOf reads the blocks of a kind, in order: read gets the content of each, and the number that its first
// certificate has.
func certificatesOf(data []byte, kind func(string) bool, read func(der []byte, n int) ([]*x509.Certificate, error)) ([]*x509.Certificate, error) {
	all, err := parts(data, "x509")
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, p := range all {
		if !p.may(kind) {
			continue
		}
		if p.block == nil {
			return nil, p.unseen
		}
		list, err := read(p.block.Bytes, len(out)+1)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	if len(out) == 0 {
		return nil, finding.New(finding.CertificateNone, firstKind(all))
	}
	return out, nil
}

// TrustReader is who reads a file of trusted CAs: they differ in what they pass over and what they refuse.
type TrustReader int

const (
	// ClientTrust is crypto/x509's CertPool.AppendCertsFromPEM: what a kubeconfig trusts. It passes over what it
	// cannot read; one good certificate is enough.
	ClientTrust TrustReader = iota
	// ServerTrust is client-go's cert.ParseCertsPEM: the client CAs of kube-apiserver, kubelet and
	// kube-controller-manager. It fails on a certificate that cannot be parsed.
	ServerTrust
	// EtcdTrust is etcd's tlsutil.NewCertPool, in etcd and in kube-apiserver's connection to it. It takes every block
	// for a certificate, with headers too, and fails on one that cannot be parsed.
	EtcdTrust
)

// ParseTrust reads the trusted CAs of a file as by does. notes (finding.BundlePartRefused) are about certificates that
// by passes over without a word. Errors are findings: by refuses the file, or nothing is left of it.
func ParseTrust(data []byte, by TrustReader) (certs []*x509.Certificate, notes []finding.Finding, err error) {
	all, err := parts(data, "x509")
	if err != nil {
		return nil, nil, err
	}
	kind := isCertificate
	if by == EtcdTrust {
		kind = func(string) bool { return true }
	}
	var first *finding.Finding
	n := 0
	for _, p := range all {
		if !p.may(kind) {
			continue
		}
		n++
		c, fault, why := by.certificate(p, n)
		if fault == nil {
			certs = append(certs, c)
			continue
		}
		if fault.ID == finding.CertificateBroken && by != ClientTrust {
			return nil, nil, fault
		}
		if first == nil {
			first = fault
		}
		notes = append(notes, *finding.New(finding.BundlePartRefused, strconv.Itoa(n), why))
	}
	switch {
	case len(certs) > 0:
		return certs, notes, nil
	case first == nil:
		first = finding.New(finding.CertificateNone, firstKind(all))
	}
	return nil, nil, first
}

// certificate is the nth certificate of a trust file; or what is wrong with it, and in words that fit into a note.
func (by TrustReader) certificate(p part, n int) (c *x509.Certificate, fault *finding.Finding, why string) {
	switch {
	case p.block == nil:
		return nil, p.unseen, p.why()
	case len(p.block.Headers) > 0 && by != EtcdTrust:
		return nil, finding.New(finding.PEMHeaders, strconv.Itoa(n)), "it has PEM headers"
	case p.kind != certificate:
		fault = broken(n, fmt.Errorf("etcd takes every block for a certificate, and this one is of type %s", firstKind([]part{p})))
		return nil, fault, ""
	}
	c, err := x509.ParseCertificate(p.block.Bytes)
	if err != nil {
		fault = broken(n, err)
		return nil, fault, fault.Had[1]
	}
	return c, nil, ""
}
