package rules

// general lists the rules for every call.
var general = []Rule{
	{
		ID: "GEN-1", Level: Must, Source: Spec,
		Text:    "Serves gRPC on the Unix socket that COSI_ENDPOINT names: an absolute path that ends in `.sock`.",
		Runtime: "warns at start about another ending",
	},
	{
		ID: "GEN-2", Level: Must, Source: Spec,
		Text:    "Serves Identity and Provisioner on one address.",
		Runtime: built,
	},
	{
		ID: "GEN-3", Level: Should, Source: Spec,
		Text:  "Responds to every RPC; returns UNIMPLEMENTED from one that it does not support.",
		Fault: "The server lacks a method of the Identity or Provisioner service.",
		Effect: "The sidecar calls all five methods. A driver without one of them looks like a driver of another " +
			"generation, and the objects that need the method never become ready.",
		Remedy: "Register the Identity and the Provisioner server on one gRPC server. If the driver does not support a " +
			"call, let the method return UNIMPLEMENTED with a message that says what is not supported.",
	},
	{
		ID: "GEN-4", Level: Must, Source: Spec,
		Text:    "Fails with a canonical code. UNKNOWN, the code of a bare Go error, is a defect.",
		Runtime: "turns context errors into CANCELLED and DEADLINE_EXCEEDED, other bare errors into INTERNAL",
		Fault:   "The driver returns an error with the code UNKNOWN, or with a number that is no code.",
		Effect: "gRPC gives UNKNOWN to an error without a status. The object's events then do not show whether the " +
			"claim, the class or the store is to blame, and the text may quote an SDK's error with a password in it.",
		Remedy: "Return a status with a code on every path of the driver; in Go, use `status.Error`. UNAVAILABLE is for " +
			"a store that cannot be reached, INTERNAL for a failure that the user cannot fix, and INVALID_ARGUMENT " +
			"for a request that can never succeed.",
	},
	{
		ID: "GEN-5", Level: Must, Source: Spec,
		Text:    "Fails with a message that is not empty.",
		Runtime: "fills one in",
		Fault:   "The driver returns an error without a message.",
		Effect: "The message is all that users see in the object's events. Without one, they learn that something " +
			"failed, but not what.",
		Remedy: "Let the message say what the driver tried, what was wrong, and what it would accept.",
	},
	{
		ID: "GEN-6", Level: Must, Source: Spec,
		Text:    "Leaves the details of a status empty.",
		Runtime: "strips them",
		Fault:   "The driver returns an error whose status has details.",
		Effect:  "The specification reserves the details. The sidecar does not read them, so nobody sees them.",
		Remedy: "Move what matters into the message, and attach no details to the status; in Go, do not call " +
			"`WithDetails`.",
	},
	{
		ID: "GEN-7", Level: Must, Source: Spec,
		Text:    "Refuses a request without a required field: INVALID_ARGUMENT.",
		Runtime: refuses,
	},
	{
		ID: "GEN-8", Level: Must, Source: Spec,
		Text:    "Refuses an invalid or unsupported value: INVALID_ARGUMENT.",
		Runtime: "refuses unknown values of enumerations",
	},
	{
		ID: sizeLimits, Level: MustNot, Source: Spec,
		Text: "Sends or accepts a string of more than 128 bytes, or a map of strings whose keys and values have more " +
			"than 4 KiB together. Only the 4 KiB limit applies to the entries of a map.",
		Runtime: "refuses the request; returns INTERNAL for the response",
		Fault:   "The driver truncates a name of more than 128 bytes, or refuses it with a code that does not blame the name.",
		Effect:  "Two long names that are truncated become one bucket, and its users read each other's objects.",
		Remedy: "Refuse a name of more than 128 bytes with INVALID_ARGUMENT. A driver may accept the name if its store " +
			"keeps it whole. Another code than INVALID_ARGUMENT does not fail the case, but is advised against.",
		Parts: []Part{{
			Name:   "GEN-9 answers",
			Text:   "Returns a string of more than 128 bytes, or a map whose keys and values have more than 4 KiB together. The 128 bytes do not apply to the entries of a map.",
			Fault:  "A response has a string of more than 128 bytes, or a map of more than 4 KiB.",
			Effect: "A client that enforces the limits cannot use the response: the bucket or the access never becomes ready.",
			Remedy: "Derive ids from something short, such as the name in the request or a hash of it, and leave " +
				"certificates and policies out of the credentials.",
		}},
	},
	{
		ID: "GEN-10", Level: Should, Source: Spec,
		Text:    "Survives concurrent calls for one bucket; may return ABORTED.",
		Runtime: turns,
		Fault:   "When several creates of one bucket run at the same time, some fail or return another `bucket_id`.",
		Effect: "The sidecar makes up to 80 calls at a time, and after a restart it repeats calls that are still " +
			"running. Without precautions, one claim ends up with two buckets, and the cluster forgets one of them.",
		Remedy: "Let calls for one bucket take turns, for instance with a lock for each name. Or let the store create a " +
			"bucket only once, and treat \"it exists, and it is mine\" as success. The driver may return ABORTED from " +
			"the second call, because the sidecar repeats it.",
	},
	{
		ID: "GEN-11", Level: Must, Source: Spec,
		Text:    "Keeps credentials out of logs, spans and error messages.",
		Runtime: "masks them",
		Fault:   "The message of an error contains a secret that the driver granted.",
		Effect: "Error messages become events, which many people may read. Anyone who reads the secret can use the " +
			"bucket.",
		Remedy: "Keep requests, responses and credentials out of messages. Many SDKs quote the request in their errors: " +
			"write your own message instead of passing theirs on.",
		Parts: []Part{
			{
				Name:  "GEN-11 log",
				Text:  "Keeps credentials out of its log.",
				Fault: "The driver's log contains a secret that the driver granted.",
				Effect: "Logs are collected and kept, and many people may read them. Anyone who reads the secret can " +
					"use the bucket.",
				Remedy: "Log names and ids, and never a whole request, a whole response, or an SDK's error that quotes " +
					"one of them. Turn off the SDK's own logging of requests and responses.",
			},
		},
	},
	{
		ID: "GEN-12", Level: MustNot, Source: Spec,
		Text:    "Creates files or folders next to the socket.",
		Runtime: built,
		Fault:   "The driver creates a file or a folder next to its socket.",
		Effect: "The driver shares that folder with the sidecar. The specification calls this abuse, and lets the " +
			"sidecar act against it.",
		Remedy: "Put lock files, caches and temporary files into a folder of the driver's own, such as an `emptyDir` " +
			"volume that only its container mounts.",
	},
	{
		ID: "GEN-13", Level: MustNot, Source: Spec,
		Text:    "Names a variable of its own `COSI_*`.",
		Runtime: built,
	},
	{
		ID: "GEN-14", Level: Should, Source: Spec,
		Text: "Exits at once with a non-zero exit code when its configuration is wrong, and names the variable and the " +
			"value.",
		Runtime: "refuses to start",
	},
	{
		ID: "GEN-15", Level: Must, Source: Spec,
		Text:  "Resumes and completes a call that is repeated with the same fields, since the first may have been cut short.",
		Fault: "A repeat cannot complete a create that was cut short, or the repeats return different ids.",
		Effect: "Sooner or later a pod is stopped in the middle of a call, and the sidecar repeats it. While repeats " +
			"fail, the claim never becomes ready. When repeats return different ids, the cluster may record one id and " +
			"later use another, and forgets what has the other id.",
		Remedy: "Give a bucket that an earlier call has begun the same id as a fresh one: derive the id from the name. " +
			"Check at each step what an earlier call has left: create what is missing, and keep what is there. Record " +
			"what the bucket was created for in the same step that creates it, or treat a bucket without that record, " +
			"such as a tag, as one that was begun. Pass the call's context on to the store's client, so that a call " +
			"that was given up does not act later.",
		Parts: []Part{
			{
				Name:  "GEN-15 delete",
				RPC:   Delete,
				Text:  "Completes a delete that was cut short when it is repeated.",
				Fault: "A delete that was cut short cannot be repeated, or its name can no longer be used for a bucket.",
				Effect: "While repeats fail, the Bucket object is never removed. When a repeat returns OK and something " +
					"is left in the store, nobody removes it, and it may block the name.",
				Remedy: "Return OK only when every part is gone, and treat a part that is already gone as removed. " +
					"Delete the driver's own record of the bucket last: a missing record does not prove that the rest " +
					"is gone.",
			},
			{
				Name: "GEN-15 grant",
				RPC:  Grant,
				Text: "Completes a grant that was cut short when it is repeated.",
				Fault: "A repeat cannot complete a grant that was cut short, or the repeats return different accounts " +
					"or credentials.",
				Effect: "While repeats fail, the access never becomes ready. When they return different accounts or " +
					"credentials, the Secret may hold some that were replaced, and each repeat may leave a key in the store.",
				Remedy: "The first call may still be running when the repeat comes: let grants of one access take " +
					"turns, with a lock for each access, and only then look for the account by the requested name. If " +
					"it exists without a key whose secret the driver can still read, the earlier call did not finish: " +
					"replace that key once, store the new one, and return it to every repeat.",
			},
			{
				Name:  "GEN-15 revoke",
				RPC:   Revoke,
				Text:  "Completes a revoke that was cut short when it is repeated.",
				Fault: "A revoke that was cut short cannot be repeated, or the credentials still work after the repeat.",
				Effect: "The BucketAccess object is never removed; or it is removed, and its key still opens the " +
					"bucket.",
				Remedy: "Remove the access first, and the driver's own record of the account last. Treat every part " +
					"that is already gone as removed, and continue with the next one.",
			},
		},
	},
	{
		ID: "GEN-16", Level: Must, Source: House,
		Text:    "Never returns success without a result: a nil response without an error, or a panic, is a failure.",
		Runtime: internal,
	},
}
