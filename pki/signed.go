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

// maxPKCS7 bounds what is read as PKCS #7: some forty certificates. The library calls itself for every level of a message.
const maxPKCS7 = 64 << 10

func signedDER(der []byte, n int) ([]*x509.Certificate, error) {
	list, err := x509.ParseCertificates(der)
	if err == nil && len(list) > 0 {
		return list, nil
	}
	if len(der) <= maxPKCS7 {
		if m, err := pkcs7.Parse(der); err == nil && len(m.Certificates) > 0 {
			return m.Certificates, nil
		}
	}
	if err == nil {
		err = errors.New("it is empty")
	}
	return nil, broken(n, err)
}
