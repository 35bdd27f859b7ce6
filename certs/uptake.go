package certs

import "slices"

// Uptake says how a component takes up a file of a row that has changed.
type Uptake struct {
	// Component is one of the row's UsedBy.
	Component string `json:"component"`
	// Restart is set where it goes on with what it read at its start.
	Restart bool `json:"restart"`
	// How says it in one phrase.
	How string `json:"how"`
}

// Uptakes tells for each component that reads the row's files what has to be
// done when they change: Kubernetes 1.36 and etcd 3.4 to 3.6, as measured on
// running components or read in their source.
func (s Spec) Uptakes() []Uptake {
	var out []Uptake
	for _, c := range s.UsedBy {
		out = append(out, s.uptake(c))
	}
	return out
}

func (s Spec) uptake(component string) Uptake {
	reloads := func(how string) Uptake { return Uptake{Component: component, How: how} }
	restart := func(how string) Uptake { return Uptake{Component: component, Restart: true, How: how} }
	switch {
	case component == "kubectl":
		return reloads("reads the file at every call; copies of it, such as ~/.kube/config, are still the old one")
	case component == "every kubeconfig":
		return restart("has a copy of it inside: make or renew each")
	case s.Conf != "":
		return restart("reads its kubeconfig once, at its start")
	case s.Kind == KeyPair:
		return restart("reads the key once, at its start")
	case component == "etcd probes":
		return reloads("read the files at every probe")
	case s.Kind != CA && component == "etcd":
		return reloads("reads the pair anew at every handshake")
	case s.Kind != CA && s.Kind != Serving && slices.Contains(s.caUsers(), "etcd"):
		return reloads("reads the pair anew at every connection to etcd")
	case s.Kind != CA:
		return reloads("takes up a changed pair by itself")
	case component == "kube-apiserver" && !slices.Contains(s.UsedBy, "etcd"):
		return reloads("takes up a changed file by itself")
	}
	return restart("reads the file once, at its start")
}

// caUsers are the components that read the CA of the row.
func (s Spec) caUsers() []string {
	ca, _ := RoleNamed(s.Role.Issuer)
	return ca.UsedBy
}
