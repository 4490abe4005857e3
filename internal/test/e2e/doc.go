// Package e2e tests drivers behind the released COSI controller and sidecar with a Kubernetes API server and without
// containers. "make e2e" runs the stories, "make test-all" runs the tests with fake clientsets.
package e2e
