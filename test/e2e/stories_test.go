//go:build e2e

package e2e_test

import "testing"

// TestStories tells all stories against one control plane.
func TestStories(t *testing.T) {
	w := newWorld(t)
	w.tell(t, "the scaffold's manifests are accepted as written", "accepted", manifestsAreAccepted)
	w.tell(t, "claim to secret to drain, from an unedited scaffold", "scaffold", scaffoldLife)
}
