package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/smallstep/pkcs7"
)

// ParseSigned reads what a signer sent: certificates in PEM or DER, or PKCS #7 in PEM or DER, behind a byte-order mark
// and with PEM headers too. It is not a file that a component reads. The certificates of PKCS #7 have any order. Errors are findings.
func ParseSigned(data []byte) ([]*x509.Certificate, error) {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if len(data) > 0 && data[0] == 0x30 && nextBlock(data, 0) == len(data) {
		return signedDER(data, 1)
	}
	return certificatesOf(data, isSigned, signedDER)
}

// isSigned knows the labels of openssl; a Windows CA writes CERTIFICATE over PKCS #7.
func isSigned(kind string) bool {
	return slices.Contains([]string{certificate, "X509 CERTIFICATE", "PKCS7", "PKCS #7 SIGNED DATA", "CMS"}, kind)
}

// maxPKCS7 bounds what is read as PKCS #7: some forty certificates; maxLevels how deep it is nested: a certificate in it
// has some fifteen. The library calls itself for every level of a message, and copies all that is in it.
const (
	maxPKCS7  = 64 << 10
	maxLevels = 32
)

func signedDER(der []byte, n int) ([]*x509.Certificate, error) {
	list, err := x509.ParseCertificates(der)
	if err == nil && len(list) > 0 {
		return list, nil
	}
	if len(der) <= maxPKCS7 && isShallow(der) {
		if m, err := pkcs7.Parse(der); err == nil && len(m.Certificates) > 0 {
			return m.Certificates, nil
		}
	}
	if err == nil {
		err = errors.New("it is empty")
	}
	return nil, broken(n, err)
}

// isShallow reports whether the first BER value in data is well formed, and nested no deeper than maxLevels.
func isShallow(data []byte) bool {
	const untilMark = -1
	var ends []int // of the values that are open
	for at := 0; ; {
		for len(ends) > 0 && ends[len(ends)-1] == at {
			ends = ends[:len(ends)-1]
		}
		if at > 0 && len(ends) == 0 {
			return true
		}
		if at+2 > len(data) || len(ends) > maxLevels {
			return false
		}
		if data[at] == 0 && data[at+1] == 0 && len(ends) > 0 && ends[len(ends)-1] == untilMark {
			ends = ends[:len(ends)-1]
			at += 2
			continue
		}
		constructed := data[at]&0x20 != 0
		if at++; data[at-1]&0x1f == 0x1f {
			for at < len(data) && data[at]&0x80 != 0 {
				at++
			}
			if at++; at >= len(data) {
				return false
			}
		}
		length := int(data[at])
		if at++; length > 0x80 {
			octets := length & 0x7f
			if octets > 4 || at+octets > len(data) {
				return false
			}
			length = 0
			for _, b := range data[at : at+octets] {
				length = length<<8 | int(b)
			}
			at += octets
		} else if length == 0x80 {
			length = untilMark
		}
		switch {
		case length == untilMark && !constructed, length > len(data)-at:
			return false
		case length == untilMark:
			ends = append(ends, untilMark)
		case constructed:
			ends = append(ends, at+length)
		default:
			at += length
		}
	}
}
