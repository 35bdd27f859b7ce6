package finding

// Certificate requests.

var requestRules = []Rule{}
