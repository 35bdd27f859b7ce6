package cluster

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/pkitool/pkitool/e2e/build"
)

// Config is the part of a kubeadm configuration that the PKI depends on.
type Config struct {
	PKIDir           string
	NodeName         string
	AdvertiseAddress string // not on loopback: kubeadm refuses that
	Endpoint         string // controlPlaneEndpoint, may be ""
	ServiceSubnet    string // kubeadm's default when ""
	CertSANs         []string
	EtcdSANs         []string // of the local etcd's server and peer certificates
	Algorithm        string   // kubeadm's default when ""
	Validity         string   // certificateValidityPeriod, kubeadm's default when ""
	ExternalEtcd     *ExternalEtcd
}

// ExternalEtcd names the client URL and the certificate files of an etcd outside of the cluster.
type ExternalEtcd struct {
	Endpoints                 []string
	CAFile, CertFile, KeyFile string
}

// object is a YAML mapping.
type object = map[string]any

// YAML is the configuration as kubeadm and pkitool read it: an InitConfiguration and a ClusterConfiguration.
func (c Config) YAML() ([]byte, error) {
	initConfig := object{
		"apiVersion":       "kubeadm.k8s.io/v1beta4",
		"kind":             "InitConfiguration",
		"localAPIEndpoint": object{"advertiseAddress": c.AdvertiseAddress, "bindPort": 6443},
		"nodeRegistration": object{"name": c.NodeName},
	}
	cluster := object{
		"apiVersion":        "kubeadm.k8s.io/v1beta4",
		"kind":              "ClusterConfiguration",
		"kubernetesVersion": build.KubernetesVersion, // unset, kubeadm would ask the internet for the newest
		"certificatesDir":   c.PKIDir,
		"apiServer": object{
			"certSANs": c.CertSANs,
			// Not among kubeadm's flags: with it the API server verifies the kubelets that it connects to.
			"extraArgs": []object{{"name": "kubelet-certificate-authority", "value": c.PKIDir + "/ca.crt"}},
		},
	}
	if c.Endpoint != "" {
		cluster["controlPlaneEndpoint"] = c.Endpoint
	}
	if c.ServiceSubnet != "" {
		cluster["networking"] = object{"serviceSubnet": c.ServiceSubnet}
	}
	if c.Validity != "" {
		cluster["certificateValidityPeriod"] = c.Validity
	}
	if c.Algorithm != "" {
		cluster["encryptionAlgorithm"] = c.Algorithm
	}
	if c.EtcdSANs != nil {
		cluster["etcd"] = object{"local": object{"serverCertSANs": c.EtcdSANs, "peerCertSANs": c.EtcdSANs}}
	}
	if e := c.ExternalEtcd; e != nil {
		cluster["etcd"] = object{"external": object{
			"endpoints": e.Endpoints, "caFile": e.CAFile, "certFile": e.CertFile, "keyFile": e.KeyFile,
		}}
	}
	var text []byte
	for _, document := range []object{initConfig, cluster} {
		out, err := yaml.Marshal(document)
		if err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
		text = append(append(text, "---\n"...), out...)
	}
	return text, nil
}
