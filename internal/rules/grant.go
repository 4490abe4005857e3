package rules

// grant lists the rules of DriverGrantBucketAccess.
var grant = []Rule{
	{
		ID: "GRANT-1", Level: Must, RPC: Grant, Source: Proto,
		Text:    withoutID,
		Runtime: refuses,
		Fault:   "The driver accepts a grant without `bucket_id`, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect:  "An account that is created for no bucket has access to nothing, or to everything.",
		Remedy:  "Check `bucket_id` before you create anything, and return INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "GRANT-2", Level: Must, RPC: Grant, Source: Proto,
		Text:    "Refuses a request without `name`.",
		Runtime: refuses,
		Fault:   "The driver accepts a grant without a name, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect:  "The driver cannot find an account without a name again, so a repeat creates another one.",
		Remedy:  "Check `name` before you create anything, and return INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "GRANT-3", Level: Must, RPC: Grant, Source: Proto,
		Text: "Refuses an `authentication_type` that is neither Key nor IAM. The sidecar sends 0 for a class with a " +
			"misspelt type.",
		Runtime: refuses,
		Fault: "The driver accepts an `authentication_type` that is neither Key nor IAM, or refuses it with a code " +
			"other than INVALID_ARGUMENT.",
		Effect: "The sidecar sends 0 for a class with a misspelt type. A driver that takes 0 for Key hides the mistake, " +
			"and hands out a key where the administrator may have wanted IAM.",
		Remedy: "Accept Key (1), IAM (2) or both, and return INVALID_ARGUMENT for every other number, including 0.",
	},
	{
		ID: "GRANT-4", Level: Must, RPC: Grant, Source: Spec,
		Text: "Supports Key or IAM, and refuses a type that it does not support: INVALID_ARGUMENT.",
		Fault: "Neither Key nor IAM works, the driver refuses a type that it is said to support, or it refuses an " +
			"unsupported type with a code other than INVALID_ARGUMENT.",
		Effect: "If neither works, the driver never grants access. If it refuses one with another code, users do not " +
			"learn that the class asks for a type that this driver does not have.",
		Remedy: "Make at least one of the two work. Refuse an unsupported type with INVALID_ARGUMENT and a message that " +
			"names the other. If the reason mentions a missing parameter, the kit lacks it: give the kit the " +
			"parameters of a BucketAccessClass, by `Config.AccessParameters` or `-access-parameters`.",
	},
	{
		ID: "GRANT-5", Level: Must, RPC: Grant, Source: Proto,
		Text: "Returns the same `account_id` to a repeat and creates no second principal. It should return the same " +
			"credentials: the sidecar writes the Secret once and never updates it.",
		Fault: "A repeated grant fails, or returns another account or other credentials than the first call.",
		Effect: "The sidecar repeats a grant whenever a later step fails, and it writes the Secret once and never " +
			"again. If each repeat replaces the key, the application may hold one that no longer works. If each repeat " +
			"adds a key, the store fills with keys that nobody knows: dozens a day have been seen.",
		Remedy: "Derive the account's name from the `name` of the request, and look for that account before you create " +
			"one. If it exists, return its id and the key that it has. If the store shows a secret only once, keep the " +
			"secret where the driver can read it again, encrypted and with the account for instance.",
		Parts: []Part{
			{
				Name:  "GRANT-5 accounts",
				Text:  "Creates no second account in the store for a repeat.",
				Fault: "A repeated grant adds an account to the store.",
				Effect: "Every repeat leaves an account with access to the bucket. A revoke ends the one account whose " +
					"id the sidecar knows, and the others keep working until somebody finds them.",
				Remedy: "Before you create an account, look for it by a name that you derive from the `name` of the " +
					"request, and let the store refuse a second account of that name. Complete an account that an " +
					"earlier call left partial; do not replace it with another.",
			},
		},
	},
	{
		ID: "GRANT-6", Level: Must, RPC: Grant, Source: Proto,
		Text:    "Returns an `account_id`.",
		Runtime: internalEmpty,
		Fault:   "The response to a grant has no `account_id`.",
		Effect: "The sidecar counts the grant as failed and repeats it indefinitely. Every repeat may leave an account " +
			"behind.",
		Remedy: "Return the id by which a revoke will find the account. A nil response has none.",
	},
	{
		ID: "GRANT-7", Level: Must, RPC: Grant, Source: Sidecar,
		Text:    "Returns exactly one entry in `credentials`.",
		Runtime: internal,
		Fault:   "The response to a grant does not have exactly one entry in `credentials`.",
		Effect:  "The sidecar counts the grant as failed and repeats it indefinitely.",
		Remedy: "Return one entry, for the protocol that clients use with the bucket, even if the account works with " +
			"others.",
	},
	{
		ID: "GRANT-8", Level: Real, RPC: Grant, Source: Sidecar,
		Text: "Names that entry `s3` or `azure`: the sidecar stores any other as empty credentials, and still counts " +
			"the access as granted.",
		Runtime: internal,
		Fault:   "The name of the one entry in `credentials` is neither `s3` nor `azure`.",
		Effect: "The released sidecar knows only these two. It writes a Secret with empty credentials and reports the " +
			"access as granted, so the application starts and cannot log in.",
		Remedy: "Name the entry, a key of the map `credentials`, exactly `s3` or `azure`, in lower case: not `S3`, " +
			"`aws`, `azureBlob` or the store's own name. The released sidecar cannot serve a store that speaks neither " +
			"protocol.",
	},
	{
		ID: s3Keys, Level: Real, RPC: Grant, Source: Sidecar,
		Text: "For `s3` with Key, returns `accessKeyID`, `accessSecretKey` and `endpoint`; it should return `region`. " +
			"The sidecar silently drops other keys.",
		Runtime: "returns INTERNAL; logs a missing region once",
		Fault:   "For Key, an `s3` entry lacks `accessKeyID`, `accessSecretKey` or `endpoint`.",
		Effect: "The sidecar copies only these three and `region`. If one is missing or spelt differently, it is empty " +
			"in the Secret, and the application cannot log in.",
		Remedy: "Fill in `accessKeyID`, `accessSecretKey` and `endpoint`, spelt like this, and `region` as well. The " +
			"endpoint is the one that applications reach, which may not be the driver's. In Go, " +
			"`gocosi.S3Credentials` does that.",
		Parts: []Part{
			{
				Name:  "GRANT-9 region",
				Level: Should,
				Text:  "For `s3` with Key, returns `region`.",
				Fault: "An `s3` entry has no `region`.",
				Effect: "This part of the rule is advice: the kit warns about a driver that leaves the region out, and " +
					"does not fail it. The region is empty in the Secret, and many clients do not sign a request " +
					"without one.",
				Remedy: "Fill in `region`. For a store without regions, return what its clients expect, usually " +
					"`us-east-1`.",
			},
		},
	},
	{
		ID: azureKeys, Level: Real, RPC: Grant, Source: Sidecar,
		Text: "For `azure`, returns `accessToken`, and `expiryTs` in the layout `" + ExpiryLayout +
			"`: the sidecar reads any other layout as no expiry.",
		Runtime: internal,
		Fault:   "An `azure` entry lacks `accessToken`, or its `expiryTs` is in a layout that the sidecar cannot read.",
		Effect: "Without a token the application cannot log in. An expiry that the sidecar cannot read counts as none, " +
			"so the application does not know when its token ends.",
		Remedy: "Fill in `accessToken`, and format `expiryTs` in UTC by Go's layout `" + ExpiryLayout +
			"`, as in `2030-01-31 12:00:00 +0000 UTC`. In Go, `gocosi.AzureCredentials` does that.",
	},
	{
		ID: "GRANT-11", Level: Real, RPC: Grant, Source: Sidecar,
		Text: "Never returns ALREADY_EXISTS: it ends the released sidecar's process, and again on the same object after " +
			"each restart.",
		Runtime: "turns it into FAILED_PRECONDITION",
		Fault:   "A grant returns ALREADY_EXISTS.",
		Effect: "The released sidecar takes ALREADY_EXISTS for success, reads a response that is not there, and dies. " +
			"It dies again on the same object after each restart, and from then on no bucket of this driver is served.",
		Remedy: "Return OK to a repeat and FAILED_PRECONDITION for a conflict, never ALREADY_EXISTS. Check what the " +
			"driver makes of an SDK's \"already exists\" error.",
		Parts: []Part{
			{
				Name: "GRANT-11 conflict",
				Text: "Refuses the name of an access that has other parameters: FAILED_PRECONDITION, and never ALREADY_EXISTS.",
				Fault: "The driver accepts a grant with an existing access's name and other parameters, or refuses it with " +
					"a code other than FAILED_PRECONDITION.",
				Effect: "With OK, a user gets another access than requested, such as one that may write instead of one " +
					"that may only read.",
				Remedy: "Record the parameters that an access is granted with. Compare them when the name comes again, " +
					"and return FAILED_PRECONDITION when they differ.",
			},
		},
	},
	{
		ID: "GRANT-12", Level: Should, RPC: Grant, Source: Spec,
		Text: "Fails for an unknown bucket, and leaves no account behind: NOT_FOUND.",
		Fault: "The driver accepts a grant for an unknown bucket, refuses it with a code other than NOT_FOUND, or leaves " +
			"an account behind.",
		Effect: "The account has a key and belongs to no bucket, so nobody removes it.",
		Remedy: "Look for the bucket before you create the account, and return NOT_FOUND when there is none.",
	},
	{
		ID: "GRANT-13", Level: Must, RPC: Grant, Source: Spec,
		Text: "Accepts a request without parameters, or names the one that it requires; refuses an unknown parameter: " +
			"INVALID_ARGUMENT.",
		Fault: "The driver refuses a grant without parameters, and the refusal does not name the missing parameter.",
		Effect: "A BucketAccessClass need not have parameters. The driver never grants an access of a class without " +
			"them, and the administrator does not learn which parameter to add.",
		Remedy: "Have a default for every parameter. If one cannot have a default, return INVALID_ARGUMENT and name the " +
			"missing parameter in the message.",
		Parts: []Part{
			{
				Name:  "GRANT-13 unknown",
				Level: Should,
				Text:  "Refuses a parameter that it does not know: INVALID_ARGUMENT.",
				Fault: "The driver accepts a grant with an unknown parameter, or refuses it with a code other than " +
					"INVALID_ARGUMENT.",
				Effect: "This part of the rule is advice: the kit warns about a driver that ignores unknown parameters, " +
					"and does not fail it. A driver that ignores a misspelt parameter can give more access than " +
					"requested: a typo in `readonly` gives write access, and nobody notices.",
				Remedy: "Compare each key of `parameters` with those that the driver knows, and return INVALID_ARGUMENT " +
					"with the name of the unknown one. In Go, `gocosi.Parameters` does that.",
			},
		},
	},
	{
		ID: "GRANT-14", Level: Must, RPC: Grant, Source: Spec,
		Text:  "Returns two accounts for two names, each with a secret of its own.",
		Fault: "Two grants by different names get one account or one secret.",
		Effect: "When one access is revoked, the other application loses its own, or the first application keeps the " +
			"key of the second.",
		Remedy: "Create an account with its own key for each pair of bucket and name. Never hand out one key, such as " +
			"the driver's own, to everybody.",
	},
	{
		ID: "GRANT-15", Level: Real, RPC: Grant, Source: Sidecar,
		Text: "Gives working access to all of many concurrent grants on one bucket: the sidecar runs up to 80 calls at " +
			"a time.",
		Runtime: turns,
		Fault: "When many grants on one bucket run at the same time, some fail, share an account, or return credentials " +
			"that do not work.",
		Effect: "Deployments ask for access at the same time. A driver that reads a bucket's policy, adds to it and " +
			"writes it back loses what another call has written in between. All grants are reported as done, but the " +
			"store denies one application.",
		Remedy: "Let changes of one bucket's policy take turns, for instance with a lock for each bucket. Or give each " +
			"account a policy of its own, so that no call changes what another one wrote.",
	},
	{
		ID: "GRANT-16", Level: Real, RPC: Grant, Source: Sidecar,
		Text:  "Accepts names as the sidecar makes them: `ba-` and a UUID.",
		Fault: "The driver refuses a name of the form that the sidecar gives to all accesses.",
		Effect: "Every name is `ba-` and a UUID, 39 characters in all. A driver that refuses such names never grants an " +
			"access.",
		Remedy: "Accept such names. If the store requires shorter names for accounts, derive the account's name from a " +
			"hash of the bucket and the name.",
	},
	{
		ID: "GRANT-17", Level: Real, RPC: Grant, Source: Sidecar,
		Text:    "With IAM, works without the ServiceAccount's name, which the sidecar never sends.",
		Runtime: "enforces GRANT-6 and GRANT-7",
		Fault: "The response to a grant by IAM breaks a rule for responses: it has no `account_id`, for instance, or not " +
			"exactly one entry in `credentials`.",
		Effect: "With IAM too, the sidecar wants one account and one entry, and repeats the grant indefinitely when one " +
			"of them is missing. It never sends the name of the ServiceAccount.",
		Remedy: "Return an `account_id` that you derive from the `name` of the request, and one entry named `s3` or " +
			"`azure`. A driver that needs the ServiceAccount's name refuses IAM with INVALID_ARGUMENT (GRANT-4).",
	},
}
