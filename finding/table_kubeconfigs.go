package finding

// Kubeconfigs as files: what package kubeconfig sees, and what the files that one names add to it.

const (
	ContextsMissing       ID = "contexts-missing"
	CurrentContextMissing ID = "current-context-missing"
	CurrentContextUnknown ID = "current-context-unknown"
	ContextWithoutCluster ID = "context-without-cluster"
	ContextClusterUnknown ID = "context-cluster-unknown"
	ContextWithoutUser    ID = "context-without-user"
	ContextUserUnknown    ID = "context-user-unknown"
	NamespaceInvalid      ID = "namespace-invalid"
	ClusterUnused         ID = "cluster-unused"
	UserUnused            ID = "user-unused"

	ServerMissing       ID = "server-missing"
	ServerInvalid       ID = "server-invalid"
	ServerWithoutScheme ID = "server-without-scheme"
	ServerNotHTTPS      ID = "server-not-https"
	ProxyURLInvalid     ID = "proxy-url-invalid"
	CAGivenTwice        ID = "ca-given-twice"
	CANotGiven          ID = "ca-missing"
	InsecureWithCA      ID = "insecure-with-ca"
	Insecure            ID = "insecure"
	PathRelative        ID = "path-relative"

	ClientCertificateGivenTwice ID = "client-certificate-given-twice"
	ClientCertificateMissing    ID = "client-certificate-missing"
	ClientKeyGivenTwice         ID = "client-key-given-twice"
	ClientKeyMissing            ID = "client-key-missing"
	TokenGivenTwice             ID = "token-given-twice"
	TokenWithSpace              ID = "token-with-space"
	HeaderInvalid               ID = "header-invalid"
	CredentialsSeveral          ID = "credentials-several"
	CredentialsMissing          ID = "credentials-missing"
	BasicAuth                   ID = "basic-auth"
	ImpersonateWithoutUser      ID = "impersonate-without-user"
	AuthProvider                ID = "auth-provider"
	ExecAndAuthProvider         ID = "exec-and-auth-provider"
	ExecIncomplete              ID = "exec-incomplete"
	ExecVersion                 ID = "exec-version"
	ExecMode                    ID = "exec-mode"

	TokenFileEmpty ID = "token-file-empty"
)

const (
	bothGiven     = "client-go refuses the file for the current context; where it does not, the data counts"
	notMeant      = "remove the one that is not meant"
	execModes     = "Never, IfAvailable or Always"
	clientGo      = "client-go refuses it"
	noCredentials = "client-go sends no credentials then; kubectl asks for a user name and a password"
)

var kubeconfigRules = []Rule{
	{ID: ContextsMissing, Severity: Error, Text: "there are no contexts", Reason: "client-go has no server to talk to",
		Remedy: "add one with a cluster and a user of the file, and name it in current-context"},
	{ID: CurrentContextMissing, Severity: Error, Text: "current-context is not set", Reason: "kubectl tries localhost:8080", Remedy: "set it to one of the contexts"},
	{ID: CurrentContextUnknown, Severity: Error, Text: "current-context {had} is not among the contexts", Reason: clientGo, Remedy: "set it to one of the contexts"},
	{ID: ContextWithoutCluster, Severity: Error, Text: "names no cluster", Reason: "client-go has no server to talk to",
		Remedy: "name one of the clusters of the file there"},
	{ID: ContextClusterUnknown, Severity: Error, Text: "cluster {had} does not exist", Reason: "client-go has no server to talk to",
		Remedy: "name one of the clusters of the file there"},
	{ID: ContextWithoutUser, Severity: Error, Text: "names no user", Reason: noCredentials,
		Remedy: "name one of the users of the file there"},
	{ID: ContextUserUnknown, Severity: Error, Text: "user {had} does not exist", Reason: noCredentials,
		Remedy: "name one of the users of the file there"},
	{ID: NamespaceInvalid, Severity: Error, Text: "namespace {had} is not a valid name", Reason: "a namespace is a DNS label (RFC 1123)", Remedy: "use small letters, digits and dashes, at most 63"},
	{ID: ClusterUnused, Severity: Warning, Follows: []ID{ContextsMissing, ContextWithoutCluster, ContextClusterUnknown}, Text: "no context uses it", Reason: "it is often of a cluster that is gone, and its credentials are forgotten",
		Remedy: "remove it, or give it a context"},
	{ID: UserUnused, Severity: Warning, Follows: []ID{ContextsMissing, ContextWithoutUser, ContextUserUnknown}, Text: "no context uses it", Reason: "credentials that nobody uses are forgotten, and then found by somebody else",
		Remedy: "remove it, or give it a context"},

	{ID: ServerMissing, Severity: Error, Text: "has no server", Reason: clientGo,
		Remedy: "write the URL of the API server there"},
	{ID: ServerInvalid, Severity: Error, Text: "{had}", Reason: clientGo,
		Remedy: "write the URL of the API server there"},
	{ID: ServerWithoutScheme, Severity: Warning, Text: "server {had} does not begin with https://", Reason: "client-go takes https beside a CA or a client certificate, else http", Remedy: "write https:// in front of it"},
	{ID: ServerNotHTTPS, Severity: Warning, Text: "server {had} is not https", Reason: "client-go sends no credentials over http, and everything else can be read on the way",
		Remedy: "write https:// where the server speaks TLS"},
	{ID: ProxyURLInvalid, Severity: Error, Text: "proxy-url {had} is not an http, https or socks5 URL", Reason: clientGo,
		Remedy: "write the URL of the proxy there, or remove it"},
	{ID: CAGivenTwice, Severity: Error, Text: "certificate-authority-data and certificate-authority are both given", Reason: bothGiven, Remedy: "remove certificate-authority, the path"},
	{ID: CANotGiven, Severity: Warning, Text: "there is no CA", Reason: "client-go trusts the CAs of the operating system, which do not know the cluster's",
		Remedy: "give the CA of the cluster"},
	{ID: InsecureWithCA, Severity: Error, Text: "insecure-skip-tls-verify is set beside a CA", Reason: clientGo, Remedy: "remove insecure-skip-tls-verify"},
	{ID: Insecure, Severity: Warning, Follows: []ID{TrustMissing}, Text: "insecure-skip-tls-verify is set", Reason: "whoever answers gets the credentials", Remedy: "give the CA of the cluster instead"},
	{ID: PathRelative, Severity: Warning, Text: "{had0} {had1} is a relative path", Reason: "client-go reads it from the directory of the kubeconfig: it breaks when the file is moved", Remedy: "embed the data, or give the whole path"},

	{ID: ClientCertificateGivenTwice, Severity: Error, Text: "client-certificate-data and client-certificate are both given", Reason: bothGiven, Remedy: "remove client-certificate, the path"},
	{ID: ClientCertificateMissing, Severity: Error, Text: "has a client key without its certificate", Reason: "client-go uses neither", Remedy: "have a certificate signed for the key and put it in"},
	{ID: ClientKeyGivenTwice, Severity: Error, Text: "client-key-data and client-key are both given", Reason: bothGiven, Remedy: "remove client-key, the path"},
	{ID: ClientKeyMissing, Severity: Error, Text: "has a client certificate without its key", Reason: clientGo,
		Remedy: "put the key in, or have both made anew"},
	{ID: TokenGivenTwice, Severity: Warning, Text: "token and tokenFile are both given", Reason: "the file counts once client-go has read it", Remedy: notMeant},
	{ID: TokenWithSpace, Severity: Error, Text: "token has white space inside", Reason: "the API server takes what is in front of it for the token", Remedy: "write the token alone, on one line"},
	{ID: HeaderInvalid, Severity: Error, Text: "{had0} contains {had1}, so no request can be sent", Reason: "client-go sends it as an HTTP header, and net/http refuses such a value",
		Remedy: "write it on one line, in quotes: a block (|) ends with a line break"},
	{ID: CredentialsSeveral, Severity: Warning, Text: "has {had}", Reason: "client-go refuses a token beside a password; of others it uses one, or the API server does", Remedy: notMeant},
	{ID: CredentialsMissing, Severity: Warning, Text: "has no credentials", Reason: noCredentials,
		Remedy: "give a client certificate with its key, a token or an exec plugin"},
	{ID: BasicAuth, Severity: Warning, Text: "has a user name and a password", Reason: "API servers take none since 1.19",
		Remedy: "give a client certificate with its key, a token or an exec plugin instead"},
	{ID: ImpersonateWithoutUser, Severity: Error, Text: "as-uid, as-groups or as-user-extra is set without as", Reason: clientGo, Remedy: "set as to the user to act as"},
	{ID: AuthProvider, Severity: Error, Text: "auth provider {had} is not supported", Reason: "client-go knows oidc alone since 1.26", Remedy: "use an exec plugin"},
	{ID: ExecAndAuthProvider, Severity: Error, Text: "has both an exec plugin and an auth provider", Reason: clientGo, Remedy: "remove auth-provider"},
	{ID: ExecIncomplete, Severity: Error, Text: "its exec plugin has no {had}", Reason: clientGo,
		Remedy: "set it; apiVersion is client.authentication.k8s.io/v1 or v1beta1, interactiveMode is " + execModes},
	{ID: ExecVersion, Severity: Error, Text: "its exec plugin has the apiVersion {had}", Reason: "client-go knows client.authentication.k8s.io/v1 and v1beta1; v1alpha1 is gone since 1.24",
		Remedy: "update the plugin and have it write its entry anew"},
	{ID: ExecMode, Severity: Error, Text: "its exec plugin has the interactiveMode {had}", Reason: clientGo, Remedy: "set it to " + execModes},

	{ID: TokenFileEmpty, Severity: Error, Text: "tokenFile holds no token", Reason: clientGo,
		Remedy: "write the token into it"},
}
