//go:build e2e

package e2e_test

import "testing"

// TestStories runs all stories against one control plane.
func TestStories(t *testing.T) {
	w := newWorld(t)
	w.tell(t, "the scaffold's manifests are accepted as written", "accepted", manifestsAreAccepted)
	w.tell(t, "claim to secret to drain, from an unedited scaffold", "scaffold", scaffoldLife)
	w.tell(t, "the driver is killed in every RPC", "killed", killedInEveryRPC)
	w.tell(t, "the driver is absent at start, restarted half-way, replaced while it drains", "comes", comesAndGoes)
	w.tell(t, "status codes: what the events say, and recovery", "codes", everyCode)
	w.tell(t, "ALREADY_EXISTS from Grant does not end the sidecar", "exists", grantExists)
	w.tell(t, "ALREADY_EXISTS from Grant ends the sidecar when it is not translated", "untranslated", grantExistsUntranslated)
	w.tell(t, "a panic in Revoke does not count as revoked", "panic", panicInRevoke)
	w.tell(t, "a bucket of a class that retains outlives its claim", "retain", retained)
	w.tell(t, "a brownfield bucket", "brownfield", brownfield)
	w.tell(t, "two drivers in one cluster", "first", twoDrivers)
	w.tell(t, "two drivers, one of them away", "away", orphaned)
	w.tell(t, "the S3 driver: a Secret gives a plain S3 client access to its bucket", "s3", s3Life)
	w.tell(t, "200 claims and accesses at once", "crowd", crowded)
	w.tell(t, "a client in the cluster: kubectl debug on the scaffold's pod", "client", clientInCluster)
	w.tell(t, "two pods: the leader is killed under load", "lost", leaderKilled)
	w.tell(t, "two pods: the leader is stopped under load", "stopped", leaderStopped)
	w.tell(t, "two pods: the leader is paused until the standby leads, and wakes", "woken", leaderPaused)
	w.tell(t, "two pods: a rolling upgrade under load", "rolling", rollingUpgrade)
	w.tell(t, "from a scaffold to an upgrade, beside a standby, and a leader that is killed", "road", wholeRoad)
	w.tell(t, "no permission of the ServiceAccount is idle", "permissions", noneIdle)
}
