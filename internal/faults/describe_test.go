//go:build linux && amd64

package faults_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// describe says of a whole file what it is for, without what is new each time: keys, serial numbers, instants. Two
// files of which it says the same serve the same. Of a torn file it says an error.
func describe(p string, f file) (string, error) {
	if copyName.MatchString(p) && strings.HasSuffix(p, ".bak") {
		p = strings.TrimSuffix(p, path.Ext(strings.TrimSuffix(p, ".bak"))+".bak")
	}
	switch path.Ext(p) {
	case ".key":
		key, err := keyOf(f)
		return fmt.Sprintf("%T", key), err
	case ".pub":
		b, err := blocksOf(f, "PUBLIC KEY")
		if err != nil {
			return "", err
		}
		key, err := x509.ParsePKIXPublicKey(b[0])
		return fmt.Sprintf("%T", key), err
	case ".crt":
		chain, err := chainOf(f)
		if err != nil {
			return "", err
		}
		var all []string
		for _, c := range chain {
			all = append(all, describeCertificate(c))
		}
		return strings.Join(all, "; "), nil
	case ".csr":
		r, err := requestOf(f)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(r.Subject, r.DNSNames, r.IPAddresses), nil
	case ".conf":
		return describeConf(f)
	case ".prom":
		return describeMetrics(f)
	}
	return f.data, nil
}

func describeCertificate(c *x509.Certificate) string {
	var names []string
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	names = append(append(names, c.DNSNames...), c.EmailAddresses...)
	slices.Sort(names)
	return fmt.Sprint(c.Subject, " by ", c.Issuer, " for ", names, c.KeyUsage, c.ExtKeyUsage, c.IsCA)
}

// blocksOf reads PEM blocks of one kind; anything else in the file is a fault.
func blocksOf(f file, kinds ...string) ([][]byte, error) {
	rest := []byte(f.data)
	var out [][]byte
	for len(bytes.TrimSpace(rest)) > 0 {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return nil, errors.New("text that is no PEM")
		}
		if !slices.Contains(kinds, b.Type) {
			return nil, fmt.Errorf("PEM block %s", b.Type)
		}
		out = append(out, b.Bytes)
	}
	if len(out) == 0 {
		return nil, errors.New("empty")
	}
	return out, nil
}

func keyOf(f file) (crypto.Signer, error) {
	b, err := blocksOf(f, "EC PRIVATE KEY", "RSA PRIVATE KEY", "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	if key, err := x509.ParseECPrivateKey(b[0]); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(b[0]); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(b[0])
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("a key that cannot sign")
	}
	return signer, nil
}

func chainOf(f file) ([]*x509.Certificate, error) {
	blocks, err := blocksOf(f, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, b := range blocks {
		c, err := x509.ParseCertificate(b)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func requestOf(f file) (*x509.CertificateRequest, error) {
	blocks, err := blocksOf(f, "CERTIFICATE REQUEST")
	if err != nil {
		return nil, err
	}
	r, err := x509.ParseCertificateRequest(blocks[0])
	if err == nil {
		err = r.CheckSignature()
	}
	return r, err
}

// samePublic reports whether a private key and a public one belong together.
func samePublic(key crypto.Signer, public any) bool {
	own, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && own.Equal(public)
}

// conf is as much of a kubeconfig as can be torn.
type conf struct {
	Clusters []struct {
		Name    string
		Cluster map[string]any
	}
	Contexts []struct {
		Name    string
		Context map[string]any
	}
	Users []struct {
		Name string
		User map[string]any
	}
	Current string `yaml:"current-context"`
	Kind    string
}

func confOf(f file) (conf, error) {
	var c conf
	if err := yaml.Unmarshal([]byte(f.data), &c); err != nil {
		return c, err
	}
	if c.Kind != "Config" || len(c.Clusters) == 0 || len(c.Contexts) == 0 || !strings.HasSuffix(f.data, "\n") {
		return c, errors.New("no whole kubeconfig")
	}
	return c, nil
}

func describeConf(f file) (string, error) {
	c, err := confOf(f)
	if err != nil {
		return "", err
	}
	for _, x := range c.Clusters {
		if err := replaceData(x.Cluster); err != nil {
			return "", err
		}
	}
	for _, x := range c.Users {
		if err := matches(x.User); err != nil {
			return "", err
		}
		if err := replaceData(x.User); err != nil {
			return "", err
		}
	}
	out, err := json.Marshal(c)
	return string(out), err
}

// replaceData puts in the place of embedded files what they are.
func replaceData(fields map[string]any) error {
	for name := range fields {
		as := map[string]string{"certificate-authority-data": ".crt", "client-certificate-data": ".crt", "client-key-data": ".key"}[name]
		if as == "" {
			continue
		}
		f, err := embedded(fields, name)
		if err != nil {
			return err
		}
		text, err := describe(as, f)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fields[name] = text
	}
	return nil
}

func embedded(fields map[string]any, name string) (file, error) {
	text, _ := fields[name].(string)
	data, err := base64.StdEncoding.DecodeString(text)
	return file{data: string(data)}, err
}

// matches says that the certificate of a user is for the user's key.
func matches(user map[string]any) error {
	if user["client-certificate-data"] == nil || user["client-key-data"] == nil {
		return nil
	}
	cert, err1 := embedded(user, "client-certificate-data")
	key, err2 := embedded(user, "client-key-data")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return matchPair(cert, key)
}

var errNoMatch = errors.New("key and certificate do not match")

func matchPair(cert, key file) error {
	chain, err := chainOf(cert)
	if err != nil {
		return err
	}
	private, err := keyOf(key)
	if err == nil && !samePublic(private, chain[0].PublicKey) {
		err = errNoMatch
	}
	return err
}

var metric = regexp.MustCompile(`^([a-z0-9_]+\{.*\}) \S+$`)

// describeMetrics gives the metrics without their values and serial numbers.
func describeMetrics(f file) (string, error) {
	var out []string
	for _, line := range strings.SplitAfter(f.data, "\n") {
		switch m := metric.FindStringSubmatch(strings.TrimSuffix(line, "\n")); {
		case line == "" || strings.HasPrefix(line, "#"):
		case m == nil || !strings.HasSuffix(line, "\n"):
			return "", fmt.Errorf("torn line %q", line)
		default:
			out = append(out, regexp.MustCompile(`serial_number="[^"]*"`).ReplaceAllString(m[1], ""))
		}
	}
	return strings.Join(out, "\n"), nil
}
