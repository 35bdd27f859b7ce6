package config

// Layer is a kind of source, the strongest first.
type Layer int

// The layers. What somebody gave comes by a flag, a variable or a file.
const (
	Nowhere     Layer = iota // it has no value
	ByFlag                   // on the command line
	ByVariable               // in the environment
	ByFile                   // in the configuration file
	ByDirectory              // nobody gave it: a file of the directory says so
	ByHost                   // nobody gave it: this host was asked
	ByDefault                // nobody gave it: the table has a default
)

// Origin is where a value comes from.
type Origin struct {
	Layer Layer
	// Source is "--service-cidr", "PKITOOL_SERVICE_CIDR" or "cluster.yaml:12";
	// a path, "this host" and "the default" for what nobody gave; "" for Nowhere.
	Source string
	// Field is the kubeadm field in a file, such as "networking.serviceSubnet".
	Field string
	// Line is the line of a file, from 1.
	Line int
}

// Given reports whether somebody gave the value: only then may it change what lies on disk.
func (o Origin) Given() bool { return o.Layer >= ByFlag && o.Layer <= ByFile }

// String names the value for a sentence about another one.
func (o Origin) String() string {
	if o.Layer == ByFile && o.Field != "" {
		return o.Field + " (" + o.Source + ")"
	}
	return o.Source
}

// note is a sentence about the value, to be shown to the user.
func (o Origin) note(sentence string) string {
	if o.Field == "" {
		return o.Source + ": " + sentence
	}
	return o.Source + ": " + o.Field + ": " + sentence
}

// Origin is where the value of a flag's setting comes from.
func (s Settings) Origin(flag string) Origin { return s.origins[flag] }

// Given reports whether somebody gave a value for a flag's setting: by the flag
// itself, its variable or a file.
func (s Settings) Given(flag string) bool { return s.origins[flag].Given() }
