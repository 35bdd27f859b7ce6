package audit

// Picture is picture, for tests.
var Picture = picture
