package e2e_test

import "time"

// slow delays Create in stories that do not measure speed: the released controller loses a race against drivers that
// answer within about 100 ms, and leaves their claims unready indefinitely.
const slow = 400 * time.Millisecond

// The methods of a driver.
const (
	getInfo = "DriverGetInfo"
	create  = "DriverCreateBucket"
	remove  = "DriverDeleteBucket"
	grant   = "DriverGrantBucketAccess"
	revoke  = "DriverRevokeBucketAccess"
)
