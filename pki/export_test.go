package pki

// IsROCA is what KeyFault asks of a modulus last.
var IsROCA = isROCA
