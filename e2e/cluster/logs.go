package cluster

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// span is a stretch of a log file, in bytes.
type span struct{ from, to int64 }

// complaint matches a log line that speaks of a certificate fault. Go's own messages begin with x509: or tls:, the
// HTTP server's with "TLS handshake error", a token of a foreign key is a request that could not be authenticated,
// and whoever is not known is told that it is unauthorized; of
// lines that only mention certificates, warnings and errors count.
var complaint = regexp.MustCompile(`x509:|tls: |TLS handshake error|handshake failed|Unable to authenticate the request|` +
	`\bUnauthorized\b|asked for the client to provide credentials|` +
	`^[EWF]\d{4} .*(?i:certificate|x509|\btls\b)|"level":"(?:warn|error|fatal|panic)".*(?i:certificate|x509|\btls\b)`)

// harmless matches complaints that are none: a client that hangs up while it still shakes hands (the API server makes
// and drops etcd clients at its start), an API group that has the word in its name, and the API server that reads the
// certificate before a renewal and the key after it: two files cannot be replaced at one moment, so it keeps the pair that
// it has and reads again, and the check that renewed waits for the new one.
var harmless = regexp.MustCompile(`authentication handshake failed: context canceled"|Skipping API certificates\.k8s\.io/|` +
	`dynamic_serving_content\.go:\d+\] .*key failed with : tls: private key does not match public key"`)

// Complaints lists the lines in the logs of all processes that speak of a certificate fault, "NAME: LINE", apart from
// what was written while Provoke ran.
func (m *Machine) Complaints() ([]string, error) {
	var found []string
	for _, p := range m.Processes() {
		text, err := os.ReadFile(p.Log)
		if err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
		offset := int64(0)
		for line := range bytes.Lines(text) {
			if complaint.Match(line) && !p.provoked(offset) && !harmless.Match(line) {
				found = append(found, p.Name+": "+strings.TrimSpace(string(line)))
			}
			offset += int64(len(line))
		}
	}
	return found, nil
}

// Provoke runs f, which makes components complain on purpose, and keeps what they write meanwhile out of Complaints.
func (m *Machine) Provoke(f func()) {
	before := map[*Process]int64{}
	for _, p := range m.Processes() {
		before[p] = p.logSize()
	}
	defer func() {
		processes := m.Processes() // with those that f started
		settle(processes)
		for _, p := range processes {
			p.quiet = append(p.quiet, span{before[p], p.logSize()})
		}
	}()
	f()
}

// settle waits until nobody has written to a log for a moment: a server may speak of a connection after its client is
// gone, on a busy machine some time after.
func settle(processes []*Process) {
	const every, calm, most = 50 * time.Millisecond, 5, 100
	total := func() (sum int64) {
		for _, p := range processes {
			sum += p.logSize()
		}
		return sum
	}
	last, quiet := total(), 0
	for looks := 0; looks < most && quiet < calm; looks++ {
		time.Sleep(every)
		now := total()
		if quiet++; now != last {
			last, quiet = now, 0
		}
	}
}

func (p *Process) logSize() int64 {
	info, err := os.Stat(p.Log)
	if err != nil {
		return 0
	}
	return info.Size()
}

func (p *Process) provoked(offset int64) bool {
	for _, s := range p.quiet {
		if s.from <= offset && offset < s.to {
			return true
		}
	}
	return false
}

// Tail is the end of the process's log, for a message about its failure.
func (p *Process) Tail() string {
	const most = 4000
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return string(text)
}
