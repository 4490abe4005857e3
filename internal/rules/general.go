package rules

// general lists what every call asks for.
var general = []Rule{
	{
		ID: "GEN-1", Level: Must, Source: Spec,
		Text:    "Serves gRPC on a Unix socket that COSI_ENDPOINT names, by an absolute path that ends in `.sock`.",
		Runtime: "warns at start about another ending",
	},
	{
		ID: "GEN-2", Level: Must, Source: Spec,
		Text:    "Serves Identity and Provisioner on one address.",
		Runtime: built,
	},
	{
		ID: "GEN-3", Level: Should, Source: Spec,
		Text:  "Answers every RPC; one that it does not support is UNIMPLEMENTED.",
		Fault: "A method of the Identity or Provisioner service does not exist on the server.",
		Effect: "The sidecar calls all five methods. A driver without one of them looks like a driver of another " +
			"generation, and the objects that need that method never get any further.",
		Remedy: "Register the Identity and the Provisioner server on one gRPC server. Where the driver does not support " +
			"a call, let the method itself answer UNIMPLEMENTED, with a message that says what is not supported.",
	},
	{
		ID: "GEN-4", Level: Must, Source: Spec,
		Text:    "Fails with a canonical code; UNKNOWN, the code of a bare Go error, is a defect.",
		Runtime: "turns context errors into CANCELLED and DEADLINE_EXCEEDED, other bare errors into INTERNAL",
		Fault:   "The driver answers an error with the code UNKNOWN, or with a number that is no code.",
		Effect: "gRPC gives UNKNOWN to an error without a status. Whoever reads the object's events cannot tell whether " +
			"the claim, the class or the store is to blame, and the text may quote an SDK's error with a password in " +
			"it.",
		Remedy: "Return a status with a code on every path of the driver; in Go, by `status.Error`. UNAVAILABLE is for " +
			"a store that cannot be reached, INTERNAL for a failure that the user cannot help, and INVALID_ARGUMENT " +
			"for a request that can never succeed.",
	},
	{
		ID: "GEN-5", Level: Must, Source: Spec,
		Text:    "Fails with a message that is not empty.",
		Runtime: "fills one in",
		Fault:   "The driver answers an error without a message.",
		Effect: "The message is all that a user sees, in the events of the object. Without one, users learn that " +
			"something failed, and not what.",
		Remedy: "Put into the message what was tried, what was wrong, and what would be accepted.",
	},
	{
		ID: "GEN-6", Level: Must, Source: Spec,
		Text:    "Leaves the details of a status empty.",
		Runtime: "strips them",
		Fault:   "The driver answers an error whose status has details.",
		Effect: "The specification keeps the details empty for now. The sidecar does not read them, so what they say " +
			"reaches nobody.",
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
		Text: "Sends or accepts no string of more than 128 bytes, and no map of strings whose keys and values have more " +
			"than 4 KiB together. The entries of a map count to the 4 KiB alone.",
		Runtime: "refuses the request; answers INTERNAL for the response",
		Fault:   "A name of more than 128 bytes is cut instead of refused, or refused with a code that does not blame it.",
		Effect:  "Two long names that are cut become one bucket, and its users read each other's objects.",
		Remedy: "Refuse a name of more than 128 bytes with INVALID_ARGUMENT. A store that takes such a name whole may " +
			"have it. Another code than INVALID_ARGUMENT fails nothing, and is advised against.",
		Parts: []Part{{
			Name:   "GEN-9 answers",
			Text:   "Answers no string of more than 128 bytes, and no map whose keys and values have more than 4 KiB together. In a map, the 128 bytes do not count.",
			Fault:  "An answer has a string of more than 128 bytes, or a map of more than 4 KiB.",
			Effect: "A client that enforces the limits cannot use the answer: the bucket or the access is never ready.",
			Remedy: "Build ids from something short, such as the name of the request or a hash of it, and leave " +
				"certificates and policies out of the credentials.",
		}},
	},
	{
		ID: "GEN-10", Level: Should, Source: Spec,
		Text:    "Survives concurrent calls for one bucket; ABORTED is allowed.",
		Runtime: turns,
		Fault:   "Of several creates of one bucket at the same time, some fail or answer another `bucket_id`.",
		Effect: "The sidecar makes up to 80 calls at a time, and after a restart it repeats calls that are still " +
			"running. Without care, one claim ends up with two buckets, and one of them is forgotten.",
		Remedy: "Let calls for one bucket take turns, for instance with a lock for each name. Or leave it to the store " +
			"to make a bucket only once, and treat \"it exists, and it is mine\" as success. ABORTED is allowed as the " +
			"answer to the second call, because the sidecar repeats it.",
	},
	{
		ID: "GEN-11", Level: Must, Source: Spec,
		Text:    "Keeps credentials out of logs, spans and error messages.",
		Runtime: "masks them",
		Fault:   "A secret that the driver granted appears in the message of an error.",
		Effect: "Messages of errors end up in events, which many people may read. Whoever reads the secret can use the " +
			"bucket.",
		Remedy: "Keep requests, responses and credentials out of messages. Many SDKs quote the request in their errors: " +
			"write a message of your own instead of passing theirs on.",
		Parts: []Part{
			{
				Name:  "GEN-11 log",
				Text:  "Keeps credentials out of its log.",
				Fault: "A secret that the driver granted appears in its log.",
				Effect: "Logs are collected and kept, and many people may read them. Whoever reads the secret can use " +
					"the bucket.",
				Remedy: "Log names and ids, and never a whole request, a whole response, or an SDK's error that quotes " +
					"one of them. Turn off the SDK's own logging of requests and responses.",
			},
		},
	},
	{
		ID: "GEN-12", Level: MustNot, Source: Spec,
		Text:    "Makes files or folders next to the socket.",
		Runtime: built,
		Fault:   "The driver makes a file or a folder next to its socket.",
		Effect: "The driver shares that folder with the sidecar. The specification calls this abuse, and lets the " +
			"sidecar act against it.",
		Remedy: "Put lock files, caches and temporary files into a folder of the driver's own, such as an `emptyDir` " +
			"volume that only its container mounts.",
	},
	{
		ID: "GEN-13", Level: MustNot, Source: Spec,
		Text:    "Calls a variable of its own `COSI_*`.",
		Runtime: built,
	},
	{
		ID: "GEN-14", Level: Should, Source: Spec,
		Text: "Ends at once, with an exit code that is not zero, when its configuration is wrong, and names the " +
			"variable and the value.",
		Runtime: "refuses to start",
	},
	{
		ID: "GEN-15", Level: Must, Source: Spec,
		Text:  "Resumes and completes when a call is repeated with the same fields: the first may have been cut short.",
		Fault: "A create that was cut short cannot be completed by repeating it, or its repeats answer different ids.",
		Effect: "Sooner or later a pod is stopped in the middle of a call, and the sidecar repeats it. While repeats " +
			"fail, the claim never becomes ready. When repeats answer different ids, a bucket is recorded by an id that " +
			"may not be the one that is used later, and what has the other id is forgotten.",
		Remedy: "Give a bucket that an earlier call has begun the same id as a fresh one: make the id from the name. Check at each step what an earlier call has left: make what is missing, and keep what is there. Record " +
			"what the bucket was made for in the same step that makes it, or treat a bucket without that record, such " +
			"as a tag, as one that was begun. Pass the call's context on to the store's client, so that a call that " +
			"was given up does not act later.",
		Parts: []Part{
			{
				Name:  "GEN-15 delete",
				RPC:   Delete,
				Text:  "Completes a delete that was cut short when it is repeated.",
				Fault: "A delete that was cut short cannot be repeated, or its name can no longer be used for a bucket.",
				Effect: "While repeats fail, the Bucket object is never removed. When a repeat is answered with OK and " +
					"something is left in the store, nobody removes it, and it may block the name.",
				Remedy: "Answer OK only once every part is gone, and treat a part that is gone already as removed. " +
					"Delete the driver's own record of the bucket last: a record that is missing does not prove that " +
					"the rest is.",
			},
			{
				Name: "GEN-15 grant",
				RPC:  Grant,
				Text: "Completes a grant that was cut short when it is repeated.",
				Fault: "A grant that was cut short cannot be completed by repeating it, or its repeats answer different " +
					"accounts or credentials.",
				Effect: "While repeats fail, the access never becomes ready. When they answer different accounts or " +
					"credentials, the Secret may hold some that were replaced, and each repeat may leave a key in the store.",
				Remedy: "Look for the account by the name that was asked for before you make one. When it exists " +
					"without a key whose secret the driver can still read, the earlier call did not get to the end: " +
					"replace that key once, store the new one, and answer it to every repeat.",
			},
			{
				Name:  "GEN-15 revoke",
				RPC:   Revoke,
				Text:  "Completes a revoke that was cut short when it is repeated.",
				Fault: "A revoke that was cut short cannot be repeated, or the credentials still work after the repeat.",
				Effect: "The BucketAccess object is never removed; or it is removed, and its key still opens the " +
					"bucket.",
				Remedy: "Take away the access first, and the driver's own record of the account last. Treat every part " +
					"that is already gone as removed, and go on to the next one.",
			},
		},
	},
	{
		ID: "GEN-16", Level: Must, Source: House,
		Text:    "Never answers success without a result: a nil response without an error, or a panic, is a failure.",
		Runtime: internal,
	},
}
