package config

import (
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

func setEtcdEndpoint(d *draft, it item) error {
	d.external.Endpoints = append(d.external.Endpoints, it.text)
	return checkURL(d, it)
}

// etcdFile is the part of one file of the external etcd.
func etcdFile(name string, of func(*certs.ExternalEtcd) *string) part {
	return part{
		paths: in(clusterKind, "etcd.external."+name),
		set: each(func(d *draft, it item) error {
			*of(&d.external) = it.text
			if !filepath.IsAbs(it.text) {
				return fmt.Errorf("%q: path is not absolute", clip(it.text))
			}
			return nil
		}),
		show: showExternal(func(e certs.ExternalEtcd) []string { return oneText(*of(&e)) }),
	}
}

// checkEtcd judges etcd as a whole, by kubeadm's rules (ValidateEtcd).
func (d *draft) checkEtcd(r *reader) {
	at, external := r.seen[externalEtcd]
	if !external {
		return
	}
	e := d.external
	if local, both := r.seen[localEtcd]; both {
		d.faults.addf(at, "excludes etcd.local on line %d: etcd is run by the cluster or by somebody else", local.Line)
	}
	if (e.CertFile == "") != (e.KeyFile == "") {
		d.faults.addf(at, "has one of certFile and keyFile: wanted both or none")
	}
	if e.CertFile != "" && e.KeyFile != "" && e.CAFile == "" {
		d.faults.addf(at, "has certFile and keyFile but no caFile")
	}
	if e.CAFile != "" || e.CertFile != "" || e.KeyFile != "" {
		for _, it := range r.values[externalEtcd+".endpoints"] {
			if u, err := url.Parse(it.text); err == nil && u.Scheme != "" && u.Scheme != "https" {
				d.faults.addf(it.at, "%q is not https, but certificates are given", clip(it.text))
			}
		}
	}
	if from := d.origins["etcd-cert-extra-sans"]; from.Layer == ByFlag || from.Layer == ByVariable {
		d.note(from, "no effect, etcd is external")
	}
	d.Cluster.EtcdServerSANs, d.Cluster.EtcdPeerSANs = pki.SANs{}, pki.SANs{}
	d.Cluster.ExternalEtcd = &e
}
