package page_test

import (
	"fmt"
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/page"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// grown is a node whose life is from so many days before now to so many after.
func grown(kind audit.NodeKind, name string, from, to int, issued ...*audit.Node) *audit.Node {
	nb, na := now.AddDate(0, 0, from), now.AddDate(0, 0, to)
	return &audit.Node{
		Kind: kind, Name: name, Row: name, Path: "pki/" + name + ".crt", Subject: &phases.Subject{CommonName: name}, KeyAlgorithm: "ECDSA-P256", KeyHere: true,
		NotBefore: &nb, NotAfter: &na, LifeLeft: max(0, float64(to)/float64(to-from)), Issued: issued,
	}
}

func with(n *audit.Node, change func(*audit.Node)) *audit.Node {
	change(n)
	return n
}

func ill(n *audit.Node, s finding.Severity, ids ...finding.ID) *audit.Node {
	n.Severity, n.Findings = &s, ids
	return n
}

// sample is a directory as kubeadm makes it, half a year old, with some faults.
func sample() audit.Directory {
	server := func(n *audit.Node) {
		n.Usages, n.SANs = []string{"server"}, []string{"DNS:cp-1", "DNS:kubernetes", "DNS:kubernetes.default.svc.cluster.local", "IP:10.96.0.1", "IP:192.0.2.10"}
	}
	admin := func(n *audit.Node) {
		n.Path, n.Server, n.Usages = "admin.conf", "https://192.0.2.10:6443", []string{"client"}
		n.Subject = &phases.Subject{CommonName: "kubernetes-admin", Organization: []string{"kubeadm:cluster-admins"}}
	}
	apiserver := finding.New(finding.CertificateExpired, "2026-11-20T12:00:00Z").At("apiserver", "certs", "pki/apiserver.crt")
	loose := finding.New(finding.KeyModeLoose, "0644").At("ca", "certs", "pki/ca.key")
	names := finding.New(finding.NamesMissing, "DNS:cp-1").Want("IP:192.0.2.10").At("etcd-server", "certs", "pki/etcd/server.crt")
	return audit.Directory{
		CertDir: "/etc/kubernetes/pki", KubeconfigDir: "/etc/kubernetes", Certificates: 9,
		Findings: []finding.Shown{names.Shown(finding.Check), loose.Shown(finding.Check), apiserver.Shown(finding.Check)},
		Trust: []*audit.Node{
			ill(grown(audit.Root, "ca", -400, 3250,
				ill(with(grown(audit.Certificate, "apiserver", -369, -4), server), finding.Error, apiserver.ID),
				grown(audit.Certificate, "apiserver-kubelet-client", -200, 165),
				grown(audit.Intermediate, "users-ca", -300, 500, grown(audit.Certificate, "alice", -30, 20)),
				with(grown(audit.Kubeconfig, "admin", -200, 165), admin),
			), finding.Warning, loose.ID),
			grown(audit.Root, "etcd-ca", -400, 3250, ill(with(grown(audit.Certificate, "etcd-server", -200, 165), server), finding.Error, names.ID)),
			{Kind: audit.UnknownIssuer, Name: "CN=old", Issued: []*audit.Node{grown(audit.Certificate, "extra.crt", 3, 300)}},
			{Kind: audit.KeyPair, Name: "sa", KeyAlgorithm: "RSA-2048", KeyHere: true},
		},
	}
}

// fleet are many directories.
func fleet(n int) page.Page {
	p := page.Page{Title: "Kubernetes PKI report", Now: now, Program: "pkitool v1.2.3"}
	for i := range n {
		d := sample()
		if n > 1 {
			d.Name = fmt.Sprintf("cluster-%d", i+1)
		}
		p.Directories = append(p.Directories, d)
	}
	return p
}
