package verify

// Memory is what openssl remembers from one target of a run to the next: which of the untrusted
// certificates it has read the extensions of. Only a check of extended CRLs depends on it. A Memory
// is for one validation after the other.
type Memory struct{ read map[*Certificate]bool }

// NewMemory is the memory of a run that has not begun.
func NewMemory() *Memory { return &Memory{make(map[*Certificate]bool)} }
