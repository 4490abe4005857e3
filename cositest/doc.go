// Package cositest checks a COSI driver against the specification: any driver, in any language, over a gRPC connection.
//
// [Run] gives a subtest for each case, for go test:
//
//	func TestConformance(t *testing.T) {
//		conn := cositest.Start(t, driver)
//		cositest.Run(t, conn, cositest.Config{})
//	}
//
// [Check] gives a [Report], for anything else; package report writes one as text, JSON, JUnit XML or a page. Both work off
// one list, [Cases]. The zero [Config] checks what can be
// told from the outside; hooks and inputs let more cases apply. A case that does not apply, or that the configuration does
// not give what it needs, says so. A driver conforms when no case failed and no MUST was left unchecked.
//
// Each case makes buckets and accounts of its own, named as the sidecar names them, and removes them when it ends, also
// when it fails or the context ends. What cannot be removed the report tells.
//
// Each case stands on its own: it needs no other. A few look at the answers to all calls of the run, their own included. A
// case about trouble first does the same without the trouble, and is not reached when that fails: another case reports it. Calls have no deadline, as the
// sidecar's have none, but are given up after a while; a method that does not answer is not called again and again, so a run
// ends soon, whatever the driver does. A driver that dies is awaited, and the run goes on, unless it
// died in many cases.
//
// docs/conformance.md says what each failure means in a cluster, and how to fix it.
package cositest
