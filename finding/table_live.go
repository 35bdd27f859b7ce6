package finding

// Running components: what they serve, beside what is wrong with any certificate.

const (
	LiveUnreachable      ID = "live-unreachable"
	LiveNoTLS            ID = "live-no-tls"
	LiveHandshakeFails   ID = "live-handshake-fails"
	LiveNotReloaded      ID = "live-not-reloaded"
	LiveOtherCertificate ID = "live-other-certificate"
	LiveOtherNode        ID = "live-other-node"
	LiveSelfSigned       ID = "live-self-signed"
	LiveServerNotCovered ID = "live-server-not-covered"
	LiveNameMissing      ID = "live-name-missing"
	LiveClientsNotAsked  ID = "live-clients-not-asked"
	LiveClientCAOther    ID = "live-client-ca-other"
	LiveClientCAPartial  ID = "live-client-ca-partial"
	LiveClientCAStale    ID = "live-client-ca-stale"
)

const (
	hintServed = "what is served is not in this directory: see in the component's flags which file it reads, and put the right certificate there; where they name this directory, restart it"
	hintReread = "see that the component's flags name this directory's files; then: {had1}"
)

var liveRules = []Rule{
	{ID: LiveUnreachable, Severity: Error, Text: "cannot be reached: {had}", Reason: "nothing is known of what it serves",
		Remedy: "see whether the component runs, and listens there: its log says why it ended, if it did"},
	{ID: LiveNoTLS, Severity: Error, Text: "does not answer as a TLS server: {had}", Reason: "nothing is known of what it serves", Remedy: "name the port where the component serves TLS"},
	{ID: LiveHandshakeFails, Severity: Error, Text: "the TLS handshake fails: {had}", Reason: "every Kubernetes component uses crypto/tls, and fails in the same way",
		Remedy: "the component's log says what it minds; where it serves what cannot be read, put the right certificate into the file that its flags name"},
	{ID: LiveNotReloaded, Severity: Warning, Text: "still serves the old certificate, {had0}; the file has a newer one, {wanted}",
		Reason: "it was renewed and not taken up; the moment that clients refuse the old one, this is an error",
		Remedy: "ask again in two minutes; if the old one is still served then, restart it, and see that its flags name this file: {had1}"},
	{ID: LiveOtherCertificate, Severity: Warning, Text: "serves neither the certificate of the file nor an older one of it, but {had}; the file has {wanted}",
		Reason: "it reads another file, or this one was put back from a backup: what is renewed here is not what clients get", Remedy: "see in the component's flags which file it reads, and audit that directory"},
	{ID: LiveOtherNode, Severity: Notice, Text: "serves another certificate than the file, with other names: {had}", Reason: "behind a load balancer every node serves its own",
		Remedy: "to judge this node ask it by its own address; to judge another, audit its directory"},
	{ID: LiveSelfSigned, Severity: Warning, Text: "serves a certificate that it made for itself, issued by {had}",
		Reason: "metrics-server and everybody else who verifies the kubelet refuses it (x509: cannot validate certificate, or: certificate signed by unknown authority); --kubelet-insecure-tls only ends the check",
		Remedy: "set serverTLSBootstrap: true in the KubeletConfiguration, restart the kubelet, and approve its request with kubectl certificate approve"},
	{ID: LiveServerNotCovered, Severity: Error, Text: "its certificate does not cover {had0}, which {had1} leads to", Reason: "clients refuse the connection", Remedy: hintServed},
	{ID: LiveNameMissing, Severity: Notice, Text: "its certificate does not have this name or address, but {had}",
		Reason: "clients that use it refuse the connection", Remedy: "if clients use it, add it to the certificate; if it only is the way of this audit, all is well"},
	{ID: LiveClientsNotAsked, Severity: Error, Text: "asks its clients for no certificate", Reason: "kube-apiserver and the kubelet then know nobody by a certificate; etcd lets everybody read and write",
		Remedy: "give kube-apiserver or the kubelet --client-ca-file, etcd --client-cert-auth and --trusted-ca-file (for peers: --peer-client-cert-auth and --peer-trusted-ca-file); if a proxy ends TLS before it, ask behind that"},
	{ID: LiveClientCAOther, Severity: Error, Text: "does not let in clients of {wanted}, only of {had0}",
		Reason: "client certificates of the CA count for nothing: kube-apiserver answers 401, etcd ends the handshake. A server shows the names of its CAs only, not their keys", Remedy: hintReread},
	{ID: LiveClientCAPartial, Severity: Warning, Text: "lets in clients of fewer CAs named {had0} than there are in {wanted}",
		Reason: "while a CA is replaced both must be let in: clients of one of them are refused. A server shows the names of its CAs only, not their keys", Remedy: hintReread},
	{ID: LiveClientCAStale, Severity: Warning, Text: "also lets in clients of a CA named {had0} that is not in {wanted}",
		Reason: "after a CA was replaced, certificates of the old one must count for nothing. A server shows the names of its CAs only, not their keys", Remedy: hintReread},
}
