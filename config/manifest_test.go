package config

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
)

// What a file of the directory says comes before this host and the defaults, never before what somebody gave.
func TestFiles(t *testing.T) {
	pod := "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --advertise-address=10.0.0.1\n    - --secure-port=7443\n    - --enable-admission-plugins=NodeRestriction\n    - --service-cluster-ip-range=10.43.0.0/16,fd00::/112\n    - --audit-log-path\n"
	found := ParseManifest("kube-apiserver.yaml", []byte(pod))
	assert.Equal(t, map[certs.Facts]certs.Found{
		certs.AdvertiseAddress: {Values: []string{"10.0.0.1"}, Path: "kube-apiserver.yaml"},
		certs.BindPort:         {Values: []string{"7443"}, Path: "kube-apiserver.yaml"},
		certs.ServiceCIDRs:     {Values: []string{"10.43.0.0/16", "fd00::/112"}, Path: "kube-apiserver.yaml"},
	}, found)
	for _, no := range []string{"", "x", "a: [", "spec: {containers: 7}", "spec: {containers: [{command: [--secure-port]}]}", "{spec: {containers: [{args: ['--secure-port=']}]}}"} {
		assert.Empty(t, ParseManifest("x", []byte(no)), no)
	}

	found[certs.NodeName] = certs.Found{Values: []string{"cp-7"}, Path: "kubelet.conf"}
	found[certs.ControlPlaneEndpoint] = certs.Found{Values: []string{"not a host"}, Path: "admin.conf"}
	found[certs.APIServerSANs] = certs.Found{Values: []string{"127.0.0.1"}, Path: "kubelet.conf"}
	in := Input{Host: NeutralHost(), Flags: map[string][]string{"apiserver-bind-port": {"8443"}}, Files: func(Settings) map[certs.Facts]certs.Found { return found }}
	s, _, err := Load(in)
	require.NoError(t, err)
	c := s.Cluster
	assert.Equal(t, certs.Node{Roles: certs.FirstNode, Name: "cp-7", AdvertiseAddress: netip.MustParseAddr("10.0.0.1"), BindPort: 8443}, c.Nodes[0])
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.43.0.0/16"), netip.MustParsePrefix("fd00::/112")}, c.ServiceCIDRs)
	assert.Equal(t, []string{"IP:127.0.0.1"}, c.APIServerSANs.Strings())
	assert.Empty(t, c.Endpoint, "no flag could have it")
	assert.True(t, c.Assumed.Has(certs.NodeName|certs.AdvertiseAddress|certs.ServiceCIDRs|certs.APIServerSANs), "nobody gave them")
	assert.False(t, c.Assumed.Has(certs.BindPort))
	assert.Len(t, c.Known, 4)
	assert.Equal(t, Origin{Layer: ByDirectory, Source: "kubelet.conf"}, s.Origin("node-name"))
	assert.False(t, s.Given("node-name"))

	found[certs.NodeName] = certs.Found{Unclear: "two files say two names"}
	delete(found, certs.AdvertiseAddress)
	s, _, err = Load(in)
	require.NoError(t, err)
	assert.Equal(t, map[certs.Facts]string{certs.NodeName: "two files say two names", certs.ControlPlaneEndpoint: `admin.conf has "not a host"`}, s.Cluster.Unknown)
	assert.Empty(t, s.Cluster.Nodes[0].Name, "this host is not asked")
	assert.Equal(t, "192.0.2.1", s.Cluster.Nodes[0].AdvertiseAddress.String())

	found[certs.AdvertiseAddress] = certs.Found{Values: []string{"x"}, Path: "kube-apiserver.yaml"}
	s, _, err = Load(in)
	require.NoError(t, err)
	assert.False(t, s.Cluster.Nodes[0].AdvertiseAddress.IsValid(), "this host is not asked")
	assert.Equal(t, `kube-apiserver.yaml has "x"`, s.Cluster.Unknown[certs.AdvertiseAddress])
}
