package verify

// ParseName reads the distinguished name that is all of der, as it stands in a certificate: for names that are found
// elsewhere, in a request or in an extension. False if it is none that openssl reads. der must not change afterwards.
func ParseName(der []byte) (Name, bool) {
	r := reader(der)
	n, ok := parseName(&r)
	return n, ok && len(r) == 0
}
