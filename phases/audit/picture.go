package audit

import (
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

// NodeKind is what a node of the picture is.
type NodeKind string

// The kinds. An UnknownIssuer is a CA that is not here, and signed what is below it.
const (
	Root          NodeKind = "root"
	Intermediate  NodeKind = "intermediate"
	Certificate   NodeKind = "certificate"
	Kubeconfig    NodeKind = "kubeconfig"
	KeyPair       NodeKind = "key-pair"
	UnknownIssuer NodeKind = "unknown-issuer"
)

// Node is one thing in the picture of who signed whom. Nothing in it is secret; its texts may be hostile.
type Node struct {
	// ID is "n1", "n2", in the order of the picture.
	ID   string   `json:"id"`
	Kind NodeKind `json:"kind"`
	// Name is the row's, as it is printed ("apiserver", "admin.conf"); of a file that is no row's its path in the directory.
	Name string `json:"name"`
	// Row and Path say where it lies; "" for an unknown issuer.
	Row  string `json:"row,omitempty"`
	Path string `json:"path,omitempty"`
	// Subject is the user and the groups, Issuer the subject of who signed it, in one line.
	Subject *phases.Subject `json:"subject,omitempty"`
	Issuer  string          `json:"issuer,omitempty"`
	SANs    []string        `json:"sans,omitempty"`
	// Usages are "server" and "client".
	Usages []string `json:"usages,omitempty"`
	// Server is where a kubeconfig leads.
	Server string `json:"server,omitempty"`
	// KeyAlgorithm is as pki.DescribeKey has it; KeyHere says that the private key lies here too.
	KeyAlgorithm string     `json:"keyAlgorithm,omitempty"`
	KeyHere      bool       `json:"keyHere,omitempty"`
	Serial       string     `json:"serial,omitempty"`
	SHA256       string     `json:"sha256,omitempty"`
	NotBefore    *time.Time `json:"notBefore,omitempty"`
	NotAfter     *time.Time `json:"notAfter,omitempty"`
	// ResidualTime is what is left, in seconds; negative when expired. LifeLeft is the part of its whole life, 0 to 1.
	ResidualTime int64   `json:"residualTime,omitempty"`
	LifeLeft     float64 `json:"lifeLeft"`
	// Severity is the worst of its findings, Findings their ids.
	Severity *finding.Severity `json:"severity,omitempty"`
	Findings []finding.ID      `json:"findings,omitempty"`
	// Issued are what it signed: CAs first, then in the order of the tree, then by path.
	Issued []*Node `json:"issued,omitempty"`
}

// picture puts every certificate under its issuer.
func picture(j judge.Judgement, others []judge.Other, found []finding.Shown, now time.Time) []*Node {
	return nil
}
