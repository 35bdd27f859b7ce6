package verify

// Object identifiers as contents octets, the form in which certificates carry
// them: comparing is comparing strings.
const (
	// Certificate extensions (RFC 5280 section 4.2 unless said).
	oidSubjectKeyID          = "\x55\x1d\x0e"
	oidKeyUsage              = "\x55\x1d\x0f"
	oidSubjectAltName        = "\x55\x1d\x11"
	oidIssuerAltName         = "\x55\x1d\x12"
	oidBasicConstraints      = "\x55\x1d\x13"
	oidNameConstraints       = "\x55\x1d\x1e"
	oidCRLDistributionPoints = "\x55\x1d\x1f"
	oidCertificatePolicies   = "\x55\x1d\x20"
	oidPolicyMappings        = "\x55\x1d\x21"
	oidAuthorityKeyID        = "\x55\x1d\x23"
	oidPolicyConstraints     = "\x55\x1d\x24"
	oidExtKeyUsage           = "\x55\x1d\x25"
	oidFreshestCRL           = "\x55\x1d\x2e"
	oidInhibitAnyPolicy      = "\x55\x1d\x36"
	oidNetscapeCertType      = "\x60\x86\x48\x01\x86\xf8\x42\x01\x01"     // Netscape 2.16.840.1.113730.1.1
	oidProxyCertInfo         = "\x2b\x06\x01\x05\x05\x07\x01\x0e"         // RFC 3820
	oidIPAddrBlocks          = "\x2b\x06\x01\x05\x05\x07\x01\x07"         // RFC 3779
	oidASIdentifiers         = "\x2b\x06\x01\x05\x05\x07\x01\x08"         // RFC 3779
	oidOCSPNoCheck           = "\x2b\x06\x01\x05\x05\x07\x30\x01\x05"     // RFC 6960
	oidSmtpUTF8Mailbox       = "\x2b\x06\x01\x05\x05\x07\x08\x09"         // RFC 8398, an otherName
	oidAnyExtKeyUsage        = "\x55\x1d\x25\x00"                         // RFC 5280 section 4.2.1.12
	oidServerAuth            = "\x2b\x06\x01\x05\x05\x07\x03\x01"         // id-kp-serverAuth
	oidClientAuth            = "\x2b\x06\x01\x05\x05\x07\x03\x02"         // id-kp-clientAuth
	oidCodeSigning           = "\x2b\x06\x01\x05\x05\x07\x03\x03"         // id-kp-codeSigning
	oidEmailProtection       = "\x2b\x06\x01\x05\x05\x07\x03\x04"         // id-kp-emailProtection
	oidTimeStamping          = "\x2b\x06\x01\x05\x05\x07\x03\x08"         // id-kp-timeStamping
	oidOCSPSigning           = "\x2b\x06\x01\x05\x05\x07\x03\x09"         // id-kp-OCSPSigning
	oidDVCS                  = "\x2b\x06\x01\x05\x05\x07\x03\x0a"         // id-kp-dvcs, RFC 3029
	oidMicrosoftSGC          = "\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03" // Microsoft 1.3.6.1.4.1.311.10.3.3
	oidNetscapeSGC           = "\x60\x86\x48\x01\x86\xf8\x42\x04\x01"     // Netscape 2.16.840.1.113730.4.1
	oidCommonName            = "\x55\x04\x03"                             // X.520
	oidEmailAddress          = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"     // PKCS #9
	oidRSA                   = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"     // RFC 8017
	oidRSASSAPSS             = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"     // RFC 8017
	oidMGF1                  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"     // RFC 8017
	oidDSA                   = "\x2a\x86\x48\xce\x38\x04\x01"             // RFC 3279
	oidEC                    = "\x2a\x86\x48\xce\x3d\x02\x01"             // RFC 5480
	oidEd25519               = "\x2b\x65\x70"                             // RFC 8410
	oidSM2                   = "\x2a\x81\x1c\xcf\x55\x01\x82\x2d"         // GB/T 33560
	oidEd448                 = "\x2b\x65\x71"                             // RFC 8410
)
