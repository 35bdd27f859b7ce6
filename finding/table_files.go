package finding

// Files: what stands between a reader and the content.

const (
	FileEmpty         ID = "file-empty"
	FileUnreadable    ID = "file-unreadable"
	ByteOrderMark     ID = "byte-order-mark"
	UTF16             ID = "utf-16"
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
	KeyMislabelled    ID = "key-mislabelled"
	PublicKeyNone     ID = "public-key-none"
	PublicKeyBroken   ID = "public-key-broken"

	PublicKeyPartRefused ID = "public-key-part-refused"

	KeyModeLoose      ID = "key-mode-loose"
	KeyModeBehindLink ID = "key-mode-behind-link"
	ModeLoose         ID = "mode-loose"
	FileTaken         ID = "file-taken"

	DirectoryOpen   ID = "directory-open"
	DirectoryShared ID = "directory-shared"
	FileOpen        ID = "file-open"
	FileForeign     ID = "file-foreign"
	CAKeyForeign    ID = "ca-key-foreign"
	OwnerNotKept    ID = "owner-not-kept"
)

const goPEM = "kube-apiserver, etcd, kubeadm and kubectl read PEM with Go's encoding/pem, which finds no block there; openssl does"

const replaced = "whoever can replace these files decides whom the cluster trusts"

// broken are the remedies of a file that cannot be read.
var broken = map[Asker]string{Init: hintReissue, Renew: hintReissue, Check: hintReissue, External: hintAnew, Kept: hintBackup, Given: hintOwner}

var fileRules = []Rule{
	{ID: FileEmpty, Severity: Error, Text: "file is empty", Reason: "the component that reads it does not start", Remedies: broken},
	{ID: FileUnreadable, Severity: Error, Text: "{had}", Reason: "what cannot be read cannot be judged; a component that cannot read it does not start", Remedy: "see what lies there, and whether this user may read it"},
	{ID: ByteOrderMark, Severity: Error, Text: "begins with a byte-order mark, behind which no Kubernetes component finds a PEM block", Reason: goPEM,
		Remedy: "write it without its first three bytes: tail -c +4 {path}"},
	{ID: UTF16, Severity: Error, Text: "file is UTF-16 text", Reason: "no Kubernetes component reads PEM in UTF-16; Windows PowerShell writes it",
		Remedy: "convert it: iconv -f UTF-16 -t UTF-8 {path}"},
	{ID: PEMDamaged, Severity: Error, Text: "PEM is damaged: {had0} of {had1} blocks can be read", Reason: goPEM, Remedies: broken},
	{ID: PEMMissing, Severity: Error, Text: "file holds no PEM block", Reason: "Kubernetes components read PEM only", Remedies: broken},
	{ID: PEMHeaders, Severity: Error, Text: "certificate {had0} has PEM headers: Kubernetes components do not read a CA certificate with headers",
		Reason: "crypto/x509's CertPool.AppendCertsFromPEM and client-go's ParseCertsPEM pass over a block with headers",
		Remedy: "write it without headers: openssl x509 -in {path}"},
	{ID: DERInsteadOfPEM, Severity: Error, Text: "file is DER, not PEM", Reason: "Kubernetes components read PEM only",
		Remedy: "convert it: openssl {had} -inform DER -in {path}"},
	{ID: CertificateNone, Severity: Error, Text: "file holds no certificate, but a block of type {had0}", Reason: "the component that reads it does not start: Go finds no certificate", Remedies: broken},
	{ID: CertificateBroken, Severity: Error, Text: "certificate {had0} cannot be read: {had1}", Reason: "crypto/x509 does not parse it, so no Kubernetes component does", Remedies: broken},
	{ID: BundlePartRefused, Severity: Warning, Text: "certificate {had0} cannot be read, so it is not trusted: {had1}", Reason: "components pass over it without a word",
		Remedy: "put it in whole, or remove it"},
	{ID: KeyNone, Severity: Error, Text: "file holds no private key, but a block of type {had0}", Reason: "the component that reads it does not start: crypto/tls finds no private key", Remedies: broken},
	{ID: KeySeveral, Severity: Error, Text: "file holds more than one private key", Reason: "components take the first that they can read, which need not be the one that was meant", Remedies: broken},
	{ID: KeyBroken, Severity: Error, Text: "private key cannot be read", Reason: "the component that reads it does not start: Go reads PKCS #1, SEC 1 and PKCS #8", Remedies: broken},
	{ID: KeyEncrypted, Severity: Error, Text: "private key is encrypted", Reason: "no Kubernetes component asks for a passphrase",
		Remedy: "remove the passphrase with `openssl pkey -in KEY -out NEW`, or put an unencrypted key in its place"},
	{ID: KeyMislabelled, Severity: Error, Text: "private key is labelled {had}, not {wanted}", Reason: "client-go's keyutil goes by the label; with it kube-controller-manager and kubeadm read the keys of CAs, and kube-apiserver the one of service accounts",
		Remedy: "write {wanted} in the first and the last line of its block"},
	{ID: PublicKeyNone, Severity: Error, Text: "file holds no public key, but a block of type {had0}", Reason: "kube-apiserver does not start without a public key of the service accounts", Remedy: "move it away: init derives it from the private key again"},
	{ID: PublicKeyBroken, Severity: Error, Follows: []ID{SAKeyUnfit}, Text: "public key {had0} cannot be read: {had1}", Reason: "client-go's keyutil.ParsePublicKeysPEM passes over it, and kube-apiserver does not start without a key", Remedy: "move it away: init derives it from the private key again"},
	{ID: PublicKeyPartRefused, Severity: Warning, Text: "public key {had0} cannot be read, so tokens of its private key are refused: {had1}", Reason: "client-go's keyutil.ParsePublicKeysPEM passes over it without a word",
		Remedy: "put it in whole, or remove it"},
	{ID: KeyModeLoose, Severity: Warning, Text: "private key can be read by others: mode {had}", Reason: "CIS Kubernetes Benchmark 1.1.13 to 1.1.21: keys and kubeconfigs have mode 0600", Remedy: "take the right away: chmod go= {path}", Remedies: map[Asker]string{Given: hintOwner}},
	{ID: KeyModeBehindLink, Severity: Error, Text: "private key can be read by others: mode {had} behind a symbolic link", Reason: "CIS Kubernetes Benchmark 1.1.21: key files have mode 0600",
		Remedy: "set the mode of the link's target to 0600, or put the file itself here"},
	{ID: ModeLoose, Severity: Notice, Text: "mode {had} is looser than {wanted}", Reason: "CIS Kubernetes Benchmark 1.1.20", Remedy: "take the right away: chmod go-w {path}"},
	{ID: FileTaken, Severity: Error, Text: "file is there already, and is not what is asked for: {had}", Reason: "what is there may be in use, and cannot be made again", Remedy: "nothing is written over: choose another name, or move it away",
		Remedies: map[Asker]string{Request: "move it away: a certificate request belongs there"}},

	{ID: DirectoryOpen, Severity: Error, Text: "everybody can replace the files in the directory: mode {had}", Reason: replaced,
		Remedy: "see that the files are still yours, then take the right away: chmod go-w {path}"},
	{ID: DirectoryShared, Severity: Warning, Text: "others can put files into the directory: {had0}", Reason: replaced, Remedy: "if that is not meant: {had1} {path}"},
	{ID: FileOpen, Severity: Error, Text: "everybody can change the file: mode {had}", Reason: replaced,
		Remedy: "see that it is still yours, then take the right away: chmod go-w {path}"},
	{ID: FileForeign, Severity: Error, Text: "belongs to {had}, and others can put files into its directory", Reason: replaced, Remedy: "see whose it is, and move it away"},
	{ID: CAKeyForeign, Severity: Warning, Text: "private key of the CA belongs to {had}",
		Reason: "its owner can sign any certificate; kubeadm gives it to kube-controller-manager's user with the feature gate RootlessControlPlane", Remedy: "if that is not meant: chown 0 {path}"},
	{ID: OwnerNotKept, Severity: Error, Text: "is not replaced: it belongs to {had}, and others can put files into its directory", Reason: "a replaced file keeps its owner: whoever put the old one there would get the new key",
		Remedy: "run the command as that user, or see that the file is yours and take it over: chown 0 {path}"},
}
