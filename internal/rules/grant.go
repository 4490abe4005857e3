package rules

// grant lists the rules of DriverGrantBucketAccess.
var grant = []Rule{
	{
		ID: "GRANT-1", Level: Must, RPC: Grant, Source: Proto,
		Text:    withoutID,
		Runtime: refuses,
		Fault:   "The driver accepts a grant without `bucket_id`, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect:  "An account that is made for no bucket has access to nothing, or to everything.",
		Remedy:  "Check `bucket_id` before anything is made, and answer INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "GRANT-2", Level: Must, RPC: Grant, Source: Proto,
		Text:    "Refuses a request without `name`.",
		Runtime: refuses,
		Fault:   "The driver accepts a grant without a name, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect:  "An account without a name cannot be found again, so a repeat makes another one.",
		Remedy:  "Check `name` before anything is made, and answer INVALID_ARGUMENT when it is empty.",
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
		Remedy: "Take Key (1), IAM (2) or both, and answer INVALID_ARGUMENT to every other number, including 0.",
	},
	{
		ID: "GRANT-4", Level: Must, RPC: Grant, Source: Spec,
		Text: "Supports Key or IAM, and refuses the type that it does not support: INVALID_ARGUMENT.",
		Fault: "Neither Key nor IAM works, a type that the driver is said to support is refused, or one that it does " +
			"not support is refused with a code other than INVALID_ARGUMENT.",
		Effect: "When neither works, no access is ever granted. When one is refused with another code, its users do not " +
			"learn that the class asks for a type that this driver does not have.",
		Remedy: "Make at least one of the two work. Refuse one that is not supported with INVALID_ARGUMENT and a message " +
			"that names the other. When the reason speaks of a missing parameter, the kit lacks it: give it the " +
			"parameters of a BucketAccessClass, by `Config.AccessParameters` or `-access-parameters`.",
	},
	{
		ID: "GRANT-5", Level: Must, RPC: Grant, Source: Proto,
		Text: "Answers a repeat with the same `account_id` and makes no second principal. It should answer the same " +
			"credentials: the Secret is written once and never updated.",
		Fault: "A repeated grant fails, or answers another account or other credentials than the first call.",
		Effect: "The sidecar repeats a grant whenever a later step fails, and it writes the Secret once and never " +
			"again. Where each repeat replaces the key, the application may hold one that no longer works. Where each " +
			"repeat adds a key, the store fills with keys that nobody knows: dozens in a day have been seen.",
		Remedy: "Make the account's name from the `name` of the request, and look for that account before you make one. " +
			"When it exists, answer its id and the key that it has. If the store tells a secret only once, keep the " +
			"secret where the driver can read it again, in a Kubernetes Secret of its own for instance.",
		Parts: []Part{
			{
				Name:  "GRANT-5 accounts",
				Text:  "Makes no second account in the store for a repeat.",
				Fault: "A repeated grant adds an account to the store.",
				Effect: "Every repeat leaves an account with access to the bucket. A revoke ends the one account whose " +
					"id the sidecar knows, and the others keep working until somebody finds them.",
				Remedy: "Look for the account by a name that is made from the `name` of the request before you make " +
					"one, and let the store refuse a second account of that name. An account that an earlier call " +
					"left half done is completed, not replaced by another.",
			},
		},
	},
	{
		ID: "GRANT-6", Level: Must, RPC: Grant, Source: Proto,
		Text:    "Answers an `account_id`.",
		Runtime: internalEmpty,
		Fault:   "The answer to a grant has no `account_id`.",
		Effect: "The sidecar counts the grant as failed and repeats it indefinitely. Every repeat may leave an account " +
			"behind.",
		Remedy: "Answer the id by which a revoke will find the account. A response that is nil has none.",
	},
	{
		ID: "GRANT-7", Level: Must, RPC: Grant, Source: Sidecar,
		Text:    "Answers exactly one entry in `credentials`.",
		Runtime: internal,
		Fault:   "The answer to a grant does not have exactly one entry in `credentials`.",
		Effect:  "The sidecar counts the grant as failed and repeats it indefinitely.",
		Remedy: "Answer one entry, for the protocol that the bucket is used with, whatever else the account could be " +
			"used for.",
	},
	{
		ID: "GRANT-8", Level: Real, RPC: Grant, Source: Sidecar,
		Text: "Calls that entry `s3` or `azure`: any other is stored as empty credentials, and the access still counts " +
			"as granted.",
		Runtime: internal,
		Fault:   "The one entry in `credentials` is called neither `s3` nor `azure`.",
		Effect: "The released sidecar knows only these two. It writes a Secret with empty credentials and reports the " +
			"access as granted, so the application starts and cannot log in.",
		Remedy: "Call the entry, which is a key of the map `credentials`, exactly `s3` or `azure`, in lower case: not " +
			"`S3`, `aws`, `azureBlob` or the store's own name. A store that speaks neither protocol cannot be served " +
			"by the released sidecar.",
	},
	{
		ID: s3Keys, Level: Real, RPC: Grant, Source: Sidecar,
		Text: "For `s3` with Key, gives `accessKeyID`, `accessSecretKey` and `endpoint`; it should give `region`. Other " +
			"keys are dropped silently.",
		Runtime: "answers INTERNAL; logs a missing region once",
		Fault:   "For Key, an `s3` entry lacks `accessKeyID`, `accessSecretKey` or `endpoint`.",
		Effect: "The sidecar copies these three and `region`, and nothing else. What is missing, or spelt in another " +
			"way, is empty in the Secret, and the application cannot log in.",
		Remedy: "Fill in `accessKeyID`, `accessSecretKey` and `endpoint`, spelt like this, and `region` as well. The " +
			"endpoint is the one that applications reach, which may not be the driver's. In Go, " +
			"`gocosi.S3Credentials` does that.",
		Parts: []Part{
			{
				Name:  "GRANT-9 region",
				Level: Should,
				Text:  "For `s3` with Key, gives `region`.",
				Fault: "An `s3` entry has no `region`.",
				Effect: "This part of the rule is advice: a driver that leaves the region out is warned, and does not " +
					"fail. The region is empty in the Secret, and many clients do not sign a request without one.",
				Remedy: "Fill in `region`. A store without regions answers what its clients expect, mostly `us-east-1`.",
			},
		},
	},
	{
		ID: azureKeys, Level: Real, RPC: Grant, Source: Sidecar,
		Text: "For `azure`, gives `accessToken`, and `expiryTs` in the layout `" + ExpiryLayout +
			"`: any other is read as no expiry.",
		Runtime: internal,
		Fault:   "An `azure` entry lacks `accessToken`, or its `expiryTs` is in a layout that the sidecar does not read.",
		Effect: "Without a token the application cannot log in. An expiry that cannot be read counts as none, so the " +
			"application does not know when its token ends.",
		Remedy: "Fill in `accessToken`, and format `expiryTs` in UTC by Go's layout `" + ExpiryLayout +
			"`, as in `2030-01-31 12:00:00 +0000 UTC`. In Go, `gocosi.AzureCredentials` does that.",
	},
	{
		ID: "GRANT-11", Level: Real, RPC: Grant, Source: Sidecar,
		Text: "Never answers ALREADY_EXISTS: the released sidecar's process dies, and again on the same object after " +
			"each restart.",
		Runtime: "turns it into FAILED_PRECONDITION",
		Fault:   "A grant answers ALREADY_EXISTS.",
		Effect: "The released sidecar takes ALREADY_EXISTS for success, reads a response that is not there, and its " +
			"process dies. It dies again after each restart, on the same object, and no bucket of this driver is " +
			"served from then on.",
		Remedy: "Answer OK to a repeat, FAILED_PRECONDITION to a conflict, and ALREADY_EXISTS never. Look at what the " +
			"driver makes of an SDK's \"already exists\" error.",
		Parts: []Part{
			{
				Name: "GRANT-11 conflict",
				Text: "Refuses the name of an access that has other parameters: FAILED_PRECONDITION, and never ALREADY_EXISTS.",
				Fault: "A grant with an existing access's name and other parameters is not refused with " +
					"FAILED_PRECONDITION.",
				Effect: "With OK, a user gets another access than was asked for, such as one that may write instead of " +
					"one that may only read.",
				Remedy: "Record the parameters that an access is granted with. Compare them when the name is asked for " +
					"again, and answer FAILED_PRECONDITION when they differ.",
			},
		},
	},
	{
		ID: "GRANT-12", Level: Should, RPC: Grant, Source: Spec,
		Text: "Fails for an unknown bucket, and leaves no account behind: NOT_FOUND.",
		Fault: "A grant for an unknown bucket is accepted, is refused with a code other than NOT_FOUND, or leaves an " +
			"account behind.",
		Effect: "The account has a key and belongs to no bucket, so nobody removes it.",
		Remedy: "Look for the bucket before the account is made, and answer NOT_FOUND when there is none.",
	},
	{
		ID: "GRANT-13", Level: Must, RPC: Grant, Source: Spec,
		Text: "Takes a request without parameters, or names the one that it insists on; refuses an unknown parameter: " +
			"INVALID_ARGUMENT.",
		Fault: "The driver refuses a grant without parameters, and the refusal does not name the parameter that is " +
			"missing.",
		Effect: "A BucketAccessClass need not have parameters. No access of a class without them is ever granted, and " +
			"the administrator does not learn which parameter to add.",
		Remedy: "Have a default for every parameter. Where there can be none, answer INVALID_ARGUMENT with the name of " +
			"the missing parameter in the message.",
		Parts: []Part{
			{
				Name:  "GRANT-13 unknown",
				Level: Should,
				Text:  "Refuses a parameter that it does not know: INVALID_ARGUMENT.",
				Fault: "A grant with a parameter that the driver does not know is not refused with INVALID_ARGUMENT.",
				Effect: "This part of the rule is advice: a driver that ignores unknown parameters is warned, and does " +
					"not fail. A misspelt parameter that is ignored can give more access than was asked for: a slip " +
					"in `readonly` gives write access, and nobody notices.",
				Remedy: "Compare each key of `parameters` with those that the driver knows, and answer INVALID_ARGUMENT " +
					"with the name of the unknown one. In Go, `gocosi.Parameters` does that.",
			},
		},
	},
	{
		ID: "GRANT-14", Level: Must, RPC: Grant, Source: Spec,
		Text:  "Answers two names with two accounts, each with a secret of its own.",
		Fault: "Two grants by different names get one account or one secret.",
		Effect: "When one access is revoked, the other application loses its own, or the first application keeps the " +
			"key of the second.",
		Remedy: "Make an account with a key of its own for each pair of bucket and name. Never hand out one key, such " +
			"as the driver's own, to everybody.",
	},
	{
		ID: "GRANT-15", Level: Real, RPC: Grant, Source: Sidecar,
		Text: "Gives working access to all of many grants at once on one bucket: the sidecar runs up to 80 calls at a " +
			"time.",
		Runtime: turns,
		Fault: "Of many grants on one bucket at the same time, some fail, share an account, or answer credentials that " +
			"do not work.",
		Effect: "Deployments ask for access side by side. A driver that reads a bucket's policy, adds to it and writes " +
			"it back loses what another call has written in between. All grants are reported as done, and one " +
			"application is denied.",
		Remedy: "Let changes of one bucket's policy take turns, for instance with a lock for each bucket. Or give each " +
			"account a policy of its own, so that no call changes what another one wrote.",
	},
	{
		ID: "GRANT-16", Level: Real, RPC: Grant, Source: Sidecar,
		Text:  "Takes names as the sidecar makes them: `ba-` and a UUID.",
		Fault: "The driver refuses a name in the form in which the sidecar makes all names of accesses.",
		Effect: "Every name is `ba-` and a UUID, 39 characters in all. A driver that refuses such names never grants an " +
			"access.",
		Remedy: "Take such names. Where the store wants shorter names for accounts, make the account's name from a hash " +
			"of the bucket and the name.",
	},
	{
		ID: "GRANT-17", Level: Real, RPC: Grant, Source: Sidecar,
		Text:    "With IAM, does without the ServiceAccount's name, which is never sent.",
		Runtime: "GRANT-6 and GRANT-7 hold",
		Fault: "The answer to a grant by IAM breaks a rule for answers: it has no `account_id`, for instance, or not " +
			"exactly one entry in `credentials`.",
		Effect: "With IAM too, the sidecar asks for one account and one entry, and repeats the grant indefinitely when " +
			"one of them is missing. It never sends the name of the ServiceAccount.",
		Remedy: "Answer an `account_id` that is made from the `name` of the request, and one entry called `s3` or " +
			"`azure`. A driver that cannot do without the ServiceAccount's name refuses IAM with INVALID_ARGUMENT " +
			"(GRANT-4).",
	},
}
