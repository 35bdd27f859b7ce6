package openssl_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// Beside a certificate, a file of anchors may hold what is called a private key only if it is one, in form.
func TestKeysAmongAnchorsAgainstOpenSSL(t *testing.T) {
	anchor := plain(t)
	o := newInstalled(t, anchor.Raw)
	scalar := strings.Repeat("42", 32)
	p256 := "a00a06082a8648ce3d030107"
	rsaNumbers := "02010f020103020103020103020105020101020101020101"
	for _, c := range []struct {
		name, labels string // separated by |, the part before PRIVATE KEY
		der          []byte
		want         bool
	}{
		{"PKCS #1", "|RSA|rsa|rsaEncryption|FOO|HMAC", pkcs1(t), true},
		{"PKCS #1", "EC|DSA|RSA-PSS|DH|ED25519", pkcs1(t), false},
		{"RSA in PKCS #8", "|RSA", pkcs8(t, rsaTestKey(t)), true},
		{"RSA in PKCS #8", "RSA-PSS|EC", pkcs8(t, rsaTestKey(t)), false},
		{"SEC 1", "|EC|ec|SM2|id-ecPublicKey", sec1(t), true},
		{"SEC 1", "RSA|DSA|X25519", sec1(t), false},
		{"EC in PKCS #8", "|EC|SM2", pkcs8(t, ecTestKey(t)), true},
		{"EC in PKCS #8", "RSA|DSA|ED25519", pkcs8(t, ecTestKey(t)), false},
		{"Ed25519", "|ED25519|ed25519", pkcs8(t, ed25519.NewKeyFromSeed(make([]byte, 32))), true},
		{"Ed25519", "ED448|X25519|EC", pkcs8(t, ed25519.NewKeyFromSeed(make([]byte, 32))), false},
		{"X25519", "|X25519", pkcs8(t, xTestKey(t)), true},
		{"DSA", "|DSA|DSA-SHA1|dsaEncryption", unhex("301202010002011702010b020104020103020102"), true},
		{"DSA", "RSA|EC", unhex("301202010002011702010b020104020103020102"), false},
		{"a certificate", "|EC|RSA|FOO", anchor.Raw, false},
		{"a certificate", "ENCRYPTED", anchor.Raw, true},
		{"nothing", "|EC|FOO|X", unhex("3000"), false},
		{"nothing", "ENCRYPTED", unhex("3000"), true},
		{"octets behind a key", "|EC", append(sec1(t), "xx"...), true},
		{"small numbers", "|RSA", unhex("301b020100" + rsaNumbers), true},
		{"a number too few", "|RSA", unhex("3018020100" + rsaNumbers[:42]), false},
		{"a number too many", "|RSA", unhex("301e020100" + rsaNumbers + "020101"), false},
		{"more primes, but none", "|RSA", unhex("301b020101" + rsaNumbers), false},
		{"more primes, but an empty list", "|RSA", unhex("301d020101" + rsaNumbers + "3000"), false},
		{"more primes", "|RSA", unhex("3028020101" + rsaNumbers + "300b3009020103020103020103"), true},
		{"primes, but the version of none", "|RSA", unhex("301d020100" + rsaNumbers + "3000"), true},
		{"a scalar of zero", "|EC", unhex("30310201010420" + strings.Repeat("00", 32) + p256), true},
		{"a scalar on no curve", "|EC", unhex("30250201010420" + scalar), false},
		{"a scalar on a curve that nobody knows", "|EC", unhex("30310201010420" + scalar + "a00a06082a8648ce3d030197"), false},
		{"a scalar on secp256k1", "|EC", unhex("302e0201010420" + scalar + "a00706052b8104000a"), true},
		{"an octet too many in SEC 1", "|EC", unhex("30330201010420" + scalar + p256 + "0500"), false},
		{"a scalar on a curve that is written out", "|EC", explicitKey(t), true},
		{"RSA with the parameters of another", "|RSA", unhex("3034020100301006092a864886f70d01010106032a0304041d301b020100" + rsaNumbers), true},
		{"EC in PKCS #8 without a curve", "|EC", unhex("30320201003009" + "06072a8648ce3d0201" + "0422302002010104" + "1b" + scalar[:54]), false},
		{"a number outside", "|RSA", append(unhex("301b020100"+rsaNumbers), 2, 1, 1), true},
		{"attributes", "|ED25519", unhex("3030020100300506032b657004220420" + scalar + "a000"), true},
		{"a public key in PKCS #8", "|ED25519", unhex("3051020101300506032b657004220420" + scalar + "812100" + scalar), false},
		{"something else in PKCS #8", "|ED25519", unhex("3030020100300506032b657004220420" + scalar + "0500"), false},
		{"an unknown algorithm", "", unhex("30130201003007060355040305000405040301020304"), false},
		{"a short seed", "|ED25519", unhex("302d020100300506032b65700421041f" + scalar[:62]), false},
		{"parameters of Ed25519", "|ED25519", unhex("3030020100300706032b6570050004220420" + scalar), false},
	} {
		for label := range strings.SplitSeq(c.labels, "|") {
			label = strings.TrimSpace(label + " PRIVATE KEY")
			text := armour("CERTIFICATE", anchor.Raw) + armour(label, c.der)
			_, err := openssl.ParseStore([]byte(text))
			assert.Equal(t, c.want, err == nil, "%s under %s: %v", c.name, label, err)
			assert.Equal(t, c.want, o.store(t, text), "%s under %s, by openssl", c.name, label)
		}
	}
}

// An encrypted key is passed over, if its header says how it is encrypted.
func TestEncryptedKeysAmongAnchorsAgainstOpenSSL(t *testing.T) {
	good := armour("CERTIFICATE", plain(t).Raw)
	o := newInstalled(t, plain(t).Raw)
	const vector = "00112233445566778899AABBCCDDEEFF"
	for header, want := range map[string]bool{
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC," + vector:            true,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: aes-256-ctr," + vector + "00":     true,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC," + vector + "\nx: y": true,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,0011223344556677":    true,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: ARIA-192-CFB8," + vector:          true,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: SEED-OFB," + vector:               true,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: RC2-64-CBC,0011223344556677":      true,
		"Proc-Type:4, \tENCRYPTED \nDEK-Info:\tSM4-CBC \t," + vector:         true,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC, " + vector:           false,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC," + vector[1:]:        false,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,x" + vector:           false,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC":                      false,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: FOO-128-CBC," + vector:            false,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-XYZ," + vector:            false,
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: ," + vector:                       false,
		"Proc-Type: 4,ENCRYPTED":                                             false,
		"Proc-Type: 4,ENCRYPTED\nx: y\nDEK-Info: AES-128-CBC," + vector:      false,
		"Proc-Type: 4,ENCRYPTEDX\nDEK-Info: AES-128-CBC," + vector:           false,
		"Proc-Type: 4 ,ENCRYPTED\nDEK-Info: AES-128-CBC," + vector:           false,
		"Proc-Type: 3,ENCRYPTED\nDEK-Info: AES-128-CBC," + vector:            false,
		"proc-type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC," + vector:            false,
		"a: b": false,
	} {
		for _, label := range []string{"RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PRIVATE KEYS"} {
			text := good + "-----BEGIN " + label + "-----\n" + header + "\n\nMAA=\n-----END " + label + "-----\n"
			_, err := openssl.ParseStore([]byte(text))
			assert.Equal(t, want, err == nil, "%s under %s", header, label)
			assert.Equal(t, want, o.store(t, text), "%s under %s, by openssl", header, label)
		}
	}
}

// explicitKey is a scalar on P-256, of which there are all the parameters in place of the name.
func explicitKey(t *testing.T) []byte {
	der, err := exec.Command("openssl", "ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout", "-outform", "DER").Output()
	require.NoError(t, err)
	return der
}

func unhex(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

func rsaTestKey(t *testing.T) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func ecTestKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	return key
}

func xTestKey(t *testing.T) *ecdh.PrivateKey {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	return key
}

func pkcs1(t *testing.T) []byte { return x509.MarshalPKCS1PrivateKey(rsaTestKey(t)) }

func sec1(t *testing.T) []byte {
	der, err := x509.MarshalECPrivateKey(ecTestKey(t))
	require.NoError(t, err)
	return der
}

func pkcs8(t *testing.T, key any) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return der
}
