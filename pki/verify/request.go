package verify

import "errors"

// Request is a certificate request (PKCS #10, RFC 2986) as openssl reads it: broken contents of its attributes do not
// keep it from existing. It does not change after ParseRequest.
type Request struct {
	Raw []byte // the request itself, without what may follow it

	rawInfo    []byte // signed octets as received
	version    int64  // 0 is v1, -1 is beyond all numbers
	subject    Name
	spki       []byte
	attributes []RequestAttribute
	algorithm  algorithm
	signature  []byte
	sigUnused  int
}

// RequestAttribute is one attribute of a request.
type RequestAttribute struct {
	OID    string // with dots
	Values []Element
}

// The attributes that hold extensions which are asked for: PKCS #9's (RFC 2985 section 5.4.2), and the one of Windows'
// certreq.
const (
	ExtensionRequest          = "1.2.840.113549.1.9.14"
	MicrosoftExtensionRequest = "1.3.6.1.4.1.311.2.1.14"
)

var (
	errRequest = errors.New("not a certificate request")

	// ErrRequestSignature says that a request is not signed by its own key.
	ErrRequestSignature = errors.New("request is not signed by its own key")
	// ErrRequestUnchecked says that a request's key or signature is of a type that is not supported.
	ErrRequestUnchecked = errors.New("request is signed with an algorithm that is not supported")
)

// ParseRequest reads the request at the front of der; what follows it is ignored, as openssl does. The attributes may
// be absent, which RFC 2986 does not allow and cards and devices do. der must not change afterwards.
func ParseRequest(der []byte) (*Request, error) {
	outer, _, ok := readElement(der)
	if !ok || !outer.is(classUniversal, tagSequence) || !outer.constructed {
		return nil, errRequest
	}
	q := &Request{Raw: outer.raw}
	body := reader(outer.body)
	info, ok := body.next(classUniversal, tagSequence)
	if !ok || !info.constructed || !q.parseInfo(reader(info.body)) {
		return nil, errRequest
	}
	q.rawInfo = info.raw
	if q.algorithm, ok = body.algorithm(); !ok {
		return nil, errRequest
	}
	sig, ok := body.next(classUniversal, tagBitString)
	if ok {
		q.signature, q.sigUnused, ok = bitString(&sig)
	}
	if !ok || len(body) != 0 {
		return nil, errRequest
	}
	return q, nil
}

// parseInfo reads the contents of a CertificationRequestInfo (RFC 2986 section 4.1).
func (q *Request) parseInfo(r reader) bool {
	e, ok := r.next(classUniversal, tagInteger)
	if !ok || !integerContents(&e) {
		return false
	}
	if q.version, ok = int64Contents(e.body); !ok {
		q.version = -1
	}
	if q.subject, ok = parseName(&r); !ok {
		return false
	}
	if q.spki, ok = r.publicKeyInfo(); !ok {
		return false
	}
	if r.peek(classContext, 0) {
		set, ok := r.any()
		if !ok || !q.parseAttributes(reader(set.body)) {
			return false
		}
	}
	return len(r) == 0
}

func (q *Request) parseAttributes(list reader) bool {
	q.attributes = []RequestAttribute{}
	for len(list) > 0 {
		seq, ok := list.sequence()
		if !ok {
			return false
		}
		oid, ok := seq.oid()
		if !ok {
			return false
		}
		set, ok := seq.next(classUniversal, tagSet)
		if !ok || len(seq) != 0 {
			return false
		}
		a := RequestAttribute{OID: dottedOID(oid)}
		for values := reader(set.body); len(values) > 0; {
			v, ok := values.any()
			if !ok || !validAny(&v) {
				return false
			}
			a.Values = append(a.Values, Element{v})
		}
		q.attributes = append(q.attributes, a)
	}
	return true
}

// Version returns the number that the request states: 0 is v1, and there is no other.
func (q *Request) Version() int { return int(q.version) }

// Subject returns the name that is asked for.
func (q *Request) Subject() Name { return q.subject }

// PublicKeyInfo returns the encoded SubjectPublicKeyInfo.
func (q *Request) PublicKeyInfo() []byte { return q.spki }

// Attributes returns the attributes in their order, those with extensions among them; nil where the field is absent.
func (q *Request) Attributes() []RequestAttribute { return q.attributes }

// SignatureAlgorithm returns the algorithm of the signature.
func (q *Request) SignatureAlgorithm() Algorithm { return q.algorithm.shown() }

// Signature returns the octets of the signature.
func (q *Request) Signature() []byte { return q.signature }

// Extensions returns the extensions that are asked for, in the order in which they stand there: of every attribute
// that may hold some, of all its values. openssl looks at the first attribute, and Go at PKCS #9's. ok is false where
// a value holds no extensions.
func (q *Request) Extensions() (list []Extension, ok bool) {
	ok = true
	for _, a := range q.attributes {
		if a.OID != ExtensionRequest && a.OID != MicrosoftExtensionRequest {
			continue
		}
		for _, v := range a.Values {
			r := reader(v.e.raw)
			body, isList := r.sequenceOf()
			some, isExtensions := appendExtensions(nil, body)
			ok = ok && isList && isExtensions
			list = append(list, shownExtensions(some)...)
		}
	}
	return list, ok
}

// Hash is the name of the hash function that is signed ("SHA-256"), of two the first; "" where the algorithm has one
// of its own, or is not known.
func (q *Request) Hash() string {
	sig, ok := signatureAlgorithm(q.algorithm.oid)
	if ok && sig.key == keyRSAPSS {
		if p, ok := parsePSSParams(&q.algorithm); ok && p.hash != nil {
			return p.hash.name
		}
	}
	if !ok {
		return ""
	}
	return sig.hash
}

// CheckSignature says whether the request is signed by its own key: nil, ErrRequestSignature or ErrRequestUnchecked.
func (q *Request) CheckSignature() error {
	key, err := parsePublicKey(q.spki)
	sig, known := signatureAlgorithm(q.algorithm.oid)
	if err != nil || !known || sig.hash != "" && hashByName(sig.hash) == nil {
		return ErrRequestUnchecked
	}
	switch ok, unsupported := key.verifySignature(&q.algorithm, q.rawInfo, q.signature, q.sigUnused); {
	case ok:
		return nil
	case unsupported != "":
		return ErrRequestUnchecked
	}
	return ErrRequestSignature
}
