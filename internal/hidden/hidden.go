// Package hidden keeps private keys out of what is printed by mistake.
package hidden

import (
	"fmt"
	"io"
)

// Secret is embedded in every struct that holds a private key, a token or the bytes of a file that may hold one: fmt,
// encoding/json, yaml and log/slog then write this word for the whole of it. Bytes that are printed are a key that
// leaked, and a crypto.Signer in JSON is its private numbers. What a caller means to write it takes out of the field.
type Secret struct{}

const text = "(not shown: it may hold a private key)"

// Format writes the same for every verb.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, text) }

// MarshalText is what encoders write.
func (Secret) MarshalText() ([]byte, error) { return []byte(text), nil }
