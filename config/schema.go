package config

import (
	"maps"
	"slices"
	"strings"
)

// The kubeadm API group, its kinds that say something about PKI, and its
// versions that are read. Older ones are known, for the sentence about them.
const (
	group   = "kubeadm.k8s.io"
	v1beta3 = "v1beta3"
	v1beta4 = "v1beta4"

	clusterKind = "ClusterConfiguration"
	initKind    = "InitConfiguration"
	joinKind    = "JoinConfiguration"
)

// oldVersions tells, by version, which kubeadm can still migrate it
// (cmd/kubeadm/app/util/config/common.go).
var oldVersions = map[string]string{
	"v1alpha1": "v1.11",
	"v1alpha2": "v1.12",
	"v1alpha3": "v1.14",
	"v1beta1":  "v1.15",
	"v1beta2":  "v1.22",
}

// valueType is the type of value that a field takes.
type valueType int

const (
	text     valueType = iota
	boolean            // true, false and YAML 1.1's words for them, as kubeadm reads them
	number             // a whole one
	duration           // text that ParseDuration reads
	instant            // RFC 3339
	quantity           // text or a number (resource.Quantity)
	list               // of shape.of
	mapping            // of any key to shape.of
	object             // shape.fields and no other
	ignored            // anything
)

func (t valueType) String() string {
	return [...]string{"text", "true or false", "a whole number", "a duration", "a time (RFC 3339)", "a quantity", "a list", "a mapping", "a mapping", "anything"}[t]
}

// shape is the type of one field.
type shape struct {
	is     valueType
	of     *shape
	fields map[string]*shape
}

func listOf(s *shape) *shape    { return &shape{is: list, of: s} }
func mappingOf(s *shape) *shape { return &shape{is: mapping, of: s} }

// fields is a mapping with these fields: each part is one shape and the names that have it.
func fields(parts ...map[string]*shape) *shape {
	s := &shape{is: object, fields: map[string]*shape{}}
	for _, p := range parts {
		maps.Copy(s.fields, p)
	}
	return s
}

func of(s *shape, names ...string) map[string]*shape {
	m := map[string]*shape{}
	for _, n := range names {
		m[n] = s
	}
	return m
}

// schema is what kubeadm's types of one version hold: every field, whether it
// concerns us or not, so that what is not in it is a mistake. From kubeadm
// v1.36, cmd/kubeadm/app/apis/kubeadm/{v1beta3,v1beta4}/types.go.
func schema(version string) map[string]*shape {
	var (
		str   = &shape{is: text}
		yesNo = &shape{is: boolean}
		num   = &shape{is: number}
		dur   = &shape{is: duration}
		strs  = listOf(str)
		four  = version == v1beta4
	)
	onlyIn4, onlyIn3 := of, of
	none := func(*shape, ...string) map[string]*shape { return nil }
	if four {
		onlyIn3 = none
	} else {
		onlyIn4 = none
	}
	args := mappingOf(str)
	if four {
		args = listOf(fields(of(str, "name", "value")))
	}
	// kubeadm's kinds have no metadata; kind and others write it, and kubeadm init warns of it.
	meta := fields(of(str, "apiVersion", "kind"), of(&shape{is: ignored}, "metadata")).fields
	image := of(str, "imageRepository", "imageTag")
	timeouts := onlyIn4(fields(of(dur, "controlPlaneComponentHealthCheck", "kubeletHealthCheck", "kubernetesAPICall",
		"etcdAPICall", "tlsBootstrap", "discovery", "upgradeManifests")), "timeouts")
	patches := of(fields(of(str, "directory")), "patches")
	endpoint := of(fields(of(str, "advertiseAddress"), of(num, "bindPort")), "localAPIEndpoint")
	node := of(fields(
		of(str, "name", "criSocket", "imagePullPolicy"),
		of(strs, "ignorePreflightErrors"),
		of(args, "kubeletExtraArgs"),
		onlyIn4(yesNo, "imagePullSerial"),
		of(listOf(fields(of(str, "key", "value", "effect"), of(&shape{is: instant}, "timeAdded"))), "taints"),
	), "nodeRegistration")
	envs := onlyIn4(listOf(fields(of(str, "name", "value"), of(envSource(), "valueFrom"))), "extraEnvs")
	component := fields(
		of(args, "extraArgs"), envs,
		of(listOf(fields(of(str, "name", "hostPath", "mountPath", "pathType"), of(yesNo, "readOnly"))), "extraVolumes"),
	)

	return map[string]*shape{
		clusterKind: fields(meta,
			of(str, "kubernetesVersion", "controlPlaneEndpoint", "certificatesDir", "imageRepository", "clusterName"),
			onlyIn4(str, "encryptionAlgorithm"),
			onlyIn4(dur, "certificateValidityPeriod", "caCertificateValidityPeriod"),
			of(fields(of(yesNo, featureGates...)), "featureGates"),
			of(fields(of(str, "serviceSubnet", "podSubnet", "dnsDomain")), "networking"),
			of(fields(component.fields, of(strs, "certSANs"), onlyIn3(dur, "timeoutForControlPlane")), "apiServer"),
			of(component, "controllerManager", "scheduler"),
			of(fields(image, onlyIn4(yesNo, "disabled")), "dns"),
			onlyIn4(fields(of(yesNo, "disabled")), "proxy"),
			of(fields(
				of(fields(image, of(str, "dataDir"), of(args, "extraArgs"), envs, of(strs, "serverCertSANs", "peerCertSANs")), "local"),
				of(fields(of(strs, "endpoints"), onlyIn4(strs, "httpEndpoints"), of(str, "caFile", "certFile", "keyFile")), "external"),
			), "etcd"),
		),
		initKind: fields(meta, node, endpoint, patches, timeouts,
			of(str, "certificateKey"), of(strs, "skipPhases"), onlyIn4(yesNo, "dryRun"),
			of(listOf(fields(of(str, "token", "description"), of(dur, "ttl"), of(&shape{is: instant}, "expires"), of(strs, "usages", "groups"))), "bootstrapTokens"),
		),
		joinKind: fields(meta, node, patches, timeouts,
			of(str, "caCertPath"), of(strs, "skipPhases"), onlyIn4(yesNo, "dryRun"),
			of(fields(endpoint, of(str, "certificateKey")), "controlPlane"),
			of(fields(
				of(fields(of(str, "token", "apiServerEndpoint"), of(strs, "caCertHashes"), of(yesNo, "unsafeSkipCAVerification")), "bootstrapToken"),
				of(fields(of(str, "kubeConfigPath")), "file"),
				of(str, "tlsBootstrapToken"), onlyIn3(dur, "timeout"),
			), "discovery"),
		),
	}
}

// featureGates are kubeadm's, those of earlier releases too: files outlive them.
var featureGates = []string{
	"PublicKeysECDSA", "RootlessControlPlane", "NodeLocalCRISocket",
	"ControlPlaneKubeletLocalMode", "EtcdLearnerMode", "IPv6DualStack", "UnversionedKubeletConfigMap",
	"UpgradeAddonsBeforeControlPlane", "WaitForAllControlPlaneComponents",
}

// envSource is k8s.io/api/core/v1 EnvVarSource.
func envSource() *shape {
	str, yesNo := &shape{is: text}, &shape{is: boolean}
	ref := fields(of(str, "name", "key"), of(yesNo, "optional"))
	return fields(
		of(ref, "configMapKeyRef", "secretKeyRef"),
		of(fields(of(str, "apiVersion", "fieldPath")), "fieldRef"),
		of(fields(of(str, "containerName", "resource"), of(&shape{is: quantity}, "divisor")), "resourceFieldRef"),
		of(fields(of(str, "volumeName", "path", "key"), of(yesNo, "optional")), "fileKeyRef"),
	)
}

// at is the shape of a dotted path below s, nil when there is none.
func (s *shape) at(path string) *shape {
	for name := range strings.SplitSeq(path, ".") {
		if s == nil {
			return nil
		}
		s = s.fields[name]
	}
	return s
}

// places are the dotted paths of every field called name, in any kind, as
// "Kind.path"; fields of list entries are left out.
func places(kinds map[string]*shape, match func(string) bool) []string {
	var found []string
	var walk func(s *shape, path string)
	walk = func(s *shape, path string) {
		for n, f := range s.fields {
			if match(n) {
				found = append(found, path+"."+n)
			}
			walk(f, path+"."+n)
		}
	}
	for kind, s := range kinds {
		walk(s, kind)
	}
	slices.Sort(found)
	return found
}
