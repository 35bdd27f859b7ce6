package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// check is one question to a running control plane. No check needs another to have run before it; the first has to be
// the first, for it counts refusals, which others provoke.
type check struct {
	name string
	run  func(T, *site)
	// accepts are the rows that the check adds to the compatibility table: component and what it accepts.
	accepts []acceptance
}

// checks is the table; the last one reads the logs that the others left.
var checks = []check{
	{"components-ready", checkComponents, []acceptance{
		{"etcd", "server and peer certificates of etcd/, clients of etcd/ca.crt only"},
		{"kube-apiserver", "every certificate flag of kubeadm's static pod"},
		{"kube-controller-manager", "controller-manager.conf as its identity; ca.crt as --root-ca-file; CA pair for signing, unless the CA is external; sa.key"},
		{"kube-scheduler", "scheduler.conf as its identity"},
	}},
	{"identities", checkIdentities, []acceptance{{"kube-apiserver, kubectl", "the user and groups of each kubeconfig; admin.conf's rights by RBAC, super-admin.conf's without"}}},
	{"openssl-client", checkOpenSSLClient, []acceptance{{"kube-apiserver, kubectl", "client certificates made with openssl and our CA, for any CN and O; RBAC by user and by group"}}},
	{"refused-clients", checkRefusedClients, []acceptance{{"kube-apiserver", "nobody else: no certificate, foreign CA, etcd's CA, expired, not yet valid, serving certificate, wrong key"}}},
	{"front-proxy", checkFrontProxy, []acceptance{{"kube-apiserver", "front-proxy-client as the only one whose X-Remote headers count"}}},
	{"service-accounts", checkServiceAccounts, []acceptance{{"kube-apiserver, kube-controller-manager", "tokens signed with sa.key, verified with sa.pub; /openid/v1/jwks; TokenReview"}}},
	{"certificate-requests", checkCertificateRequests, []acceptance{{"kube-controller-manager", "our CA as the signer of the CSR API (in `external-ca`, whoever has its key); what is signed verifies"}}},
	{"node-identity", checkNodeIdentity, []acceptance{{"kube-apiserver", "kubelet.conf as the node that it names and no other (Node authorizer, NodeRestriction)"}}},
	{"kubelet", checkKubelet, []acceptance{{"kubelet (hollow), kube-apiserver", "apiserver-kubelet-client to the kubelet, the kubelet's serving certificate to the API server; `kubectl logs` and nodes/NAME/proxy"}}},
	{"worker", checkWorker, []acceptance{{"kubelet (hollow), kube-apiserver", "a further node's kubeconfig and serving certificate, made by `kubeconfig user` and `certs sign --as kubelet-serving`"}}},
	{"issued", checkIssued, []acceptance{{"kube-apiserver, etcd", "clients of `certs issue` and of `certs sign`, for the cluster and for etcd"}}},
	{"etcd-clients", checkEtcdClients, []acceptance{{"etcd", "healthcheck-client and apiserver-etcd-client; nobody without a certificate or with one of the cluster's CA, neither as a client nor as a peer"}}},
	{"serving-names", checkServingNames, []acceptance{{"kube-apiserver, etcd", "TLS by every DNS name and IP address of the serving certificates, and by no other"}}},
	{"kubeconfigs", checkKubeconfigs, []acceptance{{"client-go, kubectl", "every kubeconfig; config view --flatten; KUBECONFIG=a:b"}}},
	{"users", checkUsers, []acceptance{{"kube-apiserver", "a hundred users made from one list, each as who it is"}}},
	{"live", checkLive, nil},
	{"added-name", checkAddedName, []acceptance{{"kube-apiserver", "a renewed serving certificate with one more name, taken up without a restart"}}},
	{"logs", checkLogs, nil},
}

// TestControlPlane starts a control plane for each variant and puts every question to it.
func TestControlPlane(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, v)
			s.makePKI(t)
			switch {
			case v.externalEtcd:
				s.startExternalEtcd(t)
			case s.vault != "":
				s.startExternalCA(t)
			default:
				s.start(t, nil)
			}
			for _, c := range checks {
				t.Run(c.name, func(t *testing.T) {
					c.run(t, s)
					if !t.Failed() {
						suite.report.passed(c.name, v.name)
					}
				})
			}
		})
	}
}

// startExternalEtcd starts the etcd that plantEtcdClient made, and the control plane that uses it.
func (s *site) startExternalEtcd(t *testing.T) {
	e := s.etcd
	machine, err := cluster.NewMachine(suite.tools, e.dir)
	require.NoError(t, err)
	t.Cleanup(machine.Close)
	t.Cleanup(func() { keepLogs(t, "external-etcd", e.scratch("logs")) })
	flags, err := machine.EtcdFlags(limited(t), e.configFile())
	require.NoError(t, err)
	member, err := machine.NewMember("etcd-1", "127.0.0.1", flags)
	require.NoError(t, err)
	processes, err := machine.StartEtcd(member)
	require.NoError(t, err)
	require.NoError(t, machine.AwaitEtcd(limited(t), processes[0], member))
	e.Cluster = &cluster.Cluster{Machine: machine, Etcd: member}
	s.start(t, func(o *cluster.Options) { o.EtcdServers = member.ClientURL() })
}

// checkComponents asks whether the components did what takes their identities: readiness alone says little.
func checkComponents(t T, s *site) {
	for _, component := range []string{"kube-controller-manager", "kube-scheduler"} {
		eventually(t, func() error {
			holder, err := s.kubectl("super-admin.conf", "get", "lease", "-n", "kube-system", component, "-o", "jsonpath={.spec.holderIdentity}")
			if err == nil && holder == "" {
				err = fmt.Errorf("nobody holds the lease %s", component)
			}
			return err
		})
	}
	ca := s.read(t, s.pki("ca.crt"))
	eventually(t, func() error { // the controller manager's --root-ca-file reaches every namespace
		published, err := s.kubectl("super-admin.conf", "get", "configmap", "kube-root-ca.crt", "-o", `jsonpath={.data.ca\.crt}`)
		if err == nil && strings.TrimSpace(published) != strings.TrimSpace(ca) {
			err = fmt.Errorf("kube-root-ca.crt is\n%s, want ca.crt", published)
		}
		return err
	})
	var trust struct{ Data map[string]string }
	text := s.must(t, "get", "configmap", "-n", "kube-system", "extension-apiserver-authentication", "-o", "json")
	require.NoError(t, json.Unmarshal([]byte(text), &trust))
	assert.Equal(t, parseCertificates(t, []byte(ca)), parseCertificates(t, []byte(trust.Data["client-ca-file"])), "client CA that aggregated API servers trust")
	assert.Equal(t, certificates(t, s.pki("front-proxy-ca.crt")), parseCertificates(t, []byte(trust.Data["requestheader-client-ca-file"])), "front-proxy CA that aggregated API servers trust")
	checkEveryFileUsed(t, s)
	checkNobodyRefused(t, s)
	checkLogs(t, s)
}

// checkNobodyRefused asks the API server's counters whether anything failed while the components found each other: it
// keeps failed handshakes out of its log. The checks that provoke refusals come after this one.
func checkNobodyRefused(t T, s *site) {
	metrics := strings.Split(s.must(t, "get", "--raw", "/metrics"), "\n")
	assert.Contains(t, metrics, "apiserver_tls_handshake_errors_total 0")
	counted := 0
	for _, line := range metrics {
		if strings.HasPrefix(line, "authentication_attempts{") {
			assert.Contains(t, line, `{result="success"}`)
			counted++
		}
	}
	assert.Equal(t, 1, counted, "the API server counts no authentication attempts any more")
}

// checkEveryFileUsed asks whether the components together read every certificate and key that was made, so that none
// of them is only there to be looked at.
func checkEveryFileUsed(t T, s *site) {
	var flags strings.Builder
	for _, sites := range []*site{s, s.etcd} {
		if sites == nil {
			continue
		}
		for _, p := range sites.Processes() {
			flags.WriteString(strings.Join(p.Args, "\n") + "\n")
		}
	}
	// The CAs' own keys are for signing; only the cluster CA's is read by a component. healthcheck-client is for probes.
	notRead := map[string]bool{"front-proxy-ca.key": true, "etcd/ca.key": true, "etcd/healthcheck-client.crt": true, "etcd/healthcheck-client.key": true}
	for _, name := range s.files(t, s.pki()) {
		if !notRead[name] {
			assert.Contains(t, flags.String(), s.pki(name), "no component was told of %s", name)
		}
	}
}

// identity is what a kubeconfig says its holder is.
type identity struct {
	conf, user string
	groups     []string
}

func (s *site) identities() []identity {
	return []identity{
		{"admin.conf", "kubernetes-admin", []string{"kubeadm:cluster-admins"}},
		{"super-admin.conf", "kubernetes-super-admin", []string{"system:masters"}},
		{"kubelet.conf", "system:node:" + s.config.NodeName, []string{"system:nodes"}},
		{"controller-manager.conf", "system:kube-controller-manager", nil},
		{"scheduler.conf", "system:kube-scheduler", nil},
	}
}

// checkIdentities asks for the user, the groups and the very certificate that the API server sees in each kubeconfig,
// and whether admin.conf has the rights that RBAC gives it and super-admin.conf those that nobody has to give.
func checkIdentities(t T, s *site) {
	for _, id := range s.identities() {
		text, err := s.kubectl(id.conf, "auth", "whoami", "-o", "json")
		require.NoError(t, err)
		user := parseUserInfo(t, text)
		assert.Equal(t, id.user, user.Username, id.conf)
		assert.ElementsMatch(t, append(id.groups, "system:authenticated"), user.Groups, id.conf)
		fingerprint := sha256.Sum256(clientCertificate(t, s.original(id.conf)).Raw)
		assert.Equal(t, []string{"X509SHA256=" + hex.EncodeToString(fingerprint[:])}, user.Extra["authentication.kubernetes.io/credential-id"], id.conf)
	}
	checkAdminRights(t, s)
}

// checkAdminRights asks whether admin.conf's group can be made cluster-admin as kubeadm does, and super-admin.conf is it.
func checkAdminRights(t T, s *site) {
	const namespace = "admin-rights"
	s.must(t, "create", "namespace", namespace)
	create := func(conf, name string) error {
		if _, err := s.kubectl(conf, "create", "configmap", name, "-n", namespace, "--from-literal=by="+conf); err != nil {
			return err
		}
		by, err := s.kubectl(conf, "get", "configmap", name, "-n", namespace, "-o", "jsonpath={.data.by}")
		if err == nil && by != conf {
			err = fmt.Errorf("read back %q, wrote %q", by, conf)
		}
		return err
	}
	require.NoError(t, create("super-admin.conf", "one"))
	s.must(t, "delete", "clusterrolebinding", "kubeadm:cluster-admins", "--ignore-not-found")
	eventually(t, func() error {
		err := create("admin.conf", "two")
		if err == nil {
			return fmt.Errorf("admin.conf works without its ClusterRoleBinding")
		}
		return wantText(err, `configmaps is forbidden: User "kubernetes-admin" cannot create resource "configmaps"`)
	})
	s.must(t, "create", "clusterrolebinding", "kubeadm:cluster-admins", "--clusterrole=cluster-admin", "--group=kubeadm:cluster-admins")
	tries := 0
	eventually(t, func() error {
		tries++
		return create("admin.conf", fmt.Sprintf("bound-%d", tries))
	})
}

// checkLogs asks whether any component complained of a certificate other than where a check provoked it, or talked to
// anything beyond loopback.
func checkLogs(t T, s *site) {
	for _, each := range []*site{s, s.etcd} {
		if each == nil {
			continue
		}
		complaints, err := each.Complaints()
		require.NoError(t, err)
		assert.Empty(t, complaints)
		assert.Empty(t, each.Strays(), "sockets beyond loopback")
	}
}

// wantText turns an error with the text into nil, for eventually.
func wantText(err error, text string) error {
	if err != nil && strings.Contains(err.Error(), text) {
		return nil
	}
	return fmt.Errorf("got %v, want an error with %q", err, text)
}

func (s *site) read(t T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}
