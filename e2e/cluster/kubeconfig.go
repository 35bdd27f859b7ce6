package cluster

import (
	"fmt"
	"net/url"

	"k8s.io/client-go/tools/clientcmd"
)

// LoopbackCopy writes a copy of the kubeconfig src to dst in which every cluster's server is the given loopback URL.
// The original host becomes tls-server-name, so that the name that would be verified still is; nobody dials it.
func LoopbackCopy(src, dst, server string) error {
	config, err := clientcmd.LoadFromFile(src)
	if err != nil {
		return fmt.Errorf("cluster: kubeconfig %s: %w", src, err)
	}
	for name, c := range config.Clusters {
		original, err := url.Parse(c.Server)
		if err != nil {
			return fmt.Errorf("cluster: kubeconfig %s: cluster %s: %w", src, name, err)
		}
		c.Server, c.TLSServerName = server, original.Hostname()
	}
	if err := clientcmd.WriteToFile(*config, dst); err != nil {
		return fmt.Errorf("cluster: kubeconfig %s: %w", dst, err)
	}
	return nil
}
