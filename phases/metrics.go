package phases

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Metric is one certificate as monitoring sees it.
type Metric struct {
	// Labels are names and values in turn, as x509-certificate-exporter writes
	// them, without the empty ones.
	Labels              []string
	NotBefore, NotAfter int64 // Unix time
	Expired             bool
}

// metric notes a certificate's series. The same certificate twice in one place
// is one series: two with the same labels would make the whole file invalid.
func (x *expiry) metric(p place, c *x509.Certificate) {
	m := Metric{NotBefore: c.NotBefore.Unix(), NotAfter: c.NotAfter.Unix(), Expired: !x.Judgement.Now.Before(c.NotAfter)}
	add := func(name, value string) {
		if value != "" {
			m.Labels = append(m.Labels, name, value)
		}
	}
	add("filename", filepath.Base(p.file))
	add("filepath", filepath.ToSlash(p.file))
	add("embedded_kind", p.kind)
	add("embedded_key", p.key)
	add("serial_number", c.SerialNumber.String())
	addName(add, "issuer", c.Issuer)
	addName(add, "subject", c.Subject)
	if key := strings.Join(m.Labels, "\x00"); !x.seen[key] {
		x.seen[key] = true
		x.out.Metrics = append(x.out.Metrics, m)
	}
}

func addName(add func(name, value string), prefix string, n pkix.Name) {
	for _, v := range []struct {
		attribute string
		values    []string
	}{
		{"C", n.Country}, {"ST", n.Province}, {"L", n.Locality}, {"O", n.Organization}, {"OU", n.OrganizationalUnit}, {"CN", []string{n.CommonName}},
	} {
		if len(v.values) > 0 {
			add(prefix+"_"+v.attribute, v.values[0])
		}
	}
}

// WriteMetrics writes metrics in Prometheus' text format, for node_exporter's
// textfile collector.
func WriteMetrics(w io.Writer, metrics []Metric) error {
	for _, family := range []struct {
		name, help string
		value      func(Metric) int64
	}{
		{"x509_cert_not_before", "Unix time from which the certificate is valid.", func(m Metric) int64 { return m.NotBefore }},
		{"x509_cert_not_after", "Unix time until which the certificate is valid.", func(m Metric) int64 { return m.NotAfter }},
		{"x509_cert_expired", "Whether the certificate has expired: 1 or 0.", func(m Metric) int64 {
			if m.Expired {
				return 1
			}
			return 0
		}},
	} {
		if _, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n", family.name, family.help, family.name); err != nil {
			return err
		}
		for _, m := range metrics {
			if _, err := fmt.Fprintf(w, "%s{%s} %d\n", family.name, labelText(m.Labels), family.value(m)); err != nil {
				return err
			}
		}
	}
	return nil
}

// labelText escapes what the format asks for. Bytes that are no UTF-8, which a
// certificate's name may hold, would make the whole file invalid.
func labelText(labels []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var out []string
	for i := 0; i+1 < len(labels); i += 2 {
		out = append(out, labels[i]+`="`+escape.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD"))+`"`)
	}
	return strings.Join(out, ",")
}
