package finding

// Whole directories: what shows only where rows are compared with each other, and what lies beside the rows.

const (
	KeyIDDiffers      ID = "key-id-differs"
	StrictRefused     ID = "strict-refused"
	CAEndsFirst       ID = "ca-ends-first"
	CABundleSigns     ID = "ca-bundle-signs"
	CABundleOrder     ID = "ca-bundle-order"
	CAKeyUnneeded     ID = "ca-key-unneeded"
	CAKeyShared       ID = "ca-key-shared"
	SAKeyShared       ID = "sa-key-shared"
	SAMissing         ID = "sa-missing"
	KeyShared         ID = "key-shared"
	KeyCopied         ID = "key-copied"
	SerialRepeated    ID = "serial-repeated"
	ServerUncovered   ID = "server-uncovered"
	MastersGroup      ID = "masters-group"
	MastersGroupOther ID = "masters-group-other"
	NodeOther         ID = "node-other"
	KubeconfigOlder   ID = "kubeconfig-older"
	CANamesake        ID = "ca-namesake"
	IssuerUnknown     ID = "issuer-unknown"
	ServingSelfSigned ID = "serving-self-signed"
	FileLinked        ID = "file-linked"
	OwnerOther        ID = "owner-other"
	StagingLeft       ID = "staging-left"
	BackupLeft        ID = "backup-left"
	LayoutOther       ID = "layout-other"
)

// newKey are the remedies of a fault that a new key mends.
var newKey = map[Asker]string{Check: hintRenew, External: hintAnew, Given: hintOwner}

var directoryRules = []Rule{
	{ID: KeyIDDiffers, Severity: Warning, Text: "names its issuer by the key identifier {had}, the CA has {wanted}",
		Reason:   "Go finds the CA by its name and key; openssl, and Python and curl with it, finds no issuer. It comes from a CA certificate that was made again with the old key",
		Remedies: map[Asker]string{Check: hintRenew, External: hintCSR, Given: hintOwner}},
	{ID: StrictRefused, Severity: Notice, Text: "is not as RFC 5280 demands: {had}", Reason: "Kubernetes components take it; Python since 3.13 and `openssl verify -x509_strict` refuse the chain",
		Remedies: map[Asker]string{Check: hintRenew, External: hintCSR, Given: hintOwner}},
	{ID: CAEndsFirst, Severity: Warning, Text: "CA ends on {had0}: a certificate renewed today for {had1} would end after it", Reason: "what the CA signed stops working when it ends, and kubeadm does not renew a CA",
		Remedy: "plan its replacement: all certificates and kubeconfigs below it have to be made again by then"},
	{ID: CABundleSigns, Severity: Warning, Text: "holds {had} certificates beside the CA's key", Reason: "kube-controller-manager does not start where its --cluster-signing-cert-file holds more than one certificate",
		Remedy: "give it a file with the one certificate of the key with --cluster-signing-cert-file"},
	{ID: CABundleOrder, Severity: Warning, Text: "the first certificate is not that of the CA's key; number {had} is", Reason: "kubeadm and kube-controller-manager sign with the first certificate of the file",
		Remedy: "put the certificate of the key first"},
	{ID: CAKeyUnneeded, Severity: Error, Text: "private key of a CA lies on a node that signs nothing with it", Reason: "whoever takes over the node can sign a certificate for anybody, system:masters too",
		Remedy: "remove it here, where another copy is kept: rm {path}"},
	{ID: CAKeyShared, Severity: Error, Text: "has the key of the CA {had}", Reason: "whoever holds this file can sign a certificate for anybody", Remedies: newKey},
	{ID: SAKeyShared, Severity: Warning, Text: "has the key of {had}", Reason: "whoever holds that file can sign a token for every service account, and a renewal of it ends every token",
		Remedy: "give the service accounts a key of their own; every token signed so far ends with the old one"},
	{ID: SAMissing, Severity: Error, Follows: []ID{NothingHere}, Text: "service-account key pair is missing", Reason: "kube-apiserver and kube-controller-manager do not start without it", Remedies: map[Asker]string{Kept: "copy it from another control-plane node; in a new cluster `pkitool init phase {phase} {row}` makes it"}},
	{ID: KeyShared, Severity: Warning, Text: "has the key of {had}", Reason: "whoever takes one of the two files can be both",
		Remedies: newKey},
	{ID: KeyCopied, Severity: Warning, Text: "holds a copy of the private key of {had}", Reason: "a copy is forgotten, and then found by somebody else", Remedy: "if nothing reads it: rm {path}"},
	{ID: SerialRepeated, Severity: Warning, Text: "has the serial number {had0}, which its CA gave to {had1} too", Reason: "RFC 5280 4.1.2.2: a revocation list tells certificates apart by it, and Firefox refuses the second one",
		Remedies: map[Asker]string{Check: hintRenew, External: hintCSR, Given: hintOwner}},
	{ID: ServerUncovered, Severity: Error, Follows: []ID{ServerDiffers}, Text: "leads to {had0}, which is not among the names of {wanted}", Reason: "every client refuses the connection: x509: certificate is valid for other names",
		Remedy: "`pkitool certs renew apiserver --apiserver-cert-extra-sans {had1}` adds the name; or give the kubeconfig another server"},
	{ID: MastersGroup, Severity: Notice, Follows: []ID{GroupsOlder}, Text: "is in the group system:masters, until {had}", Reason: "no RBAC rule limits it, and Kubernetes cannot revoke a certificate"},
	{ID: MastersGroupOther, Severity: Warning, Text: "is in the group system:masters, until {had}", Reason: "no RBAC rule limits it, and Kubernetes cannot revoke a certificate",
		Remedy: "give people a group that a ClusterRoleBinding names, such as kubeadm:cluster-admins, and keep system:masters for emergencies"},
	{ID: NodeOther, Severity: Warning, Text: "is of the node {had}, the certificate of etcd beside it of {wanted}", Reason: "the API server lets a kubelet see and change what is its own node's only (Node authorizer)",
		Remedy: "if the directory is of {wanted}: `pkitool init phase {phase} {row} --reissue --node-name {wanted}` replaces it, after a copy of the old files"},
	{ID: KubeconfigOlder, Severity: Warning, Text: "holds an older certificate of {had0}, which ends on {had1}", Reason: "a renewal replaces the files of the cluster, and no copy of them",
		Remedy: "`pkitool kubeconfig merge {wanted} --into {path} --replace` brings the new one"},
	{ID: CANamesake, Severity: Warning, Text: "is another CA of the name of {wanted}, with the key {had}", Reason: "what the one signed does not verify against the other, and errors name both alike",
		Remedy: "if it is of an earlier cluster, move it away"},
	{ID: IssuerUnknown, Severity: Notice, Follows: []ID{LayoutOther}, Text: "is signed by no CA of this directory: {had}", Reason: "no component of this cluster accepts it as a client or a server"},
	{ID: ServingSelfSigned, Severity: Warning, Text: "is a server's certificate that no CA of the cluster signed: {had}", Reason: "a client that knows the cluster's CA refuses it, as metrics-server does; a kubelet makes itself such a certificate",
		Remedy: "of a kubelet: set serverTLSBootstrap: true in its configuration, and approve the request that it makes"},
	{ID: FileLinked, Severity: Notice, Text: "is a symbolic link", Reason: "a renewal does not write through it"},
	{ID: OwnerOther, Severity: Notice, Text: "belongs to {had}", Reason: "CIS Kubernetes Benchmark 1.1.19: the files belong to root"},
	{ID: StagingLeft, Severity: Notice, Text: "is left of a run that was stopped", Reason: "it may hold a private key", Remedy: "the next run that writes there removes it"},
	{ID: BackupLeft, Severity: Notice, Text: "holds copies of replaced files and their keys", Reason: "an old key is as good as the new one while its certificate is valid", Remedy: "once the new files are proven in use: rm -r {path}"},
	{ID: LayoutOther, Severity: Notice, Text: "no file has the name of one of kubeadm's", Reason: "which file is for what is not known, so each is judged by itself: names, users and CAs are not compared",
		Remedy: "name the directory that holds pki, or the one with ca.crt in it"},
}
