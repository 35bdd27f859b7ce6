package finding

import "maps"

// Rows: what is wrong with a row as a whole, and why a run does not do what was asked.

const (
	KubeconfigBroken    ID = "kubeconfig-broken"
	TrustMissing        ID = "trust-missing"
	TrustOther          ID = "trust-other"
	TrustNamesake       ID = "trust-namesake"
	TrustPartial        ID = "trust-partial"
	TrustMore           ID = "trust-more"
	NamedFileUnreadable ID = "named-file-unreadable"
	EndpointUnknown     ID = "endpoint-unknown"
	ServerDiffers       ID = "server-differs"
	ClientCertMissing   ID = "client-certificate-none"
	NamedFileMissing    ID = "named-file-missing"
	IssuerRefused       ID = "issuer-refused"
	AddressUnknown      ID = "address-unknown"
	NameUnknown         ID = "node-name-unknown"
	FilesElsewhere      ID = "files-elsewhere"
	ServerNotCovered    ID = "server-not-covered"

	WouldOutliveCA     ID = "would-outlive-ca"
	CAForbids          ID = "ca-forbids"
	CAExternal         ID = "ca-external"
	LinkNotWritten     ID = "link-not-written"
	KeyNotMade         ID = "key-algorithm-not-made"
	NamesNotAsked      ID = "names-not-asked"
	GroupsNotAsked     ID = "groups-not-asked"
	UsagesNotAsked     ID = "usages-not-asked"
	StillOld           ID = "still-old"
	TrustNone          ID = "trust-none"
	NothingHere        ID = "nothing-here"
	CurrentUserNone    ID = "current-user-none"
	KeyNotReused       ID = "key-not-reused"
	ServerWithoutNames ID = "server-without-names"
	IdentityReserved   ID = "identity-reserved"
	CACertificateNone  ID = "ca-certificate-none"
	NotThere           ID = "not-there"
)

const (
	hintFrame = "`pkitool init phase {phase} {row} --reissue` sets it right and keeps the client certificate"
	hintAnew  = "the CA's key is not here: move the file away, make a request with `pkitool certs generate-csr {row}`, have it signed, and bring the certificate back with `pkitool certs import FILE`"
)

// frame are the remedies of a kubeconfig whose server or CA is wrong.
var frame = map[Asker]string{Init: hintReissue, Renew: hintReissue, Check: hintReissue, External: hintFrame}

// framed is frame, and more.
func framed(more map[Asker]string) map[Asker]string {
	maps.Copy(more, frame)
	return more
}

var rowRules = []Rule{
	{ID: KubeconfigBroken, Severity: Error, Text: "{had}", Reason: "client-go does not read the file", Remedies: map[Asker]string{Init: hintReissue, Renew: hintReissue, Check: hintReissue, External: hintAnew}},
	{ID: TrustMissing, Severity: Error, Text: "holds no certificate authority", Reason: "the client trusts the CAs of the operating system instead", Remedies: frame},
	{ID: TrustOther, Severity: Error, Text: "trusts another CA: certificate {had} is not in {wanted}", Reason: "the client would trust servers of another CA", Remedies: frame},
	{ID: TrustNamesake, Severity: Error, Text: "trusts another CA of the same name: it has the key {had}, the CA here {wanted}", Reason: "the cluster was initialised twice, or files of two clusters are mixed: x509: certificate signed by unknown authority",
		Remedies: framed(map[Asker]string{Beside: "get a kubeconfig of this cluster, or move the file away"})},
	{ID: TrustPartial, Severity: Warning, Text: "does not trust the whole CA: certificate {had} of {wanted} is missing", Reissue: true, Reason: "while a CA is replaced, clients must know both", Remedies: frame},
	{ID: TrustMore, Severity: Warning, Text: "trusts more than the CA: certificate {had} is not in {wanted}", Reason: "the client trusts servers of the other CA too",
		Remedy: "if its servers are not to be trusted: remove the certificate from the file"},
	{ID: ServerDiffers, Severity: Warning, Follows: []ID{ServerMissing, ServerInvalid, ServerWithoutScheme, ServerNotHTTPS}, Reissue: true, Text: "server is {had}, not {wanted}", Reason: "the component talks to another API server than the configuration says", Remedies: frame},
	{ID: ClientCertMissing, Severity: Error, Follows: []ID{ClientCertificateMissing}, Text: "holds no client certificate", Reason: "the API server takes its holder for system:anonymous, unless it has a token", Remedies: map[Asker]string{Init: hintReissue, Renew: hintReissue, Check: hintReissue, External: hintAnew}},
	{ID: NamedFileMissing, Severity: Error, Text: "the {had0} it names is missing ({had1})", Reason: "client-go does not make a client without it", Remedies: broken},
	{ID: NamedFileUnreadable, Severity: Error, Text: "the {had0} it names cannot be read: {had1}", Reason: "client-go does not make a client without it", Remedies: broken},
	{ID: IssuerRefused, Severity: Error, Text: "cannot be judged while {had} is refused", Reason: "what a CA signed is as good as the CA"},
	{ID: AddressUnknown, Severity: Error, Text: "the advertise address is not known: {had}", Reason: "the API server and etcd are reached by it, so their certificates have it as a name", Remedy: "give --apiserver-advertise-address, or localAPIEndpoint.advertiseAddress in the configuration"},
	{ID: NameUnknown, Severity: Error, Text: "the node name is not known: {had}", Reason: "the Node authorizer knows a kubelet by it, and etcd's certificates have it as a name", Remedy: "give --node-name, or nodeRegistration.name in the configuration"},
	{ID: EndpointUnknown, Severity: Error, Text: "the cluster's endpoint is not known", Reason: "a worker's kubelet goes to the cluster's endpoint, never to its own address",
		Remedy: "give --control-plane-endpoint, or discovery.bootstrapToken.apiServerEndpoint in the configuration"},
	{ID: FilesElsewhere, Severity: Notice, Text: "names a certificate that its owner renews: {had}", Reason: "a kubelet renews its certificate by itself"},
	{ID: ServerNotCovered, Severity: Error, Text: "would not cover the server that {had1} leads to: {had0}", Reason: "clients refuse the connection",
		Remedy:   "give the cluster's own --apiserver-advertise-address or --control-plane-endpoint, or the name itself with --apiserver-cert-extra-sans",
		Remedies: map[Asker]string{Renew: "keep the name, or give {had1} another server first"}},

	{ID: WouldOutliveCA, Severity: Error, Text: "would outlive its CA: valid until {had0}, the CA ends {wanted}", Reason: "it would stop working when the CA ends, earlier than it says", Remedy: "give --validity {had1} or less, or replace the CA first"},
	{ID: CAForbids, Severity: Error, Text: "its CA cannot sign it: the certificate would not be accepted, it {had}", Reason: "a certificate that no component accepts is worth nothing", Remedy: hintCA},
	{ID: CAExternal, Severity: Error, Text: "cannot be signed here: the key of its CA is not here", Reason: "only the key of the CA signs", Remedy: hintCSR, Remedies: map[Asker]string{Kept: "renew it where the key of the CA is"}},
	{ID: LinkNotWritten, Severity: Error, Text: "is a symbolic link, not written through", Reason: "the link would be replaced, and the file behind it left as it is", Remedy: "replace the link by the file, or use the directory that the link leads to"},
	{ID: KeyNotMade, Severity: Error, Text: "its key is {had}: pkitool makes no such key", Reason: "a new key has the algorithm of the old one, unless another is asked for", Remedy: "choose another with --key-algorithm, or keep the key with --reuse-key"},
	{ID: NamesNotAsked, Severity: Error, Text: "has names that nobody asked for: {had}", Reason: "who signs decides which servers the certificate can pass for", Remedy: "accept them with --accept-names, or have it signed without them"},
	{ID: GroupsNotAsked, Severity: Error, Text: "has groups that nobody asked for: {had}", Reason: "the API server gives rights to groups (O)", Remedy: "accept them with --accept-names, or have it signed without them"},
	{ID: UsagesNotAsked, Severity: Error, Text: "has usages that nobody asked for: {had}", Reason: "who signs decides what the certificate is good for", Remedy: "accept them with --accept-names, or have it signed without them"},
	{ID: TrustNone, Severity: Error, Text: "no trusted certificate is given", Reason: "no certificate is trusted by itself", Remedy: "give the CA's file first, or with -CAfile or -trusted"},
	{ID: NothingHere, Severity: Error, Text: "no certificate of a cluster is in this directory", Reason: "an empty directory says nothing of a cluster: it is often the wrong one", Remedy: "name the right directories with --cert-dir and --kubeconfig-dir",
		Remedies: map[Asker]string{Beside: "name the directory that holds pki, or the one with ca.crt in it"}},
	{ID: CurrentUserNone, Severity: Error, Text: "has no current user", Reason: "client-go has no user to log in as"},
	{ID: KeyNotReused, Severity: Error, Text: "{had}", Reason: "a key that is weak, or not here, is not certified again", Remedy: "without --reuse-key it gets a new key"},
	{ID: ServerWithoutNames, Severity: Error, Text: "a server's certificate needs a DNS name or an address", Reason: "crypto/x509 compares host names with the SANs only, never with the CN", Remedy: "give --san DNS:NAME or --san IP:ADDRESS"},
	{ID: IdentityReserved, Severity: Warning, Text: "{had}", Reason: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings", Remedy: "--allow-system-masters grants it"},
	{ID: CACertificateNone, Severity: Error, Text: "the certificate of its CA is not here yet", Reason: "what is imported is judged by the CA that signed it", Remedy: "`--ca-cert {had}=FILE` puts the CA's certificate in place"},
	{ID: StillOld, Severity: Error, Text: "is the old certificate still", Reason: "what was to be written is not what lies there"},
	{ID: NotThere, Severity: Error, Text: "is not there after it was written", Reason: "what was to be written is not what lies there"},
}

// requestRules: certificate requests, see table_requests.go.
