package verify_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

const (
	extAddr = "1.3.6.1.5.5.7.1.7"
	extAS   = "1.3.6.1.5.5.7.1.8"
)

var (
	forgedInherit = []byte{5, 0}
	familyV4      = []byte{0, 1}
	familyV6      = []byte{0, 2}
)

func forgeAddrs(families ...[]byte) forgedExt { return forgedExt{extAddr, true, forgeSeq(families...)} }

func forgeFamily(id, choice []byte) []byte { return forgeSeq(forgeTLV(4, id), choice) }

// forgeRange is an IPAddressOrRange with both ends.
func forgeRange(low, high []byte) []byte { return forgeSeq(low, high) }

// forgeAS makes autonomousSysIds from the encoded choices; nil is absent.
func forgeAS(numbers, domains []byte) forgedExt {
	var parts [][]byte
	if numbers != nil {
		parts = append(parts, forgeTLV(0xa0, numbers))
	}
	if domains != nil {
		parts = append(parts, forgeTLV(0xa1, domains))
	}
	return forgedExt{extAS, true, forgeSeq(parts...)}
}

func asRange(low, high int64) []byte { return forgeSeq(forgeInt(low), forgeInt(high)) }

func resourceTrial(name string, path ...[]forgedExt) trial { return policyTrial(name, nil, path...) }

func TestASIdentifiersAgreeWithOpenSSL(t *testing.T) {
	list := func(items ...[]byte) []byte { return forgeSeq(items...) }
	wide := forgeAS(list(asRange(1, 100)), list(asRange(1, 100)))
	five := forgeAS(list(forgeInt(5)), nil)
	inherit := forgeAS(forgedInherit, forgedInherit)
	var trials []trial
	for name, leaf := range map[string]forgedExt{
		"one":              five,
		"domain":           forgeAS(nil, list(forgeInt(5))),
		"range":            forgeAS(list(asRange(5, 9)), nil),
		"outside":          forgeAS(list(forgeInt(101)), nil),
		"half outside":     forgeAS(list(asRange(99, 101)), nil),
		"zero":             forgeAS(list(forgeInt(0)), nil),
		"negative":         forgeAS(list(forgeInt(-5)), nil),
		"huge":             forgeAS(list(forgeTLV(2, []byte{1}, make([]byte, 40))), nil),
		"sorted":           forgeAS(list(forgeInt(5), forgeInt(7), asRange(9, 11)), nil),
		"unsorted":         forgeAS(list(forgeInt(7), forgeInt(5)), nil),
		"adjacent":         forgeAS(list(forgeInt(5), forgeInt(6)), nil),
		"adjacent ranges":  forgeAS(list(asRange(5, 6), asRange(7, 8)), nil),
		"overlapping":      forgeAS(list(asRange(5, 9), asRange(8, 10)), nil),
		"inverted":         forgeAS(list(asRange(9, 5)), nil),
		"inverted first":   forgeAS(list(asRange(9, 5), forgeInt(20)), nil),
		"range of one":     forgeAS(list(asRange(5, 5)), nil),
		"empty list":       forgeAS(list(), nil),
		"empty":            forgeAS(nil, nil),
		"inherit":          inherit,
		"mixed":            forgeAS(forgedInherit, list(forgeInt(5))),
		"malformed":        {extAS, true, forgedInherit},
		"malformed choice": {extAS, true, forgeSeq(forgeTLV(0xa0, forgeInt(1)))},
		"null with octets": {extAS, true, forgeSeq(forgeTLV(0xa0, []byte{5, 1, 0}))},
		"padded":           forgeAS(list([]byte{2, 2, 0, 5}), nil),
		"wrong order":      {extAS, true, forgeSeq(forgeTLV(0xa1, forgedInherit), forgeTLV(0xa0, forgedInherit))},
		"octets behind":    {extAS, true, append(append([]byte{}, wide.value...), 5, 0)},
	} {
		trials = append(trials,
			resourceTrial(name+" below wide", exts(wide), exts(leaf)),
			resourceTrial(name+" below none", nil, exts(leaf)),
			resourceTrial(name+" below inherit below wide", exts(wide), exts(inherit), exts(leaf)),
			resourceTrial(name+" below none below wide", exts(wide), nil, exts(leaf)),
			resourceTrial(name+" below itself", exts(leaf), exts(leaf)),
			resourceTrial("none below "+name, exts(leaf), nil),
			resourceTrial("empty below "+name, exts(leaf), exts(forgeAS(nil, nil))),
			resourceTrial("five below "+name+" below wide", exts(wide), exts(leaf), exts(five)),
			resourceTrial("inherit below "+name, exts(leaf), exts(inherit)),
		)
	}
	trials = append(trials, trial{name: "root alone", ca: []*forgedCert{forgedCert{name: forgeCN("r"), exts: exts(inherit)}.issue()}})
	last := &trials[len(trials)-1]
	last.target = last.ca[0]
	agree(t, trials, map[string]string{
		"one below wide":                   "OK",
		"outside below wide":               "error 46 at 1",
		"outside below inherit below wide": "error 46 at 2",
		"adjacent below wide":              "error 41 at 0",
		"inherit below inherit":            "error 46 at 2",
		"root alone":                       "error 46 at 1",
		"malformed below wide":             "error 20 at 0",
		"none below adjacent":              "OK",
	})
}

func TestAddressesAgreeWithOpenSSL(t *testing.T) {
	net10, net11 := forgeBits(0, 10), forgeBits(0, 11)
	v4 := func(items ...[]byte) forgedExt { return forgeAddrs(forgeFamily(familyV4, forgeSeq(items...))) }
	wide := forgeAddrs(forgeFamily(familyV4, forgeSeq(net10)), forgeFamily(familyV6, forgeSeq(forgeBits(0, 0x20, 1, 0x0d, 0xb8))))
	inherit := forgeAddrs(forgeFamily(familyV4, forgedInherit), forgeFamily(familyV6, forgedInherit))
	narrow := v4(forgeBits(0, 10, 1))
	odd := func(id ...byte) map[string]forgedExt {
		return map[string]forgedExt{
			"list": forgeAddrs(forgeFamily(id, forgeSeq(net10))), "inherit": forgeAddrs(forgeFamily(id, forgedInherit)),
			"nothing": forgeAddrs(forgeFamily(id, forgeSeq(forgeBits(0)))), "nothing in a range": forgeAddrs(forgeFamily(id, forgeSeq(forgeRange(forgeBits(0), forgeBits(0))))),
		}
	}
	leaves := map[string]forgedExt{
		"prefix":               narrow,
		"whole":                v4(net10),
		"outside":              v4(net11),
		"range":                v4(forgeRange(forgeBits(0, 10, 0, 0, 1), forgeBits(0, 10, 0, 0, 9))),
		"range half outside":   v4(forgeRange(forgeBits(0, 10, 0, 0, 1), forgeBits(0, 11, 0, 0, 9))),
		"range as prefix":      v4(forgeRange(forgeBits(0, 10, 1, 0, 0), forgeBits(0, 10, 1, 255, 255))),
		"range as odd prefix":  v4(forgeRange(forgeBits(0, 10, 1, 0, 4), forgeBits(0, 10, 1, 0, 7))),
		"range of one":         v4(forgeRange(forgeBits(0, 10, 1, 0, 4), forgeBits(0, 10, 1, 0, 4))),
		"inverted":             v4(forgeRange(forgeBits(0, 10, 1, 0, 9), forgeBits(0, 10, 1, 0, 4))),
		"inverted first":       v4(forgeRange(forgeBits(0, 10, 1, 0, 9), forgeBits(0, 10, 1, 0, 4)), forgeBits(0, 10, 9)),
		"short ends":           v4(forgeRange(forgeBits(0, 10, 1), forgeBits(0, 10, 3))),
		"odd bits":             v4(forgeBits(3, 10, 8)),
		"odd bits, dirty":      v4(forgeBits(3, 10, 0xff)),
		"sorted":               v4(forgeBits(0, 10, 1), forgeBits(0, 10, 3)),
		"unsorted":             v4(forgeBits(0, 10, 3), forgeBits(0, 10, 1)),
		"adjacent":             v4(forgeBits(0, 10, 1), forgeBits(0, 10, 2)),
		"overlapping":          v4(forgeBits(0, 10, 1), forgeBits(0, 10, 1, 2)),
		"twice":                v4(forgeBits(0, 10, 1), forgeBits(0, 10, 1)),
		"too long":             v4(forgeBits(0, 10, 1, 2, 3, 4)),
		"too long of two":      v4(forgeBits(0, 10, 1, 2, 3, 4), forgeBits(0, 10, 2)),
		"all addresses":        v4(forgeBits(0)),
		"all as a range":       v4(forgeRange(forgeBits(0), forgeBits(0))),
		"empty list":           v4(),
		"empty":                forgeAddrs(),
		"inherit":              inherit,
		"v6":                   forgeAddrs(forgeFamily(familyV6, forgeSeq(forgeBits(0, 0x20, 1, 0x0d, 0xb8, 1)))),
		"v6 outside":           forgeAddrs(forgeFamily(familyV6, forgeSeq(forgeBits(0, 0x20, 2)))),
		"both":                 forgeAddrs(forgeFamily(familyV4, forgeSeq(forgeBits(0, 10, 1))), forgeFamily(familyV6, forgedInherit)),
		"families unsorted":    forgeAddrs(forgeFamily(familyV6, forgedInherit), forgeFamily(familyV4, forgedInherit)),
		"families twice":       forgeAddrs(forgeFamily(familyV4, forgedInherit), forgeFamily(familyV4, forgedInherit)),
		"subsequent family":    forgeAddrs(forgeFamily([]byte{0, 1, 1}, forgeSeq(forgeBits(0, 10, 1)))),
		"malformed":            {extAddr, true, forgedInherit},
		"malformed bits":       v4([]byte{3, 1, 9}),
		"no choice":            forgeAddrs(forgeSeq(forgeTLV(4, familyV4))),
		"odd one among others": forgeAddrs(forgeFamily([]byte{0}, forgedInherit), forgeFamily(familyV4, forgedInherit)),
		"octets behind":        {extAddr, true, append(append([]byte{}, narrow.value...), 5, 0)},
	}
	for _, id := range [][]byte{nil, {0}, {0, 9}, {0, 1, 1, 1}, {0, 9, 1}} {
		for what, e := range odd(id...) {
			leaves[fmt.Sprintf("family %x %s", id, what)] = e
		}
	}
	var trials []trial
	for name, leaf := range leaves {
		trials = append(trials,
			resourceTrial(name+" below wide", exts(wide), exts(leaf)),
			resourceTrial(name+" below none", nil, exts(leaf)),
			resourceTrial(name+" below inherit below wide", exts(wide), exts(inherit), exts(leaf)),
			resourceTrial(name+" below none below wide", exts(wide), nil, exts(leaf)),
			resourceTrial(name+" below itself", exts(leaf), exts(leaf)),
			resourceTrial("none below "+name, exts(leaf), nil),
			resourceTrial("empty below "+name, exts(leaf), exts(forgeAddrs())),
			resourceTrial("narrow below "+name+" below wide", exts(wide), exts(leaf), exts(narrow)),
			resourceTrial("inherit below "+name, exts(leaf), exts(inherit)),
		)
	}
	agree(t, trials, map[string]string{
		"prefix below wide":                    "OK",
		"outside below wide":                   "error 46 at 1",
		"adjacent below wide":                  "error 41 at 0",
		"inherit below inherit":                "error 46 at 2",
		"family 00010101 inherit below itself": "error target.pem: verification failed\n[2]",
		"too long below wide":                  "error 46 at 1",
		"range as odd prefix below wide":       "error 41 at 0",
		"malformed below wide":                 "error 20 at 0",
	})
}

// Random sorted and unsorted lists in chains of three.
func TestRandomResourcesAgreeWithOpenSSL(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	address := func() []byte {
		octets := make([]byte, 1+r.IntN(3))
		for i := range octets {
			octets[i] = byte(r.IntN(3) * r.IntN(2) * 127)
		}
		return forgeBits(byte(r.IntN(3)), octets...)
	}
	block := func() forgedExt {
		if r.IntN(5) == 0 {
			return forgeAddrs(forgeFamily(familyV4, forgedInherit))
		}
		var list [][]byte
		for range 1 + r.IntN(2) {
			if r.IntN(2) == 0 {
				list = append(list, address())
			} else {
				list = append(list, forgeRange(address(), address()))
			}
		}
		return forgeAddrs(forgeFamily(familyV4, forgeSeq(list...)))
	}
	numbers := func() []byte {
		if r.IntN(5) == 0 {
			return forgedInherit
		}
		var list [][]byte
		at := int64(0)
		for range 1 + r.IntN(3) {
			at += r.Int64N(4) + 1
			if r.IntN(2) == 0 {
				list = append(list, forgeInt(at))
			} else {
				list = append(list, asRange(at, at+r.Int64N(6)))
				at += 4
			}
		}
		return forgeSeq(list...)
	}
	var trials []trial
	for n := range 300 {
		var path [][]forgedExt
		for range 2 + r.IntN(3) {
			var e []forgedExt
			if r.IntN(4) > 0 {
				e = append(e, block())
			}
			if r.IntN(4) > 0 {
				e = append(e, forgeAS(numbers(), nil))
			}
			path = append(path, e)
		}
		trials = append(trials, resourceTrial(fmt.Sprint("path ", n), path...))
	}
	agree(t, trials, nil)
}
