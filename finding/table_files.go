package finding

// Files: what stands between a reader and the content.

const (
	FileEmpty         ID = "file-empty"
	FileUnreadable    ID = "file-unreadable"
	ByteOrderMark     ID = "byte-order-mark"
	PEMDamaged        ID = "pem-damaged"
	PEMMissing        ID = "pem-missing"
	PEMHeaders        ID = "pem-headers"
	DERInsteadOfPEM   ID = "der-instead-of-pem"
	CertificateNone   ID = "certificate-none"
	CertificateBroken ID = "certificate-broken"
	BundlePartRefused ID = "bundle-part-refused"
	KeyNone           ID = "key-none"
	KeySeveral        ID = "key-several"
	KeyBroken         ID = "key-broken"
	KeyEncrypted      ID = "key-encrypted"
	PublicKeyNone     ID = "public-key-none"
	PublicKeyBroken   ID = "public-key-broken"
	KeyModeLoose      ID = "key-mode-loose"
	KeyModeBehindLink ID = "key-mode-behind-link"
	ModeLoose         ID = "mode-loose"
)

const goPEM = "kube-apiserver, etcd, kubeadm and kubectl read PEM with Go's encoding/pem, which finds no block there; openssl does"

var fileRules = []Rule{
	{ID: FileEmpty, Severity: Error, Text: "file is empty"},
	{ID: FileUnreadable, Severity: Error, Text: "{had}"},
	{ID: ByteOrderMark, Severity: Error, Text: "begins with a byte-order mark, behind which no Kubernetes component finds a PEM block", Reason: goPEM,
		Remedy: "remove the first three bytes: tail -c +4 {path}"},
	{ID: PEMDamaged, Severity: Error, Text: "PEM is damaged: {had0} of {had1} blocks can be read", Reason: goPEM},
	{ID: PEMMissing, Severity: Error, Text: "file holds no PEM block", Reason: goPEM},
	{ID: PEMHeaders, Severity: Error, Text: "certificate {had0} has PEM headers: Kubernetes components do not read a CA certificate with headers",
		Reason: "crypto/x509's CertPool.AppendCertsFromPEM and client-go's ParseCertsPEM pass over a block with headers",
		Remedy: "write it without headers: openssl x509 -in {path}"},
	{ID: DERInsteadOfPEM, Severity: Error, Text: "file is DER, not PEM", Reason: "Kubernetes components read PEM only",
		Remedy: "convert it: openssl x509 -inform DER -in {path}"},
	{ID: CertificateNone, Severity: Error, Text: "file holds no certificate, but a block of type {had0}"},
	{ID: CertificateBroken, Severity: Error, Text: "certificate {had0} cannot be read: {had1}", Reason: "crypto/x509 does not parse it, so no Kubernetes component does"},
	{ID: BundlePartRefused, Severity: Warning, Text: "certificate {had0} cannot be read, so clients do not trust it: {had1}", Reason: "crypto/x509's CertPool passes over what it cannot parse"},
	{ID: KeyNone, Severity: Error, Text: "file holds no private key, but a block of type {had0}"},
	{ID: KeySeveral, Severity: Error, Text: "file holds more than one private key"},
	{ID: KeyBroken, Severity: Error, Text: "private key cannot be read"},
	{ID: KeyEncrypted, Severity: Error, Text: "private key is encrypted", Reason: "no Kubernetes component asks for a passphrase",
		Remedy: "remove the passphrase with `openssl pkey -in KEY -out NEW`, or put an unencrypted key in its place"},
	{ID: PublicKeyNone, Severity: Error, Text: "file holds no public key, but a block of type {had0}"},
	{ID: PublicKeyBroken, Severity: Error, Text: "public key {had0} cannot be read"},
	{ID: KeyModeLoose, Severity: Warning, Text: "private key can be read by others: mode {had}", Reason: "CIS Kubernetes Benchmark 1.1.21: key files have mode 0600"},
	{ID: KeyModeBehindLink, Severity: Error, Text: "private key can be read by others: mode {had} behind a symbolic link", Reason: "CIS Kubernetes Benchmark 1.1.21: key files have mode 0600",
		Remedy: "set the mode of the link's target to 0600, or put the file itself here"},
	{ID: ModeLoose, Severity: Notice, Text: "mode {had} is looser than {wanted}"},
}
