// Package cositest checks a COSI driver against the specification: any driver, in any language, over a gRPC connection. Each
// failure says what was sent and what came, what that breaks for the user of a bucket, and how to fix it.
//
//	kit ──── gRPC ──── driver ──── store
//	 └─────────── hooks ─────────────┘
//
// [Run] runs each case as a subtest, for go test:
//
//	func TestConformance(t *testing.T) {
//		conn := cositest.Start(t, driver)
//		cositest.Run(t, conn, cositest.Config{})
//	}
//
// [Check] returns a [Report], for anything else; package report writes one as text, JSON, JUnit XML or a page. Both run one
// list, [Cases]. The zero [Config] checks what the kit can see from outside; hooks and inputs let more cases apply. A case
// that does not apply, or that needs something that the configuration does not give, says so. A driver conforms when no case
// failed and no MUST was left unchecked.
//
// Each case creates its own buckets and accounts, named as the sidecar names them, and removes them when it ends, even when
// it fails or the context ends. The report lists what it cannot remove.
//
// Each case stands on its own: it needs no other. A few check the responses to all calls of the run, including their own. A
// case about trouble first does the same without the trouble; if that fails, the case is not reached, and another case
// reports the failure. Calls have no deadline, as the sidecar's have none, but the kit gives them up after a while. It no
// longer calls a method that does not respond, so a run ends soon, whatever the driver does. It waits for a driver that dies
// and continues, unless the driver has died in many cases.
//
// docs/conformance.md explains what each failure means in a cluster, and how to fix it.
package cositest
