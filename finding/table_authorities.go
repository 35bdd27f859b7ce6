package finding

// CAs, and the service-account key pair.

const (
	NotACA              ID = "not-a-ca"
	CAMayNotSign        ID = "ca-may-not-sign"
	CAWithoutSubject    ID = "ca-without-subject"
	CAExpired           ID = "ca-expired"
	CANotYetValid       ID = "ca-not-yet-valid"
	CANoneOfKey         ID = "ca-none-of-key"
	CAShared            ID = "ca-shared"
	CAKeyElsewhere      ID = "ca-key-elsewhere"
	CAMissing           ID = "authority-missing"
	CAMissingWithIssued ID = "ca-missing-with-issued"
	CALostWithIssued    ID = "ca-lost-with-issued"
	CASharedMissing     ID = "shared-missing"
	CAPartExpired       ID = "ca-part-expired"
	CAVersion1          ID = "ca-version-1"

	SAKeyMissing   ID = "sa-key-missing"
	SAPublicOther  ID = "sa-public-other"
	SAKeyUnfit     ID = "sa-key-unfit"
	SAPublicSecret ID = "sa-public-secret"
)

const (
	hintCA     = "a CA is never replaced: put the right certificate and key there, or use an empty directory"
	hintCAKey  = "put the key back from a backup, or move it away: then the CA counts as external and signs nothing here"
	hintShared = "copy it from a control-plane node of the cluster: one made here would be another cluster's"
	hintSAKey  = "put the pair back from a backup, or move both files away to begin anew: that ends every token signed so far"
)

var authorityRules = []Rule{
	{ID: NotACA, Severity: Error, Text: "certificate is not a CA", Reason: "RFC 5280 4.2.1.9; crypto/x509 refuses every certificate below it", Remedy: hintCA},
	{ID: CAMayNotSign, Severity: Error, Text: "certificate may not sign certificates (its key usage lacks keyCertSign)", Reason: "RFC 5280 4.2.1.3; crypto/x509 refuses every certificate below it", Remedy: hintCA},
	{ID: CAWithoutSubject, Severity: Error, Text: "certificate has no subject, so it cannot be named as an issuer", Reason: "RFC 5280 4.1.2.6", Remedy: hintCA},
	{ID: CAExpired, Severity: Error, Text: "CA has expired on {had0}", Reason: "every certificate that it signed is refused", Remedy: "check the clock of this host, which says {had1}; if it is right, replace the CA: no certificate below it works any more"},
	{ID: CANotYetValid, Severity: Error, Text: "CA is not valid before {had0}", Reason: "crypto/x509 refuses every certificate below it", Remedy: "check the clock of this host, which says {had1}"},
	{ID: CANoneOfKey, Severity: Error, Text: "key does not match certificate", Reason: "what the key signs does not verify against the certificate", Remedy: hintCAKey},
	{ID: CAShared, Severity: Error, Text: "is the same CA as {had}", Reason: "whoever holds a certificate of the one passes for a client of the other: with the front proxy's CA as client CA anybody can name any user",
		Remedy: "give each its own CA: use an empty directory, or put the right certificate and key there"},
	{ID: CAKeyElsewhere, Severity: Notice, Text: "external CA: its key is not here", Reason: "nothing can be signed here, nor by a kube-controller-manager that has these files"},
	{ID: CAMissing, Severity: Error, Follows: []ID{NothingHere}, Text: "there is no CA", Reason: "nothing can be signed, and nobody can be trusted, without it",
		Remedy: "`pkitool init phase certs {row}` makes it; or name another directory with --cert-dir"},
	{ID: CAMissingWithIssued, Severity: Error, Text: "certificate and key are missing, but a certificate that they signed is there: {had}", Reason: "a new CA would cut off every client of the old one",
		Remedy: "put both back from a backup, or move what they signed away to begin anew"},
	{ID: CALostWithIssued, Severity: Error, Text: "certificate is missing, but a certificate that it signed is there: {had}", Reason: "whoever is to trust what it signed needs it, and a new one would be another CA",
		Remedy: "put it back from a backup; certificate-authority-data in a kubeconfig is a copy of it"},
	{ID: CASharedMissing, Severity: Error, Text: "is missing, and the configuration joins a cluster that has it", Reason: "every node of a cluster has the same one", Remedy: hintShared},
	{ID: CAPartExpired, Severity: Notice, Text: "certificate {had0} of the bundle has expired on {had1}", Reason: "harmless beside a valid one"},
	{ID: CAVersion1, Severity: Notice, Text: "is a version 1 certificate, which Go takes as a CA in a trust file", Reason: "openssl takes it for a CA as well; RFC 5280 demands version 3 of a CA"},
}

var keyPairRules = []Rule{
	{ID: SAKeyMissing, Severity: Error, Text: "private key is missing, and its public key is there", Reason: "the controller manager cannot sign tokens",
		Remedy: "put the key back; a new one would end every token signed with the old one. To begin anew, move {had} away"},
	{ID: SAPublicOther, Severity: Error, Text: "public key is not of the private key", Reason: "the API server refuses every token signed with the key",
		Remedy: "tokens signed with the one are refused with the other: find out which the API server uses, and move the other away"},
	{ID: SAKeyUnfit, Severity: Error, Text: "no Kubernetes component signs tokens with {had}", Reason: "k8s.io/kubernetes pkg/serviceaccount/jwt.go knows RSA and ECDSA", Remedy: hintSAKey},
	{ID: SAPublicSecret, Severity: Warning, Text: "file of the public key holds the private key", Reason: "kube-apiserver reads it; it is often readable by others",
		Remedy: "move it away: it is derived from the private key again"},
}
