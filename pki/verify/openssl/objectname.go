package openssl

// ObjectName returns what openssl calls an object identifier when it prints it: its long name, or the numbers with
// dots where it has none.
func ObjectName(dotted string) string {
	if _, long, ok := objectNames(dotted); ok {
		return long
	}
	return dotted
}

// ObjectShortName is ObjectName with the short name.
func ObjectShortName(dotted string) string {
	if short, _, ok := objectNames(dotted); ok {
		return short
	}
	return dotted
}
