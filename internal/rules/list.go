package rules

// The rules that checks quote.
const (
	sizeLimits = "GEN-9"
	s3Keys     = "GRANT-9"
	azureKeys  = "GRANT-10"
)

// withoutID states what several rules ask for.
const withoutID = "Refuses a request without `bucket_id`."

// What the library does about more than one rule.
const (
	refuses       = "refuses the request"
	internal      = "answers INTERNAL"
	built         = "by construction"
	turns         = "calls for one bucket take turns"
	startInternal = "refuses to start; answers INTERNAL"
	warns         = "warns at start"
	internalEmpty = "answers INTERNAL when it is empty"
)

func general() []Rule {
	return []Rule{
		{
			"GEN-1", Must, "",
			"Serves gRPC on a Unix socket that COSI_ENDPOINT names, by an absolute path that ends in `.sock`.",
			"warns at start about another ending", Spec,
		},
		{"GEN-2", Must, "", "Serves Identity and Provisioner on one address.", built, Spec},
		{"GEN-3", Should, "", "Answers every RPC; one that it does not support is UNIMPLEMENTED.", "", Spec},
		{
			"GEN-4", Must, "",
			"Fails with a canonical code; UNKNOWN, the code of a bare Go error, is a defect.",
			"turns context errors into CANCELLED and DEADLINE_EXCEEDED, other bare errors into INTERNAL", Spec,
		},
		{"GEN-5", Must, "", "Fails with a message that is not empty.", "fills one in", Spec},
		{"GEN-6", Must, "", "Leaves the details of a status empty.", "strips them", Spec},
		{"GEN-7", Must, "", "Refuses a request without a required field: INVALID_ARGUMENT.", refuses, Spec},
		{"GEN-8", Must, "", "Refuses an invalid or unsupported value: INVALID_ARGUMENT.", "refuses unknown values of enumerations", Spec},
		{
			sizeLimits, MustNot, "",
			"Sends or accepts no string of more than 128 bytes, and no map of strings whose keys and values have more than 4 KiB together. The " +
				"entries of a map count to the 4 KiB alone.",
			"refuses the request; answers INTERNAL for the response", Spec,
		},
		{"GEN-10", Should, "", "Survives concurrent calls for one bucket; ABORTED is allowed.", turns, Spec},
		{"GEN-11", Must, "", "Keeps credentials out of logs, spans and error messages.", "masks them", Spec},
		{"GEN-12", MustNot, "", "Makes files or folders next to the socket.", built, Spec},
		{"GEN-13", MustNot, "", "Calls a variable of its own `COSI_*`.", built, Spec},
		{
			"GEN-14", Should, "",
			"Ends at once, with an exit code that is not zero, when its configuration is wrong, and names the variable and the value.",
			"refuses to start", Spec,
		},
		{"GEN-15", Must, "", "Resumes and completes when a call is repeated with the same fields: the first may have been cut short.", "", Spec},
		{"GEN-16", Must, "", "Never answers success without a result: a nil response without an error, or a panic, is a failure.", internal, House},
	}
}

func info() []Rule {
	return []Rule{
		{"INFO-1", Must, GetInfo, "Is implemented.", "", Spec},
		{"INFO-2", Must, GetInfo, "Answers a name.", startInternal, Proto},
		{
			"INFO-3", Must, GetInfo,
			"The name has 63 characters at most, begins and ends with an alphanumeric, and holds alphanumerics, `-` and `.` only.",
			startInternal, Proto,
		},
		{"INFO-4", Should, GetInfo, "The name is a domain's, with the vendor's in it: it has a dot.", warns, Proto},
		{"INFO-5", Real, GetInfo, "The name is the same on every call and in every replica: leases and resources are found by it.", "", Sidecar},
		{"INFO-6", Real, GetInfo, "Each label of the name is in lower case and starts with a letter.", warns, Later},
	}
}

func create() []Rule {
	return []Rule{
		{"CREATE-1", Must, Create, "Is implemented.", "", Spec},
		{"CREATE-2", Must, Create, "Refuses a request without a name.", refuses, Proto},
		{"CREATE-3", Must, Create, "Answers the same name and parameters again with OK and the same `bucket_id`.", "", Proto},
		{"CREATE-4", Must, Create, "Refuses the same name with other parameters: ALREADY_EXISTS.", "", Proto},
		{"CREATE-5", Must, Create, "Answers a `bucket_id`, another one for another name.", internalEmpty, Spec},
		{"CREATE-6", Must, Create, "Refuses a name that the store cannot take: INVALID_ARGUMENT.", "", Spec},
		{"CREATE-7", Must, Create, "Refuses what cannot be provisioned: OUT_OF_RANGE.", "", Spec},
		{"CREATE-8", Must, Create, "Takes a request without parameters, or names the one that it insists on; refuses an unknown parameter: INVALID_ARGUMENT.", "", Spec},
		{"CREATE-9", Should, Create, "Says the protocol in `bucket_info`.", "logs it once", Proto},
		{"CREATE-10", Real, Create, "Takes names as the sidecar makes them: `bucket-` and a UUID, 43 characters.", "", Sidecar},
		{"CREATE-11", Real, Create, "Calls the store's bucket exactly `name`: the application's Secret holds that name, never `bucket_id`.", "", Sidecar},
		{"CREATE-12", Real, Create, "Never answers ALREADY_EXISTS for a bucket that is compatible: the sidecar repeats the call indefinitely.", "", Sidecar},
		{"CREATE-13", Must, Create, "Does not adopt a bucket that somebody else owns: ALREADY_EXISTS. A later delete would destroy it.", "", House},
	}
}

func deletion() []Rule {
	return []Rule{
		{"DELETE-1", Must, Delete, withoutID, refuses, Proto},
		{"DELETE-2", Must, Delete, "Answers OK when the bucket is gone or was never there.", "turns NOT_FOUND into OK", Proto},
		{
			"DELETE-3", May, Delete,
			"Reads the bucket class's parameters from `delete_context`, which may be missing and may hold unknown keys.",
			"", Sidecar,
		},
		{"DELETE-4", Must, Delete, "Undoes a create that was cut short.", "", Spec},
		{"DELETE-5", Real, Delete, "Takes ids that it did not make (brownfield buckets).", "", Sidecar},
		{"DELETE-6", Policy, Delete, "Refuses a bucket that is not empty, unless a parameter allows it: FAILED_PRECONDITION.", "", House},
	}
}

func grant() []Rule {
	return []Rule{
		{"GRANT-1", Must, Grant, withoutID, refuses, Proto},
		{"GRANT-2", Must, Grant, "Refuses a request without `name`.", refuses, Proto},
		{
			"GRANT-3", Must, Grant,
			"Refuses an `authentication_type` that is neither Key nor IAM. The sidecar sends 0 for a class with a misspelt type.",
			refuses, Proto,
		},
		{"GRANT-4", Must, Grant, "Supports Key or IAM, and refuses the type that it does not support: INVALID_ARGUMENT.", "", Spec},
		{
			"GRANT-5", Must, Grant,
			"Answers a repeat with the same `account_id` and makes no second principal. It should answer the same credentials: the Secret is " +
				"written once and never updated.",
			"", Proto,
		},
		{"GRANT-6", Must, Grant, "Answers an `account_id`.", internalEmpty, Proto},
		{"GRANT-7", Must, Grant, "Answers exactly one entry in `credentials`.", internal, Sidecar},
		{
			"GRANT-8", Real, Grant,
			"Calls that entry `s3` or `azure`: any other is stored as empty credentials, and the access still counts as granted.",
			internal, Sidecar,
		},
		{
			s3Keys, Real, Grant,
			"For `s3` with Key, gives `accessKeyID`, `accessSecretKey` and `endpoint`; it should give `region`. Other keys are dropped silently.",
			"answers INTERNAL; logs a missing region once", Sidecar,
		},
		{
			azureKeys, Real, Grant,
			"For `azure`, gives `accessToken`, and `expiryTs` in the layout `" + ExpiryLayout + "`: any other is read as no expiry.",
			internal, Sidecar,
		},
		{
			"GRANT-11", Real, Grant,
			"Never answers ALREADY_EXISTS: the released sidecar's process dies, and again on the same object after each restart.",
			"turns it into FAILED_PRECONDITION", Sidecar,
		},
		{"GRANT-12", Should, Grant, "Fails for an unknown bucket, and leaves no account behind: NOT_FOUND.", "", Spec},
		{"GRANT-13", Must, Grant, "Takes a request without parameters, or names the one that it insists on; refuses an unknown parameter: INVALID_ARGUMENT.", "", Spec},
		{"GRANT-14", Must, Grant, "Answers two names with two accounts, each with a secret of its own.", "", Spec},
		{
			"GRANT-15", Real, Grant,
			"Gives working access to all of many grants at once on one bucket: the sidecar runs up to 80 calls at a time.",
			turns, Sidecar,
		},
		{"GRANT-16", Real, Grant, "Takes names as the sidecar makes them: `ba-` and a UUID.", "", Sidecar},
		{"GRANT-17", Real, Grant, "With IAM, does without the ServiceAccount's name, which is never sent.", "GRANT-6 and GRANT-7 hold", Sidecar},
	}
}

func revoke() []Rule {
	return []Rule{
		{"REVOKE-1", Must, Revoke, withoutID, refuses, Proto},
		{"REVOKE-2", Must, Revoke, "Refuses a request without `account_id`.", refuses, Proto},
		{"REVOKE-3", Must, Revoke, "Takes away all access of that account to that bucket.", "", Proto},
		{
			"REVOKE-4", Must, Revoke,
			"Answers OK when the access is gone or was never there: the sidecar does not forgive NOT_FOUND here.",
			"turns NOT_FOUND into OK", Sidecar,
		},
		{"REVOKE-5", May, Revoke, "Does without `revoke_access_context`, which no released sidecar sends.", "", Sidecar},
		{"REVOKE-6", Real, Revoke, "Answers OK, and does nothing, for ids of another driver: every sidecar sends every revoke.", "", Sidecar},
		{"REVOKE-7", Real, Revoke, "Answers OK after the bucket is gone.", "", Sidecar},
		{"REVOKE-8", Should, Revoke, "Grants again afterwards.", "", Spec},
	}
}

// isolation lists what keeps one user of buckets apart from another.
func isolation() []Rule {
	return []Rule{
		{
			"ISOLATION-1", Real, "",
			"Gives credentials that reach their own bucket and no other: every application of the cluster has some.", "", House,
		},
		{
			"ISOLATION-2", Real, "",
			"Keeps what was granted and ends what was revoked when grants and revokes on one bucket come at once: the sidecar sends them so.",
			turns, Sidecar,
		},
	}
}

func load() []Rule {
	return []Rule{
		{"LOAD-1", Real, "", "Serves 80 calls at once over many buckets: the sidecar has 40 workers for buckets and 40 for accesses.", "", Sidecar},
	}
}

// outages lists what a driver does while its store cannot be reached. The sidecar takes OK for done and repeats any error, and
// users read the code: one that blames the request sends them looking in the wrong place.
func outages() []Rule {
	const passing = "While the store is away, fails with UNAVAILABLE, DEADLINE_EXCEEDED or ABORTED (INTERNAL is advised against): "
	return []Rule{
		{"OUTAGE-1", Real, Create, passing + "OK would promise a bucket that is not there, and other codes blame the claim.", "", Sidecar},
		{"OUTAGE-2", Real, Delete, passing + "OK would make the sidecar forget a bucket that is still there.", "", Sidecar},
		{"OUTAGE-3", Real, Grant, passing + "OK would write a Secret that nobody can use.", "", Sidecar},
		{"OUTAGE-4", Real, Revoke, passing + "OK would show an access as ended that still works.", "", Sidecar},
		{"OUTAGE-5", Policy, GetInfo, "Answers its name while the store is away: a sidecar that starts then exits without it.", "", Sidecar},
		{"OUTAGE-6", Real, "", "Completes every repeated call when the store is back, and leaves nothing half done.", "", Sidecar},
	}
}

// next lists what prepares a driver for v1alpha2. Nothing of it binds a driver of v1alpha1.
func next() []Rule {
	return []Rule{
		{"NEXT-1", Policy, Create, "Answers ids that are functions of names: the same name has the same id after a delete and after a restart.", "", Later},
		{"NEXT-2", Policy, GetInfo, "Has a name of lower-case DNS labels, each of which begins with a letter.", warns, Later},
		{"NEXT-3", Policy, Create, "Says the region, where the protocol has one.", "", Later},
		{
			"NEXT-4", Policy, "",
			"Answers INVALID_ARGUMENT, ALREADY_EXISTS, OUT_OF_RANGE and UNIMPLEMENTED for no trouble that passes: they will be final.", "", Later,
		},
	}
}
