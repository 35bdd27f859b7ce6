package cmd

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
)

// What is needed and not known is said with the flag that gives it.
func TestUnknownFacts(t *testing.T) {
	why := map[certs.Facts]string{
		certs.NodeName:         `this host's name "my_host" is not a DNS name`,
		certs.AdvertiseAddress: "this host has no default route with a global address",
	}
	require.NoError(t, unknown(why, certs.ClusterName|certs.BindPort))
	require.NoError(t, unknown(nil, certs.NodeName))
	var b bytes.Buffer
	assert.Equal(t, exitUsage, report(&b, unknown(why, certs.NodeName|certs.AdvertiseAddress)))
	assert.Equal(t, `error: --node-name: is not given, and this host's name "my_host" is not a DNS name
hint: give --node-name, or nodeRegistration.name in the configuration
error: --apiserver-advertise-address: is not given, and this host has no default route with a global address
hint: give --apiserver-advertise-address, or localAPIEndpoint.advertiseAddress in the configuration
`, b.String())
}

// A row needs of the host what is in it.
func TestRowNeeds(t *testing.T) {
	for name, want := range map[string]certs.Facts{
		"ca": 0, "sa": 0, "front-proxy-client": 0,
		"etcd-peer": certs.NodeName | certs.AdvertiseAddress,
		"scheduler": certs.AdvertiseAddress,
	} {
		assert.Equal(t, want, needs([]string{name})&(certs.NodeName|certs.AdvertiseAddress), name)
	}
}
