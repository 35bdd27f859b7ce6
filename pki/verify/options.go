package verify

import (
	"net/netip"
	"time"
)

// Purpose is what a certificate is to be used for (X509_PURPOSE_*); with none,
// key usages are not judged.
type Purpose int

// The purposes of `openssl verify -purpose`.
const (
	PurposeNone         Purpose = iota
	PurposeSSLClient            // sslclient
	PurposeSSLServer            // sslserver
	PurposeNSSSLServer          // nssslserver
	PurposeSMIMESign            // smimesign
	PurposeSMIMEEncrypt         // smimeencrypt
	PurposeCRLSign              // crlsign
	PurposeAny                  // any
	PurposeOCSPHelper           // ocsphelper
	PurposeTimestamp            // timestampsign
)

var purposeNames = [...]string{
	PurposeSSLClient: "sslclient", PurposeSSLServer: "sslserver", PurposeNSSSLServer: "nssslserver",
	PurposeSMIMESign: "smimesign", PurposeSMIMEEncrypt: "smimeencrypt", PurposeCRLSign: "crlsign",
	PurposeAny: "any", PurposeOCSPHelper: "ocsphelper", PurposeTimestamp: "timestampsign",
}

// ParsePurpose reads openssl's name of a purpose, which is case-sensitive.
func ParsePurpose(name string) (Purpose, bool) {
	for p, n := range purposeNames {
		if n == name && n != "" {
			return Purpose(p), true
		}
	}
	return PurposeNone, false
}

// String returns openssl's name of the purpose, "" for none.
func (p Purpose) String() string {
	if p <= PurposeNone || int(p) >= len(purposeNames) {
		return ""
	}
	return purposeNames[p]
}

// PurposeNames lists what ParsePurpose reads.
func PurposeNames() []string { return purposeNames[PurposeSSLClient:] }

// TrustUse is what an anchor's trust settings must allow (X509_TRUST_*). The zero
// value leaves it to the purpose.
type TrustUse int

// The uses that settings are asked for.
const (
	TrustByPurpose TrustUse = iota
	TrustEmail
	TrustSSLClient
	TrustSSLServer
)

// DefaultDepth is how many certificates may stand between target and anchor if
// nobody says otherwise.
const DefaultDepth = 100

// Options say how a path is judged. Start from NewOptions: the zero value
// allows no intermediate certificate at all.
type Options struct {
	Time        time.Time // the moment at which validity is judged; whole seconds count
	NoCheckTime bool      // do not judge validity; Time plays no part then

	Purpose  Purpose
	Trust    TrustUse
	Depth    int // certificates between target and anchor; negative counts as 0
	SecLevel int // -auth_level: 1 to 5 for 80, 112, 128, 192, 256 bits; 0 and less do not ask

	PartialChain   bool // any trusted certificate is an anchor, self-signed or not
	Strict         bool // -x509_strict
	CheckSSSig     bool // check the self-signed anchor's own signature
	IgnoreCritical bool // pass over critical extensions that are not known

	Hostname string     // the target must be for it; "": not asked
	Email    string     // likewise, if HasEmail
	HasEmail bool       // an empty Email is a check that fails
	IP       netip.Addr // likewise; the zero Addr: not asked. IPv4 and IPv4-mapped IPv6 differ

	CRLCheck    bool // the target's revocation
	CRLCheckAll bool // every certificate's, if CRLCheck too
	ExtendedCRL bool // indirect CRLs, CRLs for some reasons, CRL issuers with other keys
	UseDeltas   bool

	PolicyCheck    bool     // evaluate policies; the five below do so only with it
	Policies       []string // the user's initial policy set, as OIDs in dotted form; none is the empty set
	ExplicitPolicy bool
	InhibitAny     bool
	InhibitMap     bool
	NotifyPolicy   bool // -policy_print: keep the policies of a success, too

	Memory *Memory // of the targets before this one; nil: it is the first
}

// NewOptions returns what `openssl verify` judges by without any option, at now.
func NewOptions(now time.Time) Options {
	return Options{Time: now, Depth: DefaultDepth, SecLevel: -1}
}

// ApplyProfile does what -verify_name does: it sets what the named profile
// (default, pkcs7, smime_sign, ssl_client, ssl_server) says and leaves the rest.
// As with openssl, what is set later wins.
func (o *Options) ApplyProfile(name string) bool {
	switch name {
	case "default":
		o.Depth = DefaultDepth
	case "pkcs7", "smime_sign":
		o.Purpose, o.Trust = PurposeSMIMESign, TrustEmail
	case "ssl_client":
		o.Purpose, o.Trust = PurposeSSLClient, TrustSSLClient
	case "ssl_server":
		o.Purpose, o.Trust = PurposeSSLServer, TrustSSLServer
	default:
		return false
	}
	return true
}

// trustID is what the trust settings of a certificate are asked for.
func (o *Options) trustID() trustID {
	switch o.Trust {
	case TrustEmail:
		return trustEmail
	case TrustSSLClient:
		return trustClientAuth
	case TrustSSLServer:
		return trustServerAuth
	}
	switch o.Purpose {
	case PurposeSSLClient:
		return trustClientAuth
	case PurposeSSLServer, PurposeNSSSLServer:
		return trustServerAuth
	case PurposeSMIMESign, PurposeSMIMEEncrypt:
		return trustEmail
	case PurposeTimestamp:
		return trustTimeStamping
	case PurposeCRLSign, PurposeOCSPHelper:
		return trustCompat
	}
	return trustDefault
}
