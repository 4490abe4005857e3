// Package e2e shows that a driver works behind the released COSI controller and sidecar, in a Kubernetes API server,
// without containers: "make e2e" runs the stories, "make test-all" those that fake clientsets can tell.
package e2e
