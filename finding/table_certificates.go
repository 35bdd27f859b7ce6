package finding

// Certificates: what is wrong with a leaf or a client certificate, wherever it lies.

const (
	CertificateMissing     ID = "certificate-missing"
	KeyMissing             ID = "key-missing"
	KeyMismatch            ID = "key-mismatch"
	KeyUnfit               ID = "key-unfit"
	KeyWeak                ID = "key-weak"
	KeyExponentSmall       ID = "key-exponent-small"
	CertificateExpired     ID = "certificate-expired"
	CertificateNotYetValid ID = "certificate-not-yet-valid"
	CertificateExpiring    ID = "certificate-expiring"
	OtherCA                ID = "other-ca"
	OtherCASameName        ID = "other-ca-same-name"
	OutlivesCA             ID = "outlives-ca"
	ChainRefused           ID = "chain-refused"
	SignatureWeak          ID = "signature-weak"
	SignatureUnchecked     ID = "signature-unchecked"
	SubjectDiffers         ID = "subject-differs"
	SubjectOtherName       ID = "subject-other-name"
	GroupsOlder            ID = "groups-older"
	CommonNameMissing      ID = "common-name-missing"
	CommonNameLong         ID = "common-name-long"
	SubjectControl         ID = "subject-control-character"
	NamesMissing           ID = "names-missing"
	NamesUsualMissing      ID = "names-usual-missing"
	NamesLeftOut           ID = "names-left-out"
	NamesMore              ID = "names-more"
	NamesNone              ID = "names-none"
	UsageMissing           ID = "usage-missing"
	SignatureUsageMissing  ID = "signature-usage-missing"
	LeafIsCA               ID = "leaf-is-ca"
)

const (
	hintReissue = "`pkitool init phase {phase} {row} --reissue` replaces it, after a copy of the old files"
	hintRenew   = "`pkitool certs renew {row}` renews it"
	hintCSR     = "the CA's key is not here: make a request with `pkitool certs generate-csr {row}`, have it signed, and bring the certificate back with `pkitool certs import FILE`"
	hintSigner  = "have the request signed again, with what it asks for"
	hintBackup  = "put the file back from a backup"
	hintOwner   = "the file belongs to whoever runs etcd: tell them"
)

// leaf are the remedies of a fault that a new certificate mends.
var leaf = map[Asker]string{Init: hintReissue, Renew: hintReissue, Check: hintReissue, External: hintCSR, Import: hintSigner, Given: hintOwner, Live: hintServed}

var certificateRules = []Rule{
	{ID: CertificateMissing, Severity: Error, Follows: []ID{NothingHere, CAMissing}, Text: "certificate is missing", Reason: "the component that serves or logs in with the certificate does not start",
		Remedies: map[Asker]string{Renew: "`pkitool init phase {phase} {row}` makes it", Check: "`pkitool init phase {phase} {row}` makes it", External: hintCSR, Given: "the configuration names it: put it there"}},
	{ID: KeyMissing, Severity: Error, Follows: []ID{ClientKeyMissing}, Text: "private key is missing", Reason: "the component that serves or logs in with the certificate does not start",
		Remedies: map[Asker]string{Init: "put the key back from a backup, or: " + hintReissue, Renew: "put the key back from a backup, or: " + hintReissue, Check: "put the key back from a backup, or: " + hintReissue, External: hintCSR, Given: "the configuration names it: put it there"}},
	{ID: KeyMismatch, Severity: Error, Text: "key does not match certificate", Reason: "crypto/tls refuses the pair", Remedies: leaf},
	{ID: KeyUnfit, Severity: Error, Text: "{had}", Reason: "crypto/tls refuses such keys",
		Remedies: map[Asker]string{Init: hintReissue, Renew: hintReissue, Check: hintReissue, External: hintAnew, Import: hintSigner, Given: hintOwner, Live: hintServed}},
	{ID: KeyWeak, Severity: Error, Text: "{had}", Reason: "anybody can compute the private key from the public one, and be its holder",
		Remedies: map[Asker]string{Init: hintReissue, Renew: hintReissue, Check: hintReissue, External: hintAnew, Import: hintSigner, Given: hintOwner, Live: hintServed}},
	{ID: KeyExponentSmall, Severity: Warning, Reissue: true, Text: "RSA key with the public exponent {had}, smaller than 65537", Reason: "components take it; FIPS 186-5 5.1 does not, nor does Go's FIPS 140-3 mode",
		Remedies: map[Asker]string{Init: hintReissue, Renew: hintReissue, Check: hintReissue, External: hintAnew, Given: hintOwner, Live: hintServed}},
	{ID: CertificateExpired, Severity: Error, Follows: []ID{KubeconfigOlder}, Text: "certificate has expired on {had0}", Reason: "crypto/x509 refuses it since then: \"certificate has expired or is not yet valid\"",
		Remedies: map[Asker]string{Init: hintRenew, Check: hintRenew, External: hintCSR, Import: hintSigner, Given: hintOwner, Live: hintServed}},
	{ID: CertificateNotYetValid, Severity: Error, Text: "certificate is not valid before {had0}", Reason: "crypto/x509 refuses it until then", Remedy: "check the clock of this host, which says {had1}, and of the one that issued the certificate"},
	{ID: CertificateExpiring, Severity: Warning, Text: "expires on {had0}, in {had1}", Reason: "from then on every Kubernetes component refuses it, and a cluster whose certificates end together stops",
		Remedies: map[Asker]string{Check: hintRenew, External: hintCSR, Given: hintOwner, Live: hintServed}},
	{ID: OtherCA, Severity: Error, Follows: []ID{TrustOther, TrustNamesake, CAWithoutSubject}, Text: "certificate is signed by another CA: {had}", Reason: "peers that trust the CA of the row refuse it", Remedies: leaf},
	{ID: OtherCASameName, Severity: Error, Follows: []ID{TrustOther, TrustNamesake}, Text: "certificate is signed by another CA of the same name: it names the key {had}, the CA here has {wanted}",
		Reason: "the cluster was initialised twice, or files of two clusters are mixed", Remedies: leaf},
	{ID: OutlivesCA, Severity: Notice, Follows: []ID{CAEndsFirst, CAExpired}, Text: "certificate outlives its CA: valid until {had}, the CA ends {wanted}",
		Reason: "it stops working when the CA ends, earlier than it says"},
	{ID: ChainRefused, Severity: Error, Follows: []ID{CAExpired, CANotYetValid, NotACA, CAMayNotSign}, Text: "does not verify against {wanted}: {had}", Reason: "crypto/x509 refuses the chain, so every Kubernetes component does", Remedies: leaf},
	{ID: SignatureWeak, Severity: Error, Text: "certificate is signed with {had}, which Kubernetes components refuse", Reason: "crypto/x509 takes no SHA-1 signature",
		Remedies: map[Asker]string{Init: hintRenew, Check: hintRenew, External: hintCSR, Import: hintSigner, Given: hintOwner, Live: hintServed}},
	{ID: SignatureUnchecked, Severity: Error, Text: "certificate is signed with {had}, which shows nothing of who signed it", Reason: "crypto/x509 does not check such a signature", Remedies: leaf},
	{ID: SubjectDiffers, Severity: Error, Text: "subject is {had}, not {wanted}", Reason: "the API server knows its clients by CN (user) and O (groups)", Remedies: leaf},
	{ID: SubjectOtherName, Severity: Notice, Text: "subject is {had}, pkitool would write {wanted}", Reason: "nobody reads the subject of this certificate"},
	{ID: GroupsOlder, Severity: Notice, Text: "groups are {had}, as an older kubeadm gave them", Reason: "kubeadm 1.22 to 1.36 gave this certificate different groups, and RBAC may rest on the old ones"},
	{ID: CommonNameMissing, Severity: Error, Text: "certificate has no common name: the API server takes its holder for nobody", Reason: "the API server's x509 authenticator takes the CN for the user's name", Remedies: leaf},
	{ID: CommonNameLong, Severity: Warning, Text: "common name has {had} characters, more than the 64 of RFC 5280",
		Reason: "RFC 5280 appendix A.1 (ub-common-name); Kubernetes components take it, other software may not",
		Remedy: "where other software reads it, the node needs a shorter name"},
	{ID: SubjectControl, Severity: Warning, Text: "subject has a control character: {had}", Reason: "the API server takes it as it is: the user or group is another one than a person, a log or a C program reads",
		Remedy: "find out who asked for it; have the certificate issued again without it"},
	{ID: NamesMissing, Severity: Error, Text: "certificate lacks the names {wanted}", Reason: "TLS clients that use the name refuse the connection",
		Remedies: map[Asker]string{Init: hintReissue, Check: hintReissue, External: hintCSR, Import: hintSigner, Given: hintOwner}},
	{ID: NamesUsualMissing, Severity: Warning, Reissue: true, Text: "certificate lacks the names {wanted}", Reason: "every such certificate of kubeadm has them, and clients in the cluster may use them",
		Remedies: map[Asker]string{Init: hintReissue, Check: hintReissue, External: hintCSR, Given: hintOwner}},
	{ID: NamesLeftOut, Severity: Notice, Text: "certificate is without the names {wanted}, which pkitool would write", Reason: "TLS clients that use the name would refuse the connection"},
	{ID: NamesMore, Severity: Notice, Text: "certificate has more names than planned: {had}", Reason: "the certificate serves as these names too: if nobody has one any more, whoever gets it next can be taken for the server"},
	{ID: NamesNone, Severity: Error, Text: "certificate of a server has no DNS name and no address", Reason: "crypto/x509 compares host names with the SANs only, never with the CN", Remedies: leaf},
	{ID: UsageMissing, Severity: Error, Text: "certificate lacks the extended key usage {wanted}", Reason: "crypto/x509 refuses it for this purpose", Remedies: leaf},
	{ID: SignatureUsageMissing, Severity: Warning, Text: "certificate lacks the key usage digitalSignature", Reason: "Go does not look at it; openssl and other TLS software refuse the certificate",
		Remedies: map[Asker]string{Check: hintRenew, External: hintCSR, Given: hintOwner}},
	{ID: LeafIsCA, Severity: Error, Text: "certificate is a CA: whoever holds its key can sign for anybody", Reason: "it is part of every chain to the same root", Remedies: leaf},
}
