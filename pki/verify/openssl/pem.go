package openssl

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// block is one PEM block as PEM_read_bio gives it: the label, what stands before a blank line, the decoded rest.
type block struct {
	label  string
	header string
	data   []byte
	begin  int // where its BEGIN line begins, or, if there is none, where the search for one ended
}

// headed reports whether openssl takes the header for one of an encrypted block, which it is by its length.
func (b block) headed() bool { return len(b.header) > len("Proc-Type:") }

// pemResult says how a search for a block ended.
type pemResult int

const (
	pemFound   pemResult = iota
	pemNone              // no further BEGIN line
	pemDamaged           // a block begins and cannot be read, or is empty
)

// lineSize is openssl's buffer: a longer line is taken for several.
const lineSize = 255

// lines reads text as openssl's BIO_gets does.
type lines struct {
	data []byte
	at   int
}

func (l *lines) next() ([]byte, bool) {
	if l.at >= len(l.data) {
		return nil, false
	}
	rest := l.data[l.at:min(l.at+lineSize-1, len(l.data))]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i+1]
	}
	line, _, _ := bytes.Cut(rest, []byte{0}) // to a C program the line ends there, and a file where it is empty
	if len(line) == 0 {
		return nil, false
	}
	l.at += len(rest)
	return line, true
}

// trimmed is the line without the trailing octets that openssl takes for blank: up to the space, and, because it
// looks at them as signed, all from 0x80.
func trimmed(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] <= ' ' || line[len(line)-1] >= 0x80) {
		line = line[:len(line)-1]
	}
	return line
}

var (
	begin = []byte("-----BEGIN ")
	end   = []byte("-----END ")
	tail  = []byte("-----")
	mark  = []byte("\xef\xbb\xbf")
)

// readPEM finds the next block that begins at or behind position at and before stop. It returns the position behind
// it, or behind what was read when it failed.
func readPEM(data []byte, at, stop int) (block, int, pemResult) {
	l := &lines{data, at}
	var b block
	var label []byte
	for first := true; ; first = false {
		b.begin = l.at
		if l.at >= stop {
			return b, l.at, pemNone
		}
		line, ok := l.next()
		if !ok {
			return b, l.at, pemNone
		}
		if first && len(line) > len(mark) {
			line = bytes.TrimPrefix(line, mark)
		}
		line = trimmed(line)
		if bytes.HasPrefix(line, begin) && bytes.HasSuffix(line, tail) && len(line) >= len(begin)+len(tail) {
			label = line[len(begin) : len(line)-len(tail)]
			break
		}
	}
	b.label = string(label)
	if decoded, next, ok := plainBody(data, l.at, label); ok {
		b.data = decoded
		return b, next, pemFound
	}
	header, body, ok := readBody(l, label)
	if !ok {
		return b, l.at, pemDamaged
	}
	b.header = string(header)
	if b.data, ok = decodeBase64(body); !ok || len(b.data) == 0 {
		return b, l.at, pemDamaged
	}
	return b, l.at, pemFound
}

// plainBody decodes a block that is written as all tools write it, straight from the file. Whatever is unusual about
// it makes this fail, and then readBody decides.
func plainBody(data []byte, at int, label []byte) (decoded []byte, next int, ok bool) {
	if bytes.IndexByte(label, ':') >= 0 {
		return nil, 0, false
	}
	for next = at; ; {
		rest := data[next:]
		n := bytes.IndexByte(rest[:min(len(rest), lineSize-1)], '\n')
		if bytes.HasPrefix(rest, end) {
			line := rest
			if n >= 0 {
				line = bytes.TrimSuffix(rest[:n], []byte("\r"))
			} else if n = len(rest) - 1; n >= lineSize-2 {
				return nil, 0, false
			}
			name, _ := bytes.CutPrefix(line[len(end):], label)
			if !bytes.Equal(name, tail) || len(line) != len(end)+len(label)+len(tail) {
				return nil, 0, false
			}
			break
		}
		if n < 1 || rest[0] <= ' ' || rest[0] == '-' {
			return nil, 0, false
		}
		next += n + 1
	}
	body := data[at:next]
	decoded = make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Decode(decoded, body)
	if err != nil || n == 0 {
		return nil, 0, false
	}
	l := lines{data, next}
	l.next()
	return decoded[:n], l.at, true
}

// readBody reads up to the END line of the label and parts what it read at the first blank line. Behind one,
// lines may be no longer than 64 characters and only the last shorter. A colon before it makes all that precedes it a
// header, so without a blank line there is no body then.
func readBody(l *lines, label []byte) (header, body []byte, ok bool) {
	var text []byte
	headed, parted, short, partial := false, false, false, false
	for {
		line, ok := l.next()
		if !ok {
			return nil, nil, false
		}
		headed = headed || bytes.IndexByte(line, ':') >= 0
		before := partial
		partial = len(line) == lineSize-1 && line[len(line)-1] != '\n'
		line = trimmed(line)
		if len(line) == 0 {
			if before {
				continue // the end of a line that was too long for the buffer
			}
			if parted {
				return nil, nil, false
			}
			header, text, parted = text, nil, true
			continue
		}
		if bytes.HasPrefix(line, end) {
			rest, named := bytes.CutPrefix(line[len(end):], label)
			return header, text, named && bytes.Equal(rest, tail) && (parted || !headed)
		}
		if short || parted && len(line) > 64 {
			return nil, nil, false
		}
		short = parted && len(line) < 64
		text = append(append(text, line...), '\n')
	}
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodeBase64 decodes as EVP_DecodeUpdate and EVP_DecodeFinal do: white space anywhere, padding only at the end,
// whole groups of four.
func decodeBase64(text []byte) ([]byte, bool) {
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	if n, err := base64.StdEncoding.Decode(out, text); err == nil {
		return out[:n], true // the usual case, and quicker; what it refuses may still be fine
	}
	out = out[:0]
	var group uint32
	count, pads := 0, 0
	for _, c := range text {
		v := strings.IndexByte(base64Digits, c)
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			continue
		case c == '-': // the text ends there
			return out, count == 0
		case c == '=':
			if pads++; pads > 2 {
				return nil, false
			}
			v = 0
		case v < 0 || pads > 0:
			return nil, false
		}
		group = group<<6 | uint32(v)
		if count++; count == 4 {
			out = append(out, byte(group>>16), byte(group>>8), byte(group))
			out = out[:len(out)-pads]
			group, count = 0, 0
		}
	}
	return out, count == 0
}
