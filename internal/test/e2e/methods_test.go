package e2e_test

import "time"

// slow is how long Create takes where a story is not about speed: the released controller loses a race against drivers
// that answer within about 100 ms, and leaves their claims not ready for ever.
const slow = 400 * time.Millisecond

// The methods of a driver.
const (
	getInfo = "DriverGetInfo"
	create  = "DriverCreateBucket"
	remove  = "DriverDeleteBucket"
	grant   = "DriverGrantBucketAccess"
	revoke  = "DriverRevokeBucketAccess"
)
