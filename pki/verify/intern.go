package verify

// internOID returns the constant for an object identifier that occurs in most
// certificates, so that reading one needs no copy of it.
func internOID(b []byte) string {
	switch string(b) {
	case oidSubjectKeyID:
		return oidSubjectKeyID
	case oidKeyUsage:
		return oidKeyUsage
	case oidSubjectAltName:
		return oidSubjectAltName
	case oidBasicConstraints:
		return oidBasicConstraints
	case oidNameConstraints:
		return oidNameConstraints
	case oidCRLDistributionPoints:
		return oidCRLDistributionPoints
	case oidCertificatePolicies:
		return oidCertificatePolicies
	case oidAuthorityKeyID:
		return oidAuthorityKeyID
	case oidExtKeyUsage:
		return oidExtKeyUsage
	case oidRSA:
		return oidRSA
	case oidEC:
		return oidEC
	}
	for i := range sigAlgorithms[:8] { // the usual ones come first
		if string(b) == sigAlgorithms[i].oid {
			return sigAlgorithms[i].oid
		}
	}
	return string(b)
}
