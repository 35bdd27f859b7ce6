package pki

// IsROCA is what KeyFault asks of a modulus last.
var IsROCA = isROCA

// MayBeSquare is a quick look before a root is taken.
var MayBeSquare = mayBeSquare
