package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

// maxText bounds a single value, in bytes: no name or path is longer.
// maxEntries bounds a list: what works on names compares each with each.
const (
	maxText    = 4096
	maxEntries = 1000
)

// checkText refuses what no setting can hold, and what would let a value
// write itself across a message.
func checkText(s string) error {
	switch {
	case len(s) > maxText:
		return fmt.Errorf("is longer than %d bytes", maxText)
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", clip(s))
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%q has a character that cannot be printed", clip(s))
	}
	return nil
}

// one makes the setter of a single value from a function that reads it.
func one(set func(*Settings, string) error) func(*draft, []item) {
	return each(func(d *draft, it item) error { return set(&d.Settings, it.text) })
}

// each makes a setter from a function that reads one item.
func each(set func(*draft, item) error) func(*draft, []item) {
	return func(d *draft, items []item) {
		if len(items) > maxEntries {
			d.faults.addf(items[maxEntries].at, "one entry more than the %d that a list may have", maxEntries)
			return
		}
		for _, it := range items {
			err := checkText(it.text)
			if err == nil {
				err = set(d, it)
			}
			if err != nil {
				d.faults.add(it.at, err)
			}
		}
	}
}

func setClusterName(s *Settings, v string) error {
	s.Cluster.Name = v
	return notEmpty(v)
}

func setDNSDomain(s *Settings, v string) error {
	s.Cluster.DNSDomain = v
	return clipped(pki.CheckDNSName(v))
}

// clipped shortens what another package says about a long value.
func clipped(err error) error {
	if err != nil && len(err.Error()) > 500 {
		return errors.New(err.Error()[:100] + "... is too long")
	}
	return err
}

// sans is the part of extra names.
func sans(path string, of func(*certs.Cluster) *pki.SANs) part {
	return part{
		paths: in(clusterKind, path),
		set: func(d *draft, items []item) {
			var all []pki.SANs
			each(func(_ *draft, it item) error {
				got, err := pki.ParseSANs([]string{d.decimal(it.at, it.text)})
				all = append(all, got)
				return clipped(err)
			})(d, items)
			*of(&d.Cluster) = pki.Join(all...)
		},
		// As certSANs has them: without types.
		show: func(s Settings) []string {
			names := of(&s.Cluster)
			return append(slices.Clone(names.DNS), textsOf(names.IPs)...)
		},
	}
}

func setKeyAlgorithm(s *Settings, v string) (err error) {
	s.Cluster.KeyAlgorithm, err = pki.ParseKeyAlgorithm(v)
	return clipped(err)
}

func setSAKeyAlgorithm(s *Settings, v string) error {
	if v == "" { // given to say: as kubeadm
		s.Cluster.SAKeyAlgorithm = ""
		return nil
	}
	a, err := pki.ParseKeyAlgorithm(v)
	if err == nil && !slices.Contains(saAlgorithms(), a) {
		err = fmt.Errorf("%s is for certificates only: must be one of %s", a, algorithmNames(saAlgorithms()))
	}
	s.Cluster.SAKeyAlgorithm = a
	return clipped(err)
}

// saAlgorithms are those that a service-account token can be signed with: the
// API server knows RS* and ES* (k8s.io/kubernetes pkg/serviceaccount/jwt.go).
func saAlgorithms() []pki.KeyAlgorithm {
	return slices.DeleteFunc(pki.KeyAlgorithms(), func(a pki.KeyAlgorithm) bool { return a == pki.Ed25519 })
}

func algorithmNames(all []pki.KeyAlgorithm) string {
	var names []string
	for _, a := range all {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

func setValidity(of func(*certs.Cluster) *time.Duration) func(*Settings, string) error {
	return func(s *Settings, v string) (err error) {
		*of(&s.Cluster), err = parseValidity(v)
		return err
	}
}

// parseValidity reads how long a certificate is valid; their times count in seconds.
func parseValidity(v string) (time.Duration, error) {
	d, err := ParseDuration(v)
	if err == nil && d < time.Second {
		return 0, fmt.Errorf("%q is no time to be valid: must be 1s at least", clip(v))
	}
	return d, err
}

func setNodeName(s *Settings, v string) (err error) {
	s.Cluster.Nodes[0].Name, err = nodeName(v)
	return err
}

// nodeName lower-cases a node's name, as the kubelet does. An IPv4 address is
// a name as well (RFC 1123 section 2.1 leaves the two apart by form only).
func nodeName(v string) (string, error) {
	name := pki.LowerASCII(strings.TrimSpace(v))
	if name == "" {
		return "", errors.New("is empty")
	}
	if a, err := netip.ParseAddr(name); err == nil && a.Is4() {
		return name, nil
	}
	return name, clipped(pki.CheckDNSName(name))
}

func setAdvertiseAddress(d *draft, it item) error {
	addr, err := netip.ParseAddr(d.decimal(it.at, it.text))
	switch {
	case err != nil:
		return fmt.Errorf("%q is not an IP address", clip(it.text))
	case addr.Unmap().IsUnspecified(): // the host is asked
		delete(d.origins, "apiserver-advertise-address")
		return nil
	}
	d.Cluster.Nodes[0].AdvertiseAddress, err = advertisable(addr)
	return err
}

// advertisable says whether an API server can be reached at an address. As in
// kubeadm (VerifyAPIServerBindAddress) it is a global unicast one or loopback.
func advertisable(a netip.Addr) (netip.Addr, error) {
	a = a.Unmap()
	switch {
	case a.Zone() != "":
		return a, fmt.Errorf("%q has a zone, which has no meaning on other hosts", a)
	case !a.IsGlobalUnicast() && !a.IsLoopback():
		return a, fmt.Errorf("%q is not an address to reach one API server at (link-local, multicast or broadcast)", a)
	}
	return a, nil
}

func setBindPort(s *Settings, v string) (err error) {
	s.Cluster.Nodes[0].BindPort, err = parsePort(v)
	return err
}

// checkCertificateKey judges without repeating the value: it is a secret.
func checkCertificateKey(_ *Settings, v string) error {
	if key, err := hex.DecodeString(v); err != nil || len(key) != 32 {
		return errors.New("is not an AES key of 32 bytes in hexadecimal digits")
	}
	return nil
}

// setCertDir wants, like kubeadm, an absolute path in a file. A flag may be
// relative: to the working directory, as everywhere.
func setCertDir(d *draft, it item) error {
	if it.at.Layer == ByFile && !filepath.IsAbs(it.text) {
		return withHint(fmt.Errorf("%q: path is not absolute", clip(it.text)), "--cert-dir may be relative")
	}
	d.CertDir = it.text
	return notEmpty(it.text)
}

func setKubeconfigDir(s *Settings, v string) error {
	s.KubeconfigDir = v
	return notEmpty(v)
}

func notEmpty(v string) error {
	if v == "" {
		return errors.New("is empty")
	}
	return nil
}

func setCertMode(s *Settings, v string) error {
	mode, ok := map[string]fs.FileMode{"0644": 0o644, "0600": 0o600}[v]
	if !ok {
		return fmt.Errorf("%q is not a mode for certificates: must be 0644 or 0600", clip(v))
	}
	s.CertMode = mode
	return nil
}

func setBool(of func(*Settings) *bool) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", clip(v))
		}
		*of(s) = b
		return nil
	}
}

// otherPhases are kubeadm's phases of init and join that have nothing to do
// with PKI: a file may skip them, and that changes nothing here.
var otherPhases = []string{
	"preflight", "kubelet-start", "control-plane", "etcd", "wait-control-plane", "upload-config", "upload-certs",
	"mark-control-plane", "bootstrap-token", "kubelet-finalize", "addon", "show-join-command",
	"check-etcd", "control-plane-join", "kubelet-wait-bootstrap", "etcd-join",
}

func setSkipPhases(d *draft, items []item) {
	d.SkipPhases = nil
	each(func(d *draft, it item) error {
		name := it.text
		if it.at.Layer == ByFile {
			// kubeadm join has its certs and kubeconfig phases below this one.
			if sub, ok := strings.CutPrefix(name, "control-plane-prepare"); ok && (sub == "" || sub[0] == '/') {
				switch sub {
				case "":
					d.SkipPhases = append(d.SkipPhases, "certs", "kubeconfig")
				case "/certs", "/kubeconfig":
					d.SkipPhases = append(d.SkipPhases, sub[1:])
				}
				return nil
			}
			if top, _, _ := strings.Cut(name, "/"); slices.Contains(otherPhases, top) {
				return nil
			}
		}
		if !d.knownPhase(name) {
			return fmt.Errorf("unknown phase %q", clip(name))
		}
		d.SkipPhases = append(d.SkipPhases, name)
		return nil
	})(d, items)
}

// checkURL asks what kubeadm asks (ValidateURLs).
func checkURL(_ *draft, it item) error {
	if u, err := url.Parse(it.text); err != nil || u.Scheme == "" {
		return fmt.Errorf("%q is not a URL such as https://10.0.0.5:2379", clip(it.text))
	}
	return nil
}
