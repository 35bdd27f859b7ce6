package opensslcmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
	"github.com/pkitool/pkitool/pki/verify"
)

// Files of a -CApath or -CAstore that hold more, or something else, than their names say: what of it counts, and
// where openssl ends.
func TestOddDirectoriesAgainstOpenSSL(t *testing.T) {
	block := func(label string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
	}
	cert := func(der []byte) string { return block("CERTIFICATE", der) }
	hash := func(der []byte) string {
		c, err := verify.ParseCertificate(der)
		require.NoError(t, err)
		return fmt.Sprintf("%08x", c.Subject().Hash())
	}
	// No certificate names its issuer's key, so an impostor could be any name's issuer.
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	keys := map[string]*ecdsa.PrivateKey{}
	for _, name := range []string{"ca", "inter", "leaf"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		keys[name] = key
	}
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name}, NotBefore: at.AddDate(-1, 0, 0), NotAfter: at.AddDate(3, 0, 0),
			IsCA: name != "leaf", BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
	}
	issue := func(name, by, key, byKey string) []byte {
		der, err := x509.CreateCertificate(rand.Reader, template(name), template(by), &keys[key].PublicKey, keys[byKey])
		require.NoError(t, err)
		return der
	}
	impostor := issue("ca", "ca", "leaf", "leaf")
	ca, inter, leaf := issue("ca", "ca", "ca", "ca"), issue("inter", "ca", "inter", "ca"), issue("leaf", "inter", "leaf", "inter")
	list := func(name string, issuer []byte) string {
		c, err := x509.ParseCertificate(issuer)
		require.NoError(t, err)
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at.AddDate(0, -1, 0), NextUpdate: at.AddDate(0, 1, 0)}, c, keys[name])
		require.NoError(t, err)
		return block("X509 CRL", der)
	}
	caCRL, interCRL := list("ca", ca), list("inter", inter)
	publicKey, err := x509.MarshalPKIXPublicKey(&keys["leaf"].PublicKey)
	require.NoError(t, err)
	const (
		garbage = "garbage\n"
		damaged = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"
		noText  = "-----BEGIN X-----\nM!!A\n-----END X-----\n"
		noKey   = "-----BEGIN RSA PRIVATE KEY-----\nMAAA\n-----END RSA PRIVATE KEY-----\n"
		noCRL   = "-----BEGIN X509 CRL-----\nMAAA\n-----END X509 CRL-----\n"
	)
	h, i := hash(ca), hash(inter)
	key := block("PUBLIC KEY", publicKey)
	root, sub, other := cert(ca), cert(inter), cert(leaf)
	rows := map[string]map[string]string{
		"as it should be":              {h + ".0": root, i + ".0": sub, h + ".r0": caCRL, i + ".r0": interCRL},
		"garbage in front":             {h + ".0": garbage, h + ".1": root, i + ".0": sub},
		"nothing in front":             {h + ".0": "", h + ".1": root, i + ".0": sub},
		"another one in front":         {h + ".0": other, h + ".1": root, i + ".0": sub},
		"an impostor in front":         {h + ".0": cert(impostor), h + ".1": root, i + ".0": sub},
		"a gap in front":               {h + ".1": root, i + ".0": sub},
		"a CRL in front":               {h + ".0": caCRL, h + ".1": root, i + ".0": sub},
		"a damaged one behind":         {h + ".0": root + damaged, i + ".0": sub},
		"a damaged one before":         {h + ".0": damaged + root, i + ".0": sub},
		"a damaged one between":        {h + ".0": cert(impostor) + damaged, h + ".1": root, i + ".0": sub},
		"no base64 before":             {h + ".0": noText + root, i + ".0": sub},
		"no key before":                {h + ".0": noKey + root, i + ".0": sub},
		"no CRL before":                {h + ".0": noCRL + root, i + ".0": sub},
		"a key before":                 {h + ".0": key + root, i + ".0": sub},
		"a key behind":                 {h + ".0": root + key, i + ".0": sub},
		"both in one":                  {i + ".0": sub + root},
		"both in the other":            {h + ".0": root + sub},
		"an impostor beside":           {i + ".0": sub + cert(impostor), h + ".0": root},
		"CRLs: garbage in front":       {h + ".0": root, i + ".0": sub, i + ".r0": garbage, i + ".r1": interCRL, h + ".r0": caCRL},
		"CRLs: a certificate before":   {h + ".0": root, i + ".0": sub, i + ".r0": sub + interCRL, h + ".r0": caCRL},
		"CRLs: damaged before":         {h + ".0": root, i + ".0": sub, i + ".r0": damaged + interCRL, h + ".r0": caCRL},
		"CRLs: both in one":            {h + ".0": root, i + ".0": sub, i + ".r0": interCRL + caCRL},
		"CRLs: beside the certificate": {h + ".0": root + caCRL, i + ".0": sub + interCRL},
	}
	var names []string
	for name := range rows {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []cases.Case
	add := func(class string, files []cases.File, args ...string) {
		files = append(files, cases.File{Name: "target.pem", Data: []byte(cert(leaf))}, cases.File{Name: "sub.pem", Data: []byte(sub)})
		args = append([]string{"-no-CAfile", "-attime", strconv.FormatInt(at.Unix(), 10)}, args...)
		all = append(all, cases.Case{Number: len(all), Class: class, Files: files, Args: append(args, "target.pem")})
	}
	for _, name := range names {
		var files []cases.File
		for file, text := range rows[name] {
			files = append(files, cases.File{Name: "hashed/" + file, Data: []byte(text)})
		}
		add(name, files, "-no-CAstore", "-CApath", "hashed")
		add(name+", untrusted", files, "-no-CAstore", "-CApath", "hashed", "-untrusted", "sub.pem")
		add(name+", CRLs", files, "-no-CAstore", "-CApath", "hashed", "-crl_check_all")
		if _, two := rows[name][h+".1"]; two || strings.HasPrefix(name, "CRLs") {
			continue // in a -CAstore their order would be the file system's
		}
		add(name, files, "-no-CApath", "-CAstore", "hashed")
		add(name+", untrusted", files, "-no-CApath", "-CAstore", "hashed", "-untrusted", "sub.pem")
	}
	for name, text := range map[string]string{
		"both": root + sub, "the other order": sub + root, "garbage": garbage + root + sub, "damaged before": damaged + root + sub, "damaged between": root + damaged + sub,
		"a key before": key + root + sub, "a key between": sub + key + root, "a key behind": sub + root + key, "CRLs": sub + root + interCRL + caCRL, "no key": noKey + sub + root,
	} {
		files := []cases.File{{Name: "store.pem", Data: []byte(text)}}
		add("file: "+name, files, "-no-CApath", "-CAstore", "store.pem")
		add("file: "+name+", untrusted", files, "-no-CApath", "-CAstore", "store.pem", "-untrusted", "sub.pem")
		add("file: "+name+", CRLs", files, "-no-CApath", "-CAstore", "store.pem", "-crl_check_all")
	}
	// A store is not asked for a name that the -CAfile has, but for the target itself, and that comes too late for issuers.
	old := template("inter")
	old.NotAfter = at.AddDate(0, -1, 0)
	ended, err := x509.CreateCertificate(rand.Reader, old, template("ca"), &keys["inter"].PublicKey, keys["ca"])
	require.NoError(t, err)
	stranger := issue("inter", "ca", "ca", "ca")
	for name, text := range map[string]string{"an expired issuer": cert(ended), "another issuer": cert(stranger), "a root": root} {
		files := []cases.File{{Name: "ca.pem", Data: []byte(text)}, {Name: "store.pem", Data: []byte(root + sub + other)}}
		for _, more := range [][]string{nil, {"-partial_chain"}, {"-partial_chain", "-untrusted", "sub.pem"}} {
			add("beside: "+name, files, append([]string{"-no-CApath", "-CAfile", "ca.pem", "-CAstore", "store.pem"}, more...)...)
		}
	}
	agreeOn(t, all)
}
