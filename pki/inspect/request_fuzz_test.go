package inspect_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki/inspect"
)

// FuzzReadRequest: a name and attributes in a request that is signed by its own key. What crypto/x509 sees in it is
// granted or refused by us, never passed over; nothing is made up.
func FuzzReadRequest(f *testing.F) {
	toBeCA := extension(f, seq([]byte{1, 1, 0xff}), 2, 5, 29, 19)
	named := extension(f, seq(tlv(0x82, []byte("one.example")), tlv(0x87, []byte{192, 0, 2, 7}), tlv(0x81, []byte("a@b.example")), tlv(0x86, []byte("spiffe://a/b")), tlv(0x88, []byte{0x2a, 3})), 2, 5, 29, 17)
	used := extension(f, seq(oid(f, 1, 3, 6, 1, 5, 5, 7, 3, 1), oid(f, 1, 2, 3, 4)), 2, 5, 29, 37)
	keyed := extension(f, []byte{3, 4, 7, 0x84, 0xe0, 0x80}, 2, 5, 29, 15)
	challenge := seq(oid(f, 1, 2, 840, 113549, 1, 9, 7), tlv(0x31, tlv(0x13, []byte("secret"))))
	base := write(f)
	seeds := [][]byte{nil, attributes(), attributes(challenge), attributes(asks(f, false, toBeCA, named)), attributes(asks(f, true, toBeCA, keyed)), attributes(asks(f, false, used), asks(f, true, named)),
		attributes(challenge, asks(f, false, toBeCA), asks(f, true, extension(f, seq(), 2, 5, 29, 19)))}
	require.NotEmpty(f, seeds)
	for _, s := range seeds {
		f.Add(base.subject, s)
	}
	f.Fuzz(func(t *testing.T, subject, more []byte) {
		defer fuzzbound.Hold(t, len(subject)+len(more))()
		w := base
		w.subject, w.parts = subject, [][]byte{more}
		if len(subject)+len(more) > 60_000 {
			return // tlv writes no more
		}
		der := w.der(t)
		var got inspect.Request
		var err error
		fuzzbound.Within(t, len(der), func() { got, err = inspect.ReadRequest(der) })
		if err != nil {
			return
		}
		theirs, err := x509.ParseCertificateRequest(der)
		if err != nil || theirs.CheckSignature() != nil {
			return // openssl, which we follow, reads more than Go
		}
		require.Subset(t, got.SANs.DNS, theirs.DNSNames)
		require.Subset(t, got.SANs.Emails, theirs.EmailAddresses)
		require.Len(t, got.SANs.IPs, len(theirs.IPAddresses))
		require.Len(t, got.SANs.URIs, len(theirs.URIs))
		known := map[string]bool{"2.5.29.14": true, "2.5.29.15": true, "2.5.29.17": true, "2.5.29.19": true, "2.5.29.37": true}
		for _, e := range theirs.Extensions {
			if !known[e.Id.String()] {
				require.Contains(t, got.MoreExtensions, "the extension "+e.Id.String())
			}
		}
	})
}
