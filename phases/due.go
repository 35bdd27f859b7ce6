package phases

import (
	"crypto/x509"
	"math/big"
	"time"
)

// Threshold says how early the end of a certificate counts: a time before it,
// or a part of the certificate's whole life.
type Threshold struct {
	// Left is the time that is left; it counts if Percent is 0.
	Left time.Duration
	// Percent of the life from NotBefore to NotAfter that is left, above 0 and up to 100.
	Percent float64
}

// Met reports whether at now so little of c's life is left, or none.
func (t Threshold) Met(c *x509.Certificate, now time.Time) bool {
	return !now.Before(t.since(c))
}

// since is when the threshold is met. A life may be longer than a Duration can
// be (292 years; "no expiry" of RFC 5280 4.1.2.5 is the year 9999).
func (t Threshold) since(c *x509.Certificate) time.Time {
	if t.Percent == 0 {
		return c.NotAfter.Add(-t.Left)
	}
	life := new(big.Float).SetInt64(c.NotAfter.Unix() - c.NotBefore.Unix())
	part, _ := life.Mul(life, big.NewFloat(t.Percent/100)).Int64()
	return time.Unix(c.NotAfter.Unix()-part, 0).UTC()
}
