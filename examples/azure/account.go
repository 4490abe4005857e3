package main

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// An account's id is also the id of its stored access policy. The prefixes tell ours from those of others, and a name
// from the digest of one, so that two names never have one id.
const (
	namedPrefix  = "cosi-"
	digestPrefix = "cosi_"
)

// plainName is a name that fits into the 64 characters of a policy's id.
var plainName = regexp.MustCompile(`^[a-z0-9.-]{1,59}$`)

// accountID is the id for the name of an access, the same one each time.
func accountID(name string) string {
	if plainName.MatchString(name) {
		return namedPrefix + name
	}
	digest := sha256.Sum256([]byte(name))
	return digestPrefix + hex.EncodeToString(digest[:28]) // 56 of the 59 characters that are left
}

func isAccountID(id string) bool {
	return strings.HasPrefix(id, namedPrefix) || strings.HasPrefix(id, digestPrefix)
}
