package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"github.com/cloudflare/cfssl/csr"
)

type asn1OID = asn1.ObjectIdentifier

// CSR makes a PKCS #10 request (DER) for key, with the subject and the names
// of req. The usages that req wants go along as requested extensions, so that
// whoever signs it sees what it is for.
func CSR(req Request, key crypto.Signer) ([]byte, error) {
	silence()
	var exts []pkix.Extension
	if req.KeyUsage != 0 {
		e, err := keyUsageExtension(req.KeyUsage)
		if err != nil {
			return nil, err
		}
		exts = append(exts, e)
	}
	if len(req.ExtKeyUsage)+len(req.UnknownExtKeyUsage) > 0 {
		e, err := extKeyUsageExtension(req)
		if err != nil {
			return nil, err
		}
		exts = append(exts, e)
	}
	return x509CSR(req, key, exts)
}

// x509CSR makes the request through cfssl, or through the standard library
// where the subject or a name is one that cfssl would rewrite.
func x509CSR(req Request, key crypto.Signer, exts []pkix.Extension) ([]byte, error) {
	if req.RawSubject == nil && len(req.URIs)+len(req.EmailAddresses) == 0 {
		cr := &csr.CertificateRequest{CN: req.Subject.CommonName, Extensions: exts}
		for _, o := range req.Subject.Organization {
			cr.Names = append(cr.Names, csr.Name{O: o})
		}
		cr.Hosts = append(cr.Hosts, req.DNSNames...)
		for _, ip := range req.IPAddresses {
			cr.Hosts = append(cr.Hosts, ip.String())
		}
		der, err := csr.GenerateDER(key, cr)
		if err != nil {
			return nil, plain(err)
		}
		return der, nil
	}
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:         req.Subject,
		RawSubject:      req.RawSubject,
		DNSNames:        req.DNSNames,
		IPAddresses:     req.IPAddresses,
		EmailAddresses:  req.EmailAddresses,
		URIs:            req.URIs,
		ExtraExtensions: exts,
	}, key)
}

// keyUsageExtension encodes RFC 5280 4.2.1.3's BIT STRING: bit 0 is the most
// significant bit of the first byte, trailing zero bits are left out.
func keyUsageExtension(ku x509.KeyUsage) (pkix.Extension, error) {
	var bytes [2]byte
	last := 0
	for i := range 9 {
		if ku&(1<<i) != 0 {
			bytes[i/8] |= 0x80 >> (i % 8)
			last = i
		}
	}
	value, err := asn1.Marshal(asn1.BitString{Bytes: bytes[:last/8+1], BitLength: last + 1})
	if err != nil {
		return pkix.Extension{}, err
	}
	return pkix.Extension{Id: asn1OID{2, 5, 29, 15}, Critical: true, Value: value}, nil
}

var extKeyUsageOIDs = map[x509.ExtKeyUsage]asn1OID{
	x509.ExtKeyUsageAny:             {2, 5, 29, 37, 0},
	x509.ExtKeyUsageServerAuth:      {1, 3, 6, 1, 5, 5, 7, 3, 1},
	x509.ExtKeyUsageClientAuth:      {1, 3, 6, 1, 5, 5, 7, 3, 2},
	x509.ExtKeyUsageCodeSigning:     {1, 3, 6, 1, 5, 5, 7, 3, 3},
	x509.ExtKeyUsageEmailProtection: {1, 3, 6, 1, 5, 5, 7, 3, 4},
	x509.ExtKeyUsageTimeStamping:    {1, 3, 6, 1, 5, 5, 7, 3, 8},
	x509.ExtKeyUsageOCSPSigning:     {1, 3, 6, 1, 5, 5, 7, 3, 9},
}

func extKeyUsageExtension(req Request) (pkix.Extension, error) {
	var oids []asn1OID
	for _, u := range req.ExtKeyUsage {
		oid, ok := extKeyUsageOIDs[u]
		if !ok {
			return pkix.Extension{}, fmt.Errorf("extended key usage %d cannot be asked for in a request", u)
		}
		oids = append(oids, oid)
	}
	oids = append(oids, req.UnknownExtKeyUsage...)
	value, err := asn1.Marshal(oids)
	if err != nil {
		return pkix.Extension{}, err
	}
	return pkix.Extension{Id: asn1OID{2, 5, 29, 37}, Value: value}, nil
}
