package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// What the rules are about.
const (
	// SpecificationVersion is the version of the module sigs.k8s.io/container-object-storage-interface-spec.
	SpecificationVersion = "v0.1.1-0.20230824172359-684d40bf7217"
	// SidecarVersion is the release of the sidecar.
	SidecarVersion = "v0.2.2"
)

// Revision returns a fingerprint of the rules: 12 hexadecimal digits that change with the ID, level, RPC or text of any rule,
// and with nothing else. Two reports with one revision are about the same rules. Safe for concurrent use.
func Revision() string { return fingerprint(All()) }

// fingerprint hashes each field in quotes, so that no two lists of rules read the same. The order does not count.
func fingerprint(rules []Rule) string {
	lines := make([]string, len(rules))
	for i, r := range rules {
		lines[i] = fmt.Sprintf("%q %q %q %q\n", r.ID, r.Level, r.RPC, r.Text)
	}
	slices.Sort(lines)
	hash := sha256.New()
	for _, line := range lines {
		hash.Write([]byte(line))
	}
	return hex.EncodeToString(hash.Sum(nil)[:6])
}
