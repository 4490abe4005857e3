package driver_test

// cephCalls lists those to a store that makes user and key at once, and tags a bucket after it made it.
func cephCalls() []sidecarCall {
	versioned, emptied := pair("versioning=true"), map[string]string{"versioning": "true", "emptyOnDelete": "true"}
	halfMade := first(noBucket, cut(creating(nil), "PutBucketTagging", false))
	halfGranted := crashed("PutUserPolicy", false)
	return []sidecarCall{
		{tags: true, name: "create, a new bucket", prepare: noBucket, make: creating(nil), done: bucketThere("")},
		{tags: true, name: "create, a new bucket, the driver's first", fresh: true, prepare: noBucket, make: creating(nil), done: bucketThere("")},
		{tags: true, name: "create, again", prepare: hasBucket(nil), make: creating(nil), done: bucketThere("")},
		{tags: true, name: "create, after a crash that left a bucket without tags", prepare: halfMade, make: creating(nil), done: bucketThere("")},
		{tags: true, name: "create, a new bucket with versioning", prepare: noBucket, make: creating(versioned), done: bucketThere("Enabled")},
		{name: "delete, an empty bucket", prepare: hasBucket(nil), make: deleting(nil), done: bucketGone},
		{name: "delete, an empty bucket, by a new driver", fresh: true, prepare: hasBucket(nil), make: deleting(nil), done: bucketGone},
		{tags: true, name: "delete, a bucket that was half made", prepare: halfMade, make: deleting(nil), done: bucketGone},
		{name: "delete, a full bucket with emptyOnDelete", emptied: true, prepare: full(emptied), make: deleting(emptied), done: bucketGone},
		{name: "delete, a bucket that is gone", prepare: noBucket, make: deleting(nil), done: bucketGone},
		{users: true, name: "grant, a new account", prepare: first(hasBucket(nil), noUser), make: granting, done: keyWorks},
		{users: true, name: "grant, again", prepare: granted, make: granting, done: keyWorks, kept: keyAlive},
		{users: true, name: "grant, after a crash that left a key without a policy", prepare: halfGranted, make: granting, done: keyWorks},
		{users: true, name: "revoke", prepare: granted, make: revoking, done: userGone},
		{users: true, name: "revoke, again", prepare: first(hasBucket(nil), noUser), make: revoking, done: userGone},
		{users: true, name: "revoke, an account that was half granted", prepare: halfGranted, make: revoking, done: userGone},
		{name: "the readiness check", check: true, prepare: nothing, make: checking, done: nothing},
	}
}
