// Package lint judges a finished certificate by the rules of RFC 5280 and its
// companions, through zlint. Only the RFC sources are asked: the rules of the
// Web PKI forbid what Kubernetes needs (private names, long lives).
package lint

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	zl "github.com/zmap/zlint/v3/lint"
)

// registry is made once: filtering four hundred lints costs more than running them.
var registry = sync.OnceValues(func() (zl.Registry, error) {
	return zl.GlobalRegistry().Filter(zl.FilterOptions{
		IncludeSources: zl.SourceList{zl.RFC3279, zl.RFC5280, zl.RFC5480, zl.RFC5891, zl.RFC6960, zl.RFC6962, zl.RFC8813},
	})
})

// Faults are the lints that a certificate (DER) fails, as "name: detail",
// sorted. Warnings are left out unless they are asked for.
func Faults(der []byte, warnings bool) ([]string, error) {
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	least := zl.Error
	if warnings {
		least = zl.Warn
	}
	var out []string
	for name, r := range zlint.LintCertificateEx(c, reg).Results {
		if r.Status >= least {
			out = append(out, strings.TrimSuffix(fmt.Sprintf("%s: %s", name, r.Details), ": "))
		}
	}
	slices.Sort(out)
	return out, nil
}
