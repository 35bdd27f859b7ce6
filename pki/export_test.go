package pki

// IsROCA is what KeyFault asks of a modulus last.
var IsROCA = isROCA

// What a modulus is looked at with.
var (
	HasSmallFactor = hasSmallFactor
	MayBeSquare    = mayBeSquare
	AboveRoot      = aboveRoot
)
