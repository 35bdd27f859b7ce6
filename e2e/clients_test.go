package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// person runs kubectl as somebody does who has a server's URL, ca.crt and a pair of files: client.crt and client.key.
func (s *site) person(base string, args ...string) (string, error) {
	credentials := []string{"--server", s.Server, "--certificate-authority", s.pki("ca.crt")}
	if base != "" {
		credentials = append(credentials, "--client-certificate", base+".crt", "--client-key", base+".key")
	}
	return s.kubectlRaw("", append(credentials, args...)...)
}

// openssl makes a client pair the way of every tutorial: genrsa, req, x509 -req; a version 1 certificate without
// extensions. Where no openssl is, a certificate of the same content is made without it.
func (s *site) openssl(t T, base, user string, groups ...string) {
	t.Helper()
	if !hasOpenSSL(t) {
		template := clientTemplate(user, groups...)
		template.ExtKeyUsage, template.KeyUsage = nil, 0
		loadAuthority(t, s.signer("ca")).sign(t, template).save(t, base)
		return
	}
	subject := "/CN=" + user
	for _, group := range groups {
		subject += "/O=" + group
	}
	for _, args := range [][]string{
		{"genrsa", "-out", base + ".key", "2048"},
		{"req", "-new", "-key", base + ".key", "-out", base + ".csr", "-subj", subject},
		{"x509", "-req", "-in", base + ".csr", "-CA", s.signer("ca.crt"), "-CAkey", s.signer("ca.key"),
			"-set_serial", fmt.Sprint(time.Now().UnixNano()), "-out", base + ".crt", "-days", "1"},
	} {
		_, err := runTool("openssl", args...)
		require.NoError(t, err)
	}
}

// checkOpenSSLClient asks whether certificates that a person makes with our CA are the users and groups that they name.
func checkOpenSSLClient(t T, s *site) {
	dave, erin := s.scratch("dave"), s.scratch("erin")
	s.openssl(t, dave, "dave", "dev", "ops")
	s.openssl(t, erin, "erin", "qa")
	forbidden := func(base, user string) {
		_, err := s.person(base, "get", "nodes")
		require.ErrorContains(t, err, fmt.Sprintf(`Error from server (Forbidden): nodes is forbidden: User %q cannot list resource "nodes" in API group "" at the cluster scope`, user))
	}
	allowed := func(base string) {
		eventually(t, func() error {
			_, err := s.person(base, "get", "nodes")
			return err
		})
	}
	forbidden(dave, "dave")
	forbidden(erin, "erin")
	s.must(t, "create", "clusterrole", "see-nodes", "--verb=get,list", "--resource=nodes")
	s.must(t, "create", "clusterrolebinding", "see-nodes-user", "--clusterrole=see-nodes", "--user=dave")
	allowed(dave)
	forbidden(erin, "erin")
	s.must(t, "create", "clusterrolebinding", "see-nodes-group", "--clusterrole=see-nodes", "--group=qa")
	allowed(erin)
	s.must(t, "delete", "clusterrolebinding", "see-nodes-user", "see-nodes-group")
	s.must(t, "delete", "clusterrole", "see-nodes")

	// A user that looks like an address is a user, and system:masters is above RBAC.
	odd := s.scratch("odd")
	s.openssl(t, odd, "10.20.30.31", "system:masters")
	out, err := s.person(odd, "auth", "whoami", "-o", "json")
	require.NoError(t, err)
	assert.Equal(t, "10.20.30.31", parseUserInfo(t, out).Username)
	_, err = s.person(odd, "get", "secrets", "--all-namespaces")
	require.NoError(t, err)
}

// checkRefusedClients asks whether everyone else is refused, with the words that a user sees.
func checkRefusedClients(t T, s *site) {
	ca := loadAuthority(t, s.signer("ca"))
	now := time.Now()
	past, future, serving := clientTemplate("mallory", "system:masters"), clientTemplate("mallory", "system:masters"), clientTemplate("mallory", "system:masters")
	past.NotBefore, past.NotAfter = now.Add(-2*time.Hour), now.Add(-time.Hour)
	future.NotBefore, future.NotAfter = now.Add(time.Hour), now.Add(2*time.Hour)
	serving.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	const unauthorized = "error: You must be logged in to the server (Unauthorized)"
	refused := []struct {
		name string
		id   authority
	}{
		{"certificate of a CA of another name", newAuthority(t, "stranger").client(t, "mallory", "system:masters")},
		{"certificate of a foreign CA of the same name", impostor(t, ca).client(t, "mallory", "system:masters")},
		{"expired certificate", ca.sign(t, past)},
		{"certificate not yet valid", ca.sign(t, future)},
		{"certificate for servers only", ca.sign(t, serving)},
	}
	s.must(t, "get", "nodes") // kubectl has to know the API: where it can't ask what there is, it words a refusal otherwise
	s.Provoke(func() {
		for _, c := range refused {
			base := s.scratch("refused")
			c.id.save(t, base)
			_, err := s.person(base, "get", "nodes")
			assert.ErrorContains(t, err, unauthorized, c.name)
		}
	})
	// kubectl without a certificate asks for a name and password, which the API server has no use for.
	out, err := s.person("", "get", "nodes")
	assert.Error(t, err, "no certificate")
	assert.Contains(t, out, "Please enter Username", "no certificate")
	status, text, err := s.api(nil).do(t, http.MethodGet, s.Server+"/api/v1/nodes", "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusForbidden, status)
	assert.Contains(t, text, `nodes is forbidden: User \"system:anonymous\" cannot list resource \"nodes\"`)
	checkRefusedPairs(t, s, unauthorized)
}

// checkRefusedPairs asks for the pairs of the PKI itself that are not for the API server's clients.
func checkRefusedPairs(t T, s *site, unauthorized string) {
	s.Provoke(func() {
		_, err := s.person(s.pki("apiserver-etcd-client"), "get", "nodes")
		assert.ErrorContains(t, err, unauthorized, "certificate of the etcd CA")
		_, err = s.person(s.pki("apiserver"), "get", "nodes")
		assert.ErrorContains(t, err, unauthorized, "apiserver.crt as a client")
	})
	_, err := s.kubectlRaw("", "--server", s.Server, "--certificate-authority", s.pki("ca.crt"),
		"--client-certificate", s.pki("apiserver-kubelet-client.crt"), "--client-key", s.pki("front-proxy-client.key"), "get", "nodes")
	assert.ErrorContains(t, err, "private key does not match public key", "a key that is not the certificate's")
}

// impostor makes a CA with the name and the key identifier of ca and another key.
func impostor(t T, ca authority) authority {
	t.Helper()
	return authority{}.sign(t, x509.Certificate{
		RawSubject: ca.cert.RawSubject, SubjectKeyId: ca.cert.SubjectKeyId,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
}

// checkFrontProxy asks whether front-proxy-client, and only that, speaks for other users.
func checkFrontProxy(t T, s *site) {
	asFrank := func(id tls.Certificate) caller {
		return s.api(&id).with("X-Remote-User", "frank").with("X-Remote-Group", "sales").with("X-Remote-Group", "emea").with("X-Remote-Extra-Scopes", "read")
	}
	user, err := asFrank(loadPair(t, s.pki("front-proxy-client"))).whoAmI(t, s.Server)
	require.NoError(t, err)
	assert.Equal(t, "frank", user.Username)
	assert.ElementsMatch(t, []string{"sales", "emea", "system:authenticated"}, user.Groups)
	assert.Equal(t, []string{"read"}, user.Extra["scopes"])

	s.Provoke(func() { // the API server says that the front-proxy CA doesn't know the certificate, then takes it for itself
		user, err = asFrank(loadPair(t, s.pki("apiserver-kubelet-client"))).whoAmI(t, s.Server)
		require.NoError(t, err)
		assert.Equal(t, "kube-apiserver-kubelet-client", user.Username, "headers count for another certificate")
		assert.Equal(t, []string{"system:authenticated"}, user.Groups)
	})
	other := loadAuthority(t, s.signer("front-proxy-ca")).client(t, "another-proxy")
	s.Provoke(func() {
		_, err = asFrank(*other.pair()).whoAmI(t, s.Server)
		assert.ErrorContains(t, err, "401", "a name outside --requestheader-allowed-names")
	})
}
