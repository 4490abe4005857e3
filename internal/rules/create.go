package rules

// create lists the rules of DriverCreateBucket.
var create = []Rule{
	{
		ID: "CREATE-1", Level: Must, RPC: Create, Source: Spec,
		Text:   "Is implemented.",
		Fault:  "DriverCreateBucket is not implemented, does not respond, or is not on the server that has Identity.",
		Effect: "The driver serves no claim.",
		Remedy: "Implement DriverCreateBucket, and register the Identity and the Provisioner server on one gRPC server.",
	},
	{
		ID: "CREATE-2", Level: Must, RPC: Create, Source: Proto,
		Text:    "Refuses a request without a name.",
		Runtime: refuses,
		Fault:   "The driver accepts a create without a name, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect: "Nobody could use or remove such a bucket. With another code, nobody learns that the request is to " +
			"blame.",
		Remedy: "Check `name` before anything else, and return INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "CREATE-3", Level: Must, RPC: Create, Source: Proto,
		Text:  "Returns OK and the same `bucket_id` when the same name and parameters come again.",
		Fault: "A repeated create fails, or returns a `bucket_id` other than the first call's.",
		Effect: "The sidecar repeats calls when it restarts and when it fails to write a status. If the repeat fails, " +
			"with ALREADY_EXISTS for instance (CREATE-12), the sidecar repeats it indefinitely and the claim never " +
			"becomes ready. If it returns another id, the cluster forgets the first bucket, with everything in it.",
		Remedy: "When the store says that the bucket exists, find out whether this driver created it, and with which " +
			"parameters, for instance from its tags. If both match, return OK and the same id. Derive the id from the " +
			"name or look it up, and never generate a new one.",
	},
	{
		ID: "CREATE-4", Level: Must, RPC: Create, Source: Proto,
		Text: "Refuses the same name with other parameters: ALREADY_EXISTS.",
		Fault: "The driver accepts a create with an existing bucket's name and other parameters, or refuses it with a " +
			"code other than ALREADY_EXISTS.",
		Effect: "With OK, users believe that they have what they asked for, such as a region or an object lock, but " +
			"they do not have it.",
		Remedy: "Record the parameters that a bucket is created with, in its tags for instance. Compare them when the " +
			"name comes again, and return ALREADY_EXISTS when they differ.",
	},
	{
		ID: "CREATE-5", Level: Must, RPC: Create, Source: Spec,
		Text:    "Returns a `bucket_id`, and another one for another name.",
		Runtime: internalEmpty,
		Fault:   "The response to a create has no `bucket_id`, or two buckets have the same one.",
		Effect: "Without an id, the sidecar counts the call as failed and repeats it indefinitely. With one id for two " +
			"buckets, deleting one deletes the other.",
		Remedy: "Return an id that names only this bucket, such as the bucket's name. A nil response has no id. If the " +
			"driver sets the id and the response lacks it, the binding spells the field `bucketId` and drops " +
			"`bucket_id`: in JavaScript, load the proto with `keepCase: true`.",
	},
	{
		ID: "CREATE-6", Level: Must, RPC: Create, Source: Spec,
		Text:  "Refuses a name that the store cannot use: INVALID_ARGUMENT.",
		Fault: "The driver accepts a name that the store cannot use, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect: "A driver that changes the name creates a bucket that no application finds (CREATE-11). With another " +
			"code, users do not learn that the name is to blame.",
		Remedy: "Check the name against the store's rules for names, or turn the store's own refusal into " +
			"INVALID_ARGUMENT. Never shorten, convert or prefix the name.",
	},
	{
		ID: "CREATE-7", Level: Must, RPC: Create, Source: Spec,
		Text:  "Refuses parameters that it cannot provision: OUT_OF_RANGE.",
		Fault: "The driver accepts parameters that it cannot provision, or refuses them with a code other than OUT_OF_RANGE.",
		Effect: "OUT_OF_RANGE tells the administrator to change the class. With another code, people look for the fault " +
			"elsewhere, and with OK the bucket lacks what its class promises.",
		Remedy: "Return INVALID_ARGUMENT for a malformed value, and OUT_OF_RANGE for one that is well formed but that " +
			"this store does not offer, such as an unknown region or a quota that is too large.",
	},
	{
		ID: "CREATE-8", Level: Must, RPC: Create, Source: Spec,
		Text: "Accepts a request without parameters, or names the one that it requires; refuses an unknown parameter: " +
			"INVALID_ARGUMENT.",
		Fault: "The driver refuses a create without parameters, and the refusal does not name the missing parameter.",
		Effect: "A BucketClass need not have parameters. The driver never serves claims of a class without them, and " +
			"the administrator does not learn which parameter to add.",
		Remedy: "Have a default for every parameter. If one cannot have a default, return INVALID_ARGUMENT and name the " +
			"missing parameter in the message.",
		Parts: []Part{
			{
				Name:  "CREATE-8 unknown",
				Level: Should,
				Text:  "Refuses a parameter that it does not know: INVALID_ARGUMENT.",
				Fault: "The driver accepts a create with an unknown parameter, or refuses it with a code other than " +
					"INVALID_ARGUMENT.",
				Effect: "This part of the rule is advice: the kit warns about a driver that ignores unknown parameters, " +
					"and does not fail it. If the driver ignores a misspelt parameter, the bucket lacks what was asked " +
					"for, such as encryption, and nobody notices.",
				Remedy: "Compare each key of `parameters` with those that the driver knows, and return INVALID_ARGUMENT " +
					"with the name of the unknown one. In Go, `gocosi.Parameters` does that.",
			},
		},
	},
	{
		ID: "CREATE-9", Level: Should, RPC: Create, Source: Proto,
		Text:    "Names the protocol in `bucket_info`.",
		Runtime: "logs it once",
		Fault:   "The response to a create does not name the protocol.",
		Effect: "The released sidecar ignores the field. The specification intends it for clients of the bucket, and " +
			"v1alpha2 passes it on to applications (NEXT-3).",
		Remedy: "Set `bucket_info` to the protocol that clients use with the bucket, and fill in its fields, such as " +
			"the region for S3.",
	},
	{
		ID: "CREATE-10", Level: Real, RPC: Create, Source: Sidecar,
		Text:  "Accepts names as the sidecar makes them: `bucket-` and a UUID, 43 characters.",
		Fault: "The driver refuses a name of the form that the sidecar gives to all buckets.",
		Effect: "Every name is `bucket-` and a UUID, 43 characters in all. A driver that refuses such names serves no " +
			"claim.",
		Remedy: "Accept such names as they are, and check the limits that the driver itself sets for names. A store " +
			"that requires shorter names cannot be used without breaking CREATE-11.",
	},
	{
		ID: "CREATE-11", Level: Real, RPC: Create, Source: Sidecar,
		Text:  "Names the store's bucket exactly `name`: the application's Secret holds that name, never `bucket_id`.",
		Fault: "The bucket in the store does not have the requested name, or cannot be used by that name.",
		Effect: "The user's Secret holds the requested name, and never `bucket_id`. Applications ask the store for that " +
			"name, and get \"no such bucket\".",
		Remedy: "Create the bucket by exactly the `name` of the request, without a prefix or a suffix. The driver " +
			"chooses only `bucket_id`.",
	},
	{
		ID: "CREATE-12", Level: Real, RPC: Create, Source: Sidecar,
		Text: "Never returns ALREADY_EXISTS for a compatible bucket: the sidecar repeats the call indefinitely.",
	},
	{
		ID: "CREATE-13", Level: Must, RPC: Create, Source: House,
		Text:  "Does not adopt a bucket that somebody else owns: ALREADY_EXISTS. A later delete would destroy it.",
		Fault: "The driver adopts a bucket that somebody else created, or harms it.",
		Effect: "From then on, the bucket's owner shares it with strangers. When the claim is deleted, the bucket is " +
			"deleted with everything in it.",
		Remedy: "Mark the buckets that the driver creates, by a tag or by their owner, and return ALREADY_EXISTS when a " +
			"bucket of that name has no such mark. A store's \"you already own it\" does not mean that this driver " +
			"created the bucket: several programs may use one account.",
	},
}
