// Command hollow-kubelet runs the kubelet's own registration, lease, serving, x509 and webhook code over fakes for
// containers, cgroups and mounts (kubemark's), so that a node's certificates are judged by the real judge on a machine
// without a container runtime. It listens on a loopback address only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/apimachinery/pkg/types"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"
	remote "k8s.io/cri-client/pkg"
	fakeremote "k8s.io/cri-client/pkg/fake"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app"
	kubeletoptions "k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubemark"
)

// options are the command line: what the node is, and its certificate files.
type options struct {
	name       string
	kubeconfig string
	clientCA   string
	cert, key  string
	address    string
	port       int
	root       string
}

func main() {
	var o options
	flag.StringVar(&o.name, "name", "", "name of the node")
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of the node")
	flag.StringVar(&o.clientCA, "client-ca-file", "", "CAs whose client certificates the kubelet's server accepts")
	flag.StringVar(&o.cert, "tls-cert-file", "", "serving certificate")
	flag.StringVar(&o.key, "tls-private-key-file", "", "key of the serving certificate")
	flag.StringVar(&o.address, "address", "127.0.0.1", "loopback address to listen on")
	flag.IntVar(&o.port, "port", 10250, "port to listen on")
	flag.StringVar(&o.root, "root-dir", "", "folder for the kubelet's state; its path must be short enough for a socket in it")
	showVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *showVersion {
		fmt.Println("Kubernetes", version.Get().GitVersion)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "hollow-kubelet:", err)
		os.Exit(1)
	}
}

// run starts the kubelet and returns when ctx ends or the start fails.
func run(ctx context.Context, o options) error {
	if ip := net.ParseIP(o.address); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("address %q is not a loopback address", o.address)
	}
	client, heartbeat, err := clients(o.kubeconfig)
	if err != nil {
		return err
	}
	flags, config := kubemark.GetHollowKubeletConfig(&kubemark.HollowKubeletOptions{NodeName: o.name, KubeletPort: o.port, MaxPods: 10})
	if err := moveInto(o.root, flags, config); err != nil {
		return err
	}
	// The kubelet refuses a loopback node IP and would look its name up in the DNS instead; with an external cloud
	// provider it leaves the addresses to that provider, here: whoever started us.
	flags.CloudProvider = "external"
	config.Address = o.address
	config.TLSCertFile, config.TLSPrivateKeyFile = o.cert, o.key
	authenticateAsKubeadm(config, o.clientCA)

	runtimeEndpoint := "unix://" + filepath.Join(o.root, "cri.sock")
	fakeRuntime := fakeremote.NewFakeRemoteRuntime()
	if err := fakeRuntime.Start(runtimeEndpoint); err != nil {
		return fmt.Errorf("fake container runtime: %w", err)
	}
	defer fakeRuntime.Stop()
	runtimeService, err := remote.NewRemoteRuntimeService(ctx, runtimeEndpoint, 15*time.Second, noop.NewTracerProvider(), false)
	if err != nil {
		return fmt.Errorf("connect to the fake container runtime: %w", err)
	}
	kubelet := kubemark.NewHollowKubelet(flags, config, client, heartbeat,
		&cadvisortest.Fake{NodeName: o.name}, fakeRuntime.ImageService, runtimeService, cm.NewStubContainerManager())

	tlsOptions, err := kubeletapp.InitializeTLS(ctx, flags, config)
	if err != nil {
		return fmt.Errorf("serving certificate: %w", err)
	}
	auth, reloadCA, err := kubeletapp.BuildAuth(types.NodeName(o.name), client, *config)
	if err != nil {
		return fmt.Errorf("authentication: %w", err)
	}
	reloadCA(ctx.Done())
	kubelet.KubeletDeps.TLSOptions = tlsOptions
	kubelet.KubeletDeps.Auth = auth
	go kubelet.Run(ctx) // never returns
	<-ctx.Done()
	return nil
}

// moveInto puts the kubelet's folders into root. kubemark makes them in /tmp, where nobody would remove them.
func moveInto(root string, flags *kubeletoptions.KubeletFlags, config *kubeletconfig.KubeletConfiguration) error {
	if err := os.RemoveAll(flags.RootDirectory); err != nil {
		return err
	}
	flags.RootDirectory = root
	config.StaticPodPath, config.PodLogsDir = filepath.Join(root, "static-pods"), filepath.Join(root, "pod-logs")
	for _, dir := range []string{config.StaticPodPath, config.PodLogsDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// authenticateAsKubeadm sets what kubeadm's KubeletConfiguration sets: x509 and webhook, nobody anonymous.
func authenticateAsKubeadm(config *kubeletconfig.KubeletConfiguration, clientCA string) {
	config.Authentication.Anonymous.Enabled = false
	config.Authentication.Webhook.Enabled = true
	config.Authentication.X509.ClientCAFile = clientCA
	config.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook
	// A test binds a role and expects it to count; the kubelet would remember for half a minute that it had said no.
	config.Authorization.Webhook.CacheUnauthorizedTTL.Duration = time.Second
}

// clients makes the kubelet's two clients: the ordinary one and the one for heartbeats.
func clients(kubeconfig string) (client, heartbeat *clientset.Clientset, err error) {
	if kubeconfig == "" {
		return nil, nil, errors.New("no --kubeconfig")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if client, err = clientset.NewForConfig(config); err != nil {
		return nil, nil, fmt.Errorf("kubeconfig: %w", err)
	}
	config.QPS = -1
	if heartbeat, err = clientset.NewForConfig(config); err != nil {
		return nil, nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return client, heartbeat, nil
}
