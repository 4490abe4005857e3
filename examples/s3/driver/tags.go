package driver

import (
	"fmt"
	"regexp"
)

// What the driver remembers lies in tags of the bucket and of the user, given to them at the moment they are made: an
// object of the store is ours from its first moment, or never.
const (
	tagOwner      = "cosi/owner"      // on both: Settings.Owner
	tagParameters = "cosi/parameters" // on a bucket: what it was made with
	tagAgain      = "cosi/again"      // on a bucket: its first tags did not show, and these are the second ones
	tagBucket     = "cosi/bucket"     // on a user: where it has access
	tagAccess     = "cosi/access"     // on a user: which
	tagFence      = "cosi/fence"      // on a user: the call that last waited for the store to show what it wrote
	tagKey        = "cosi/key/"       // on a user, with an access key's id behind it: that key, sealed
	tagDead       = "cosi/dead/"      // on a user, with an access key's id and a word behind it: a tombstone; see fence.go
	tagOldKey     = "cosi/key"        // on a user that an earlier version made: its access key, sealed

	tagPrefix = "cosi/"
)

// tagValue is what S3 and IAM both take for the value of a tag.
var tagValue = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$`)

func checkTagValue(s string) error {
	if !tagValue.MatchString(s) {
		return fmt.Errorf("%.80q cannot be a tag: want up to 256 letters, digits, spaces, and _ . : / = + - @", s)
	}
	return nil
}
