package rules

// next lists the rules that prepare a driver for v1alpha2. None of them binds a driver of v1alpha1.
var next = []Rule{
	{
		ID: "NEXT-1", Level: Policy, RPC: Create, Source: Later,
		Text: "Returns ids that are functions of names: the same name has the same id after a delete and after a " +
			"restart.",
		Fault: "The same name has another `bucket_id` after a delete, or after a restart of the driver.",
		Effect: "This is advice for v1alpha2, which asks for the id before the bucket exists and expects the same " +
			"response each time.",
		Remedy: "Derive the id from the name, without a counter, a time or anything random.",
	},
	{
		ID: "NEXT-2", Level: Policy, RPC: GetInfo, Source: Later,
		Text:    "Has a name of lower-case DNS labels, each of which begins with a letter.",
		Runtime: warns,
		Fault:   "The sidecar of v1alpha2 does not accept the driver's name.",
		Effect:  "This is advice for v1alpha2, whose sidecar exits when it gets such a name.",
		Remedy: "Choose a name of lower-case labels with dots between them, each of which begins with a letter and ends " +
			"with a letter or a digit. Do so before there are buckets, because you cannot change the name later " +
			"(INFO-6).",
	},
	{
		ID: "NEXT-3", Level: Policy, RPC: Create, Source: Later,
		Text:   "Names the region, if the protocol has one.",
		Fault:  "The response to a create does not name the region.",
		Effect: "This is advice for v1alpha2, in which the application learns about the bucket only from the response.",
		Remedy: "Fill in the region in `bucket_info`, even if all buckets are in one region.",
	},
	{
		ID: "NEXT-4", Level: Policy, Source: Later,
		Text: "Does not return INVALID_ARGUMENT, ALREADY_EXISTS, OUT_OF_RANGE or UNIMPLEMENTED for temporary trouble: " +
			"they will be final.",
		Fault: "The driver returns INVALID_ARGUMENT, ALREADY_EXISTS, OUT_OF_RANGE or UNIMPLEMENTED for temporary trouble.",
		Effect: "This is advice for v1alpha2, whose sidecar does not repeat a call that ended with one of these codes: " +
			"the claim stays broken after the store is back.",
		Remedy: "Turn network errors, timeouts and HTTP 5xx into UNAVAILABLE. Keep these four codes for requests that " +
			"can never succeed.",
	},
}
