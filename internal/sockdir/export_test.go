package sockdir

// For tests.
var FirstUsable = firstUsable

const MaxParent = maxParent
