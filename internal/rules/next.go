package rules

// next lists what prepares a driver for v1alpha2. Nothing of it binds a driver of v1alpha1.
var next = []Rule{
	{
		ID: "NEXT-1", Level: Policy, RPC: Create, Source: Later,
		Text: "Answers ids that are functions of names: the same name has the same id after a delete and after a " +
			"restart.",
		Fault: "The same name has another `bucket_id` after a delete, or after a restart of the driver.",
		Effect: "This is advice for v1alpha2, which asks for the id before the bucket is made and expects the same " +
			"answer each time.",
		Remedy: "Make the id from the name, without a counter, a time or anything random.",
	},
	{
		ID: "NEXT-2", Level: Policy, RPC: GetInfo, Source: Later,
		Text:    "Has a name of lower-case DNS labels, each of which begins with a letter.",
		Runtime: warns,
		Fault:   "The driver's name is one that the sidecar of v1alpha2 does not take.",
		Effect:  "This is advice for v1alpha2, whose sidecar exits at such a name.",
		Remedy: "Choose a name of lower-case labels with dots between them, each of which begins with a letter and ends " +
			"with a letter or a digit. Do so before there are buckets, because the name cannot be changed later " +
			"(INFO-6).",
	},
	{
		ID: "NEXT-3", Level: Policy, RPC: Create, Source: Later,
		Text:   "Says the region, where the protocol has one.",
		Fault:  "The answer to a create does not say the region.",
		Effect: "This is advice for v1alpha2, in which the answer is all that the application learns of the bucket.",
		Remedy: "Fill in the region in `bucket_info`, also when all buckets are in one region.",
	},
	{
		ID: "NEXT-4", Level: Policy, Source: Later,
		Text: "Answers INVALID_ARGUMENT, ALREADY_EXISTS, OUT_OF_RANGE and UNIMPLEMENTED for no trouble that passes: " +
			"they will be final.",
		Fault: "Trouble that passes is answered with INVALID_ARGUMENT, ALREADY_EXISTS, OUT_OF_RANGE or UNIMPLEMENTED.",
		Effect: "This is advice for v1alpha2, whose sidecar does not repeat a call that ended so: the claim stays " +
			"broken after the store is back.",
		Remedy: "Turn errors of the network, timeouts and HTTP's 5xx into UNAVAILABLE. Keep these four codes for " +
			"requests that can never succeed.",
	},
}
