// Package cositest holds a COSI driver against the specification: any driver, in any language, over a gRPC connection.
//
// [Run] gives a subtest for each case, for go test:
//
//	func TestConformance(t *testing.T) {
//		conn := cositest.Start(t, driver)
//		cositest.Run(t, conn, cositest.Config{})
//	}
//
// [Check] gives a [Report], for anything else. Both work off one list, [Cases]. The zero [Config] checks what can be
// told from the outside; hooks and inputs let more cases apply. A case that cannot apply is skipped and says why; a case
// that depends on one that did not pass is not reached. Neither counts for the driver: the report says what share was
// checked.
//
// Each case makes buckets and accounts of its own, named as the sidecar names them, and removes them when it ends, also
// when it fails or the context ends. What cannot be removed the report tells.
//
// One fault fails one case. Calls have no deadline, as the sidecar's have none, but are given up after a while; a method
// that does not answer is not called again and again, so a run ends soon, whatever the driver does.
//
// docs/conformance.md says what each failure means in a cluster, and how it is mended.
package cositest
