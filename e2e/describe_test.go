package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// description is everything about a site's files that is not random: "FILE FIELD" to value. Two PKIs of one
// configuration are equal when their descriptions are.
type description map[string]string

// describe describes every file of the PKI and of the kubeconfigs. made is when they were made.
func (s *site) describe(t T, made time.Time) description {
	t.Helper()
	d := description{}
	issuers := map[string]*x509.Certificate{}
	for _, ca := range []string{"ca", "front-proxy-ca", "etcd/ca"} {
		for _, cert := range certificates(t, s.pki(ca+".crt")) { // a bundle has the intermediate's issuer too
			issuers[cert.Subject.String()] = cert
		}
	}
	for _, dir := range []string{s.pki(), s.kubeconfigDir()} {
		for _, name := range s.files(t, dir) {
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			require.NoError(t, err)
			d.set(name, "mode", "%#o", info.Mode().Perm())
			text := s.read(t, path)
			switch filepath.Ext(name) {
			case ".crt":
				d.certificate(t, name, []byte(text), issuers, made)
			case ".conf":
				d.kubeconfig(t, name, path, issuers, made)
			default:
				d.key(t, name, []byte(text))
			}
		}
	}
	return d
}

func (d description) set(file, field, format string, args ...any) {
	d[file+" "+field] = fmt.Sprintf(format, args...)
}

// certificate describes a certificate file.
func (d description) certificate(t T, file string, text []byte, issuers map[string]*x509.Certificate, made time.Time) {
	t.Helper()
	chain := parseCertificates(t, text)
	d.set(file, "certificates", "%d", len(chain))
	d.set(file, "text around PEM", "%t", !bytes.HasPrefix(text, []byte("-----BEGIN")) || !bytes.HasSuffix(text, []byte("-----END CERTIFICATE-----\n")))
	cert := chain[0]
	issuer := issuers[cert.Issuer.String()]
	require.NotNil(t, issuer, "%s: issuer %s", file, cert.Issuer)
	d.set(file, "version", "%d", cert.Version)
	d.set(file, "subject", "%s", cert.Subject)
	d.set(file, "issuer", "%s", cert.Issuer)
	d.set(file, "DNS names", "%v", cert.DNSNames)
	d.set(file, "IP addresses", "%v", cert.IPAddresses)
	d.set(file, "other names", "%v %v", cert.URIs, cert.EmailAddresses)
	d.set(file, "key usage", "%s", keyUsages(cert.KeyUsage))
	d.set(file, "extended key usage", "%v %v", cert.ExtKeyUsage, cert.UnknownExtKeyUsage)
	d.set(file, "CA", "%t pathlen=%d zero=%t", cert.IsCA, cert.MaxPathLen, cert.MaxPathLenZero)
	d.set(file, "key", "%s", keyKind(cert.PublicKey))
	d.set(file, "signature", "%s", cert.SignatureAlgorithm)
	if len(cert.AuthorityKeyId) > 0 {
		d.set(file, "authority key id is the issuer's", "%t", bytes.Equal(cert.AuthorityKeyId, issuer.SubjectKeyId))
	}
	d.set(file, "serial", "%s", serialKind(cert))
	d.set(file, "not before", "%s", notBefore(cert, issuer, made))
	d.set(file, "valid for", "%s", validFor(cert, made))
	for _, e := range cert.Extensions {
		d.set(file, "extension "+extensionName(e.Id.String()), "critical=%t", e.Critical)
	}
	require.NoError(t, cert.CheckSignatureFrom(issuer), file)
}

// kubeconfig describes a kubeconfig: its text without the data, its CA, its certificate and its key.
func (d description) kubeconfig(t T, file, path string, issuers map[string]*x509.Certificate, made time.Time) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	d.set(file, "text", "%s", base64Data.ReplaceAll(text, []byte("-data: ...")))
	cluster, user := loadKubeconfig(t, path)
	d.set(file, "CA certificates", "%d", len(parseCertificates(t, cluster.CertificateAuthorityData)))
	d.certificate(t, file, user.ClientCertificateData, issuers, made)
	d.key(t, file, user.ClientKeyData)
}

var base64Data = regexp.MustCompile(`-data: [A-Za-z0-9+/=]+`)

// key describes a key file: how it is encoded, and what it is.
func (d description) key(t T, file string, text []byte) {
	t.Helper()
	block, rest := pem.Decode(text)
	require.NotNil(t, block, file)
	d.set(file, "PEM", "%s, then %d bytes", block.Type, len(rest))
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	require.NoError(t, err, file)
	d.set(file, "key", "%s", keyKind(key))
}

// extensionName names the extensions that kubeadm and pkitool use.
func extensionName(oid string) string {
	switch oid {
	case "2.5.29.14":
		return "subjectKeyIdentifier"
	case "2.5.29.15":
		return "keyUsage"
	case "2.5.29.17":
		return "subjectAltName"
	case "2.5.29.19":
		return "basicConstraints"
	case "2.5.29.35":
		return "authorityKeyIdentifier"
	case "2.5.29.37":
		return "extKeyUsage"
	}
	return oid
}

func keyKind(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d e=%d", k.N.BitLen(), k.E)
	case *rsa.PrivateKey:
		return keyKind(&k.PublicKey)
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *ecdsa.PrivateKey:
		return keyKind(&k.PublicKey)
	case ed25519.PublicKey, ed25519.PrivateKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", key)
}

func keyUsages(usage x509.KeyUsage) string {
	names := []string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}
	var found []string
	for bit, name := range names {
		if usage&(1<<bit) != 0 {
			found = append(found, name)
		}
	}
	return strings.Join(found, " ")
}

// serialKind tells 63 random bits from 159: the chance to take one for the other is one in four billion.
func serialKind(cert *x509.Certificate) string {
	switch bits := cert.SerialNumber.BitLen(); {
	case cert.SerialNumber.Sign() <= 0:
		return "not positive"
	case bits <= 63:
		return "at most 63 bits"
	case bits > 127 && bits <= 159:
		return "at most 159 bits"
	default:
		return fmt.Sprintf("%d bits", bits)
	}
}

// notBefore says where a certificate's begin comes from.
func notBefore(cert, issuer *x509.Certificate, made time.Time) string {
	switch ago := made.Sub(cert.NotBefore); {
	case ago > 4*time.Minute && ago < 6*time.Minute:
		return "5 minutes before it was made"
	case !bytes.Equal(cert.Raw, issuer.Raw) && cert.NotBefore.Equal(issuer.NotBefore):
		return "its CA's"
	default:
		return fmt.Sprintf("%s before it was made", ago.Round(time.Hour))
	}
}

// validFor is the time from when it was made to its end, to the minute.
func validFor(cert *x509.Certificate, made time.Time) string {
	return cert.NotAfter.Sub(made).Round(5 * time.Minute).String()
}

// difference is one place where two descriptions differ.
type difference struct{ file, field, theirs, ours string }

func (d difference) String() string {
	return fmt.Sprintf("%s: %s: kubeadm %q, pkitool %q", d.file, d.field, d.theirs, d.ours)
}

// compare lists the differences of two descriptions, in order.
func compare(theirs, ours description) []difference {
	keys := map[string]bool{}
	for key := range theirs {
		keys[key] = true
	}
	for key := range ours {
		keys[key] = true
	}
	var found []difference
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if theirs[key] != ours[key] {
			file, field, _ := strings.Cut(key, " ")
			found = append(found, difference{file, field, theirs[key], ours[key]})
		}
	}
	return found
}
