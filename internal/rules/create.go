package rules

// create lists the rules of DriverCreateBucket.
var create = []Rule{
	{
		ID: "CREATE-1", Level: Must, RPC: Create, Source: Spec,
		Text:   "Is implemented.",
		Fault:  "DriverCreateBucket is not implemented, does not answer, or is not on the server that Identity is on.",
		Effect: "No claim is ever served.",
		Remedy: "Implement DriverCreateBucket, and register the Identity and the Provisioner server on one gRPC server.",
	},
	{
		ID: "CREATE-2", Level: Must, RPC: Create, Source: Proto,
		Text:    "Refuses a request without a name.",
		Runtime: refuses,
		Fault:   "The driver accepts a create without a name, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect: "Nobody could use or remove such a bucket. With another code, nobody learns that the request is to " +
			"blame.",
		Remedy: "Check `name` before anything else is done, and answer INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "CREATE-3", Level: Must, RPC: Create, Source: Proto,
		Text:  "Answers the same name and parameters again with OK and the same `bucket_id`.",
		Fault: "A repeated create fails, or answers a `bucket_id` other than the first call's.",
		Effect: "The sidecar repeats calls whenever it restarts or fails to write a status. When the repeat fails, with " +
			"ALREADY_EXISTS for instance (CREATE-12), the sidecar repeats it indefinitely and the claim never becomes " +
			"ready. When it answers another id, the first bucket is forgotten, with everything in it.",
		Remedy: "When the store says that the bucket exists, find out whether this driver made it, and with which " +
			"parameters, for instance from its tags. If both match, answer OK and the same id. Make the id from the " +
			"name or look it up, and never draw a new one.",
	},
	{
		ID: "CREATE-4", Level: Must, RPC: Create, Source: Proto,
		Text:  "Refuses the same name with other parameters: ALREADY_EXISTS.",
		Fault: "A create with an existing bucket's name and other parameters is not refused with ALREADY_EXISTS.",
		Effect: "With OK, users believe that they have what they asked for, such as a region or an object lock, and " +
			"they do not have it.",
		Remedy: "Record the parameters that a bucket is made with, in its tags for instance. Compare them when the name " +
			"is asked for again, and answer ALREADY_EXISTS when they differ.",
	},
	{
		ID: "CREATE-5", Level: Must, RPC: Create, Source: Spec,
		Text:    "Answers a `bucket_id`, another one for another name.",
		Runtime: internalEmpty,
		Fault:   "The answer to a create has no `bucket_id`, or two buckets have the same one.",
		Effect: "Without an id, the sidecar counts the call as failed and repeats it indefinitely. With one id for two " +
			"buckets, deleting one deletes the other.",
		Remedy: "Answer an id that names this bucket and no other, such as the bucket's name. A response that is nil " +
			"has no id.",
	},
	{
		ID: "CREATE-6", Level: Must, RPC: Create, Source: Spec,
		Text:  "Refuses a name that the store cannot take: INVALID_ARGUMENT.",
		Fault: "A name that the store cannot take is not refused with INVALID_ARGUMENT.",
		Effect: "A driver that changes the name makes a bucket that no application finds (CREATE-11). With another " +
			"code, users do not learn that the name is to blame.",
		Remedy: "Check the name against the store's rules for names, or turn the store's own refusal into " +
			"INVALID_ARGUMENT. Never shorten, convert or prefix the name.",
	},
	{
		ID: "CREATE-7", Level: Must, RPC: Create, Source: Spec,
		Text:  "Refuses what cannot be provisioned: OUT_OF_RANGE.",
		Fault: "Parameters that cannot be provisioned are not refused with OUT_OF_RANGE.",
		Effect: "OUT_OF_RANGE tells the administrator that the class has to change. With another code, people look for " +
			"the fault elsewhere, and with OK the bucket lacks what its class promises.",
		Remedy: "Answer INVALID_ARGUMENT to a value that is malformed, and OUT_OF_RANGE to one that is well formed and " +
			"that this store does not have, such as an unknown region or a quota that is too large.",
	},
	{
		ID: "CREATE-8", Level: Must, RPC: Create, Source: Spec,
		Text: "Takes a request without parameters, or names the one that it insists on; refuses an unknown parameter: " +
			"INVALID_ARGUMENT.",
		Fault: "The driver refuses a create without parameters, and the refusal does not name the parameter that is " +
			"missing.",
		Effect: "A BucketClass need not have parameters. Claims of a class without them are never served, and the " +
			"administrator does not learn which parameter to add.",
		Remedy: "Have a default for every parameter. Where there can be none, answer INVALID_ARGUMENT with the name of " +
			"the missing parameter in the message.",
		Parts: []Part{
			{
				Name:  "CREATE-8 unknown",
				Level: Should,
				Text:  "Refuses a parameter that it does not know: INVALID_ARGUMENT.",
				Fault: "A create with a parameter that the driver does not know is not refused with INVALID_ARGUMENT.",
				Effect: "This part of the rule is advice: a driver that ignores unknown parameters is warned, and does " +
					"not fail. A misspelt parameter that is ignored gives a bucket without what was asked for, such " +
					"as encryption, and nobody notices.",
				Remedy: "Compare each key of `parameters` with those that the driver knows, and answer INVALID_ARGUMENT " +
					"with the name of the unknown one. In Go, `gocosi.Parameters` does that.",
			},
		},
	},
	{
		ID: "CREATE-9", Level: Should, RPC: Create, Source: Proto,
		Text:    "Says the protocol in `bucket_info`.",
		Runtime: "logs it once",
		Fault:   "The answer to a create does not say the protocol.",
		Effect: "The released sidecar ignores the field. The specification means it for whoever connects to the bucket, " +
			"and v1alpha2 passes it on to applications (NEXT-3).",
		Remedy: "Set `bucket_info` to the protocol that the bucket is used with, and fill in its fields, such as the " +
			"region for S3.",
	},
	{
		ID: "CREATE-10", Level: Real, RPC: Create, Source: Sidecar,
		Text:  "Takes names as the sidecar makes them: `bucket-` and a UUID, 43 characters.",
		Fault: "The driver refuses a name in the form in which the sidecar makes all names of buckets.",
		Effect: "Every name is `bucket-` and a UUID, 43 characters in all. A driver that refuses such names serves no " +
			"claim at all.",
		Remedy: "Take such names as they are, and check the limits that the driver itself sets to names. A store whose " +
			"names have to be shorter cannot be used without breaking CREATE-11.",
	},
	{
		ID: "CREATE-11", Level: Real, RPC: Create, Source: Sidecar,
		Text:  "Calls the store's bucket exactly `name`: the application's Secret holds that name, never `bucket_id`.",
		Fault: "The bucket in the store does not have the name that was asked for, or cannot be used by that name.",
		Effect: "The user's Secret holds the name that was asked for, and never `bucket_id`. Applications ask the store " +
			"for that name, and get \"no such bucket\".",
		Remedy: "Create the bucket by exactly the `name` of the request, without a prefix or a suffix. Only `bucket_id` " +
			"is for the driver to choose.",
	},
	{
		ID: "CREATE-12", Level: Real, RPC: Create, Source: Sidecar,
		Text: "Never answers ALREADY_EXISTS for a bucket that is compatible: the sidecar repeats the call indefinitely.",
	},
	{
		ID: "CREATE-13", Level: Must, RPC: Create, Source: House,
		Text:  "Does not adopt a bucket that somebody else owns: ALREADY_EXISTS. A later delete would destroy it.",
		Fault: "The driver adopts a bucket that somebody else made, or harms it.",
		Effect: "From then on, the bucket's owner shares it with strangers. When the claim is deleted, the bucket is " +
			"deleted with everything in it.",
		Remedy: "Mark the buckets that the driver makes, by a tag or by their owner, and answer ALREADY_EXISTS when a " +
			"bucket of that name has no such mark. A store's \"you already own it\" does not mean that this driver made " +
			"the bucket: several programs may use one account.",
	},
}
