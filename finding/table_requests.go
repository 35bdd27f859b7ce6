package finding

// Certificate requests, and other objects in files that are shown.

const (
	FileOtherForm  ID = "file-other-form"
	BlockDamaged   ID = "block-damaged"
	BlockOther     ID = "block-other"
	DERDamaged     ID = "der-damaged"
	DEROther       ID = "der-other"
	ObjectNone     ID = "object-none"
	ObjectBroken   ID = "object-broken"
	ObjectsTooMany ID = "objects-too-many"

	RequestNone                 ID = "request-none"
	RequestSeveral              ID = "request-several"
	RequestTooLarge             ID = "request-too-large"
	RequestPartBroken           ID = "request-part-broken"
	RequestContradictory        ID = "request-contradictory"
	RequestKeyUnfit             ID = "request-key-unfit"
	RequestSignatureWeak        ID = "request-signature-weak"
	RequestSignatureUnsupported ID = "request-signature-unsupported"
	RequestSignatureWrong       ID = "request-signature-wrong"
)

const hintRequest = "ask its sender for a new one"

var requestRules = []Rule{
	{ID: FileOtherForm, Severity: Error, Text: "file holds neither PEM nor DER", Reason: "openssl and Go read these two only"},
	{ID: BlockDamaged, Severity: Error, Text: "PEM block is damaged", Reason: "neither encoding/pem nor openssl reads it"},
	{ID: BlockOther, Severity: Error, Text: "block of type {had} cannot be shown", Reason: "certificates, requests, keys and CRLs can be shown"},
	{ID: DERDamaged, Severity: Error, Text: "DER is damaged", Reason: "neither crypto/x509 nor openssl reads it"},
	{ID: DEROther, Severity: Error, Text: "DER holds no certificate, request, key or CRL that can be read", Reason: "certificates, requests, keys and CRLs can be shown"},
	{ID: ObjectNone, Severity: Error, Text: "file holds no certificate, request, key or CRL", Reason: "certificates, requests, keys and CRLs can be shown"},
	{ID: ObjectBroken, Severity: Error, Text: "{had} cannot be read: the DER in it is damaged, or of another kind", Reason: "neither crypto/x509 nor openssl reads it"},
	{ID: ObjectsTooMany, Severity: Error, Text: "file holds more than {had} objects: the rest is not read", Reason: "a file of so many is not one that a component of Kubernetes reads"},

	{ID: RequestNone, Severity: Error, Text: "file holds no certificate request, but a {had}", Reason: "a CA signs certificate requests (PKCS #10, RFC 2986)"},
	{ID: RequestSeveral, Severity: Error, Text: "file holds more than one certificate request", Reason: "which of them is meant is not said", Remedy: "give each a file of its own"},
	{ID: RequestTooLarge, Severity: Error, Text: "certificate request is larger than 64 KiB", Reason: "a TLS handshake carries no larger certificate", Remedy: hintRequest},
	{ID: RequestPartBroken, Severity: Error, Text: "{had} of the request cannot be read", Reason: "what is asked for there would be dropped", Remedy: hintRequest},
	{ID: RequestContradictory, Severity: Error, Text: "request asks twice for the extension {had}, with different values",
		Reason: "extensions are asked for in PKCS #9's attribute (RFC 2985 5.4.2) and in Microsoft's (1.3.6.1.4.1.311.2.1.14): which of them counts depends on who reads it", Remedy: hintRequest},
	{ID: RequestKeyUnfit, Severity: Error, Text: "{had}", Reason: "Go's TLS takes RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 and P-521, and Ed25519", Remedy: hintRequest},
	{ID: RequestSignatureWeak, Severity: Error, Text: "certificate request is signed with {had}, which proves nothing any more", Reason: "anybody can make another request with the same signature", Remedy: hintRequest},
	{ID: RequestSignatureUnsupported, Severity: Error, Text: "certificate request is signed with an algorithm that is not supported: {had}", Reason: "only its signature shows that its sender has the private key", Remedy: hintRequest},
	{ID: RequestSignatureWrong, Severity: Error, Text: "certificate request is not signed by its own key", Reason: "RFC 2986 3: only its signature shows that its sender has the private key", Remedy: hintRequest},
}
