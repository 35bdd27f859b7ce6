package e2e

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/go-jose/go-jose.v2"
)

// checkServiceAccounts asks whether sa.key and sa.pub are the pair by which tokens are signed and verified, for the API
// server, which issues tokens, and for the controller manager, which fills token secrets.
func checkServiceAccounts(t T, s *site) {
	public := parsePublicKey(t, s.read(t, s.pki("sa.pub")))
	keySet := s.must(t, "get", "--raw", "/openid/v1/jwks")
	var keys jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal([]byte(keySet), &keys))
	require.Len(t, keys.Keys, 1, keySet)
	assert.Equal(t, public, keys.Keys[0].Key, "/openid/v1/jwks holds another key than sa.pub")

	const user = "system:serviceaccount:default:robot"
	s.apply(t, `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"robot"}}`)
	token := strings.TrimSpace(s.must(t, "create", "token", "robot"))
	checkToken(t, s, "token of the API server", token, user, public)

	status := s.reviewToken(t, token)
	assert.True(t, status.Authenticated, "TokenReview: %s", status.Error)
	assert.Equal(t, user, status.User.Username)
	s.Provoke(func() {
		forged := token[:strings.LastIndex(token, ".")+1] + strings.Repeat("A", 342)
		assert.False(t, s.reviewToken(t, forged).Authenticated, "a token with a false signature")
	})

	s.apply(t, `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/service-account-token",
		"metadata":{"name":"robot","annotations":{"kubernetes.io/service-account.name":"robot"}}}`)
	var secret struct{ Data map[string][]byte }
	eventually(t, func() error {
		text, err := s.kubectl("super-admin.conf", "get", "secret", "robot", "-o", "json")
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &secret); err != nil {
			return err
		}
		if len(secret.Data["token"]) == 0 {
			return fmt.Errorf("the controller manager hasn't filled the token secret")
		}
		return nil
	})
	checkToken(t, s, "token of the controller manager", string(secret.Data["token"]), user, public)
	assert.Equal(t, certificates(t, s.pki("ca.crt")), parseCertificates(t, secret.Data["ca.crt"]), "CA beside the token")
}

// checkToken asks whether the token is signed by the key of public and whether the API server takes its bearer for user.
func checkToken(t T, s *site, what, token, user string, public any) {
	t.Helper()
	signed, err := jose.ParseSigned(token)
	require.NoError(t, err, what)
	_, err = signed.Verify(public)
	require.NoError(t, err, "%s is not signed with sa.key", what)
	info, err := s.api(nil).with("Authorization", "Bearer "+token).whoAmI(t, s.Server)
	require.NoError(t, err, what)
	assert.Equal(t, user, info.Username, what)
}

// tokenStatus is the answer to a TokenReview.
type tokenStatus struct {
	Authenticated bool
	Error         string
	User          userInfo
}

func (s *site) reviewToken(t T, token string) tokenStatus {
	t.Helper()
	admin := clientPair(t, s.original("super-admin.conf"))
	body, err := json.Marshal(map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": map[string]string{"token": token},
	})
	require.NoError(t, err)
	status, text, err := s.api(&admin).do(t, http.MethodPost, s.Server+"/apis/authentication.k8s.io/v1/tokenreviews", string(body))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, status, text)
	var review struct{ Status tokenStatus }
	require.NoError(t, json.Unmarshal([]byte(text), &review))
	return review.Status
}

func parsePublicKey(t T, text string) any {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	require.NotNil(t, block, "no PEM in sa.pub")
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(t, err)
	return key
}
