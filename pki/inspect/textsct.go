package inspect

import (
	"encoding/asn1"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/pkitool/pkitool/pki/verify"
)

// timestamps are the signed certificate timestamps that public CAs put in (RFC 6962 section 3.3), written as
// SCT_LIST_print does. What is inside the OCTET STRING is encoded as in TLS.
func (b *block) timestamps(r *verify.Reader) {
	octets := cryptobyte.String(r.String(r.Universal(asn1.TagOctetString)))
	var list cryptobyte.String
	r.Require(octets.ReadUint16LengthPrefixed(&list) && octets.Empty())
	for first := true; r.OK() && !list.Empty(); first = false {
		if !first {
			b.WriteByte('\n')
		}
		var sct cryptobyte.String
		r.Require(list.ReadUint16LengthPrefixed(&sct) && b.timestamp(sct))
	}
}

func (b *block) timestamp(sct cryptobyte.String) bool {
	whole := sct
	var version, hash, algorithm uint8
	var log []byte
	var millis uint64
	var extensions, signature cryptobyte.String
	if !sct.ReadUint8(&version) {
		return false
	}
	b.printf(0, "Signed Certificate Timestamp:\n")
	if version != 0 {
		b.printf(4, "Version   : unknown\n")
		b.printf(16, "%s", b.hexLines(whole))
		return true
	}
	if !sct.ReadBytes(&log, 32) || !sct.ReadUint64(&millis) || !sct.ReadUint16LengthPrefixed(&extensions) ||
		!sct.ReadUint8(&hash) || !sct.ReadUint8(&algorithm) || !sct.ReadUint16LengthPrefixed(&signature) || millis >= 1<<48 {
		return false
	}
	name := map[[2]uint8]string{{4, 1}: "sha256WithRSAEncryption", {4, 3}: "ecdsa-with-SHA256"}[[2]uint8{hash, algorithm}]
	if name == "" { // no other signs a timestamp
		return false
	}
	t := time.UnixMilli(int64(millis)).UTC()
	extra := "none"
	if len(extensions) > 0 {
		extra = b.hexLines(extensions)
	}
	b.printf(4, "Version   : v1 (0x0)\n")
	b.printf(4, "Log ID    : %s\n", b.hexLines(log))
	b.printf(4, "Timestamp : %s\n", t.Format("Jan _2 15:04:05.000 2006 GMT"))
	b.printf(4, "Extensions: %s\n", extra)
	b.printf(4, "Signature : %s\n", name)
	b.printf(16, "%s", b.hexLines(signature))
	return true
}

// hexLines is BIO_hex_string's: 16 octets to a line, the later ones below the first.
func (b *block) hexLines(data []byte) string {
	const perLine = 16
	var out strings.Builder
	for len(data) > perLine {
		out.WriteString(colons(data[:perLine], "%02X") + ":\n" + strings.Repeat(" ", b.indent+16))
		data = data[perLine:]
	}
	out.WriteString(colons(data, "%02X"))
	return out.String()
}
