package verify

// usualOIDs are those that occur in most certificates, beside the usual signature algorithms.
var usualOIDs = [...]string{
	oidSubjectKeyID, oidKeyUsage, oidSubjectAltName, oidBasicConstraints, oidNameConstraints, oidCRLDistributionPoints,
	oidCertificatePolicies, oidAuthorityKeyID, oidExtKeyUsage, oidRSA, oidEC,
}

// internOID returns the constant for an object identifier that occurs in most
// certificates, so that reading one needs no copy of it.
func internOID(b []byte) string {
	for _, oid := range usualOIDs {
		if string(b) == oid {
			return oid
		}
	}
	for i := range sigAlgorithms[:8] { // the usual ones come first
		if string(b) == sigAlgorithms[i].oid {
			return sigAlgorithms[i].oid
		}
	}
	return string(b)
}
