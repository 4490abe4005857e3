package rules

// deletion lists the rules of DriverDeleteBucket.
var deletion = []Rule{
	{
		ID: "DELETE-1", Level: Must, RPC: Delete, Source: Proto,
		Text:    withoutID,
		Runtime: refuses,
		Fault:   "The driver accepts a delete without `bucket_id`, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect: "The sidecar can send such a request when it failed to record the id. OK makes it forget a bucket that " +
			"still exists.",
		Remedy: "Check `bucket_id` before you call the store, and return INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "DELETE-2", Level: Must, RPC: Delete, Source: Proto,
		Text:    "Returns OK when the bucket is gone or never existed.",
		Runtime: "turns NOT_FOUND into OK",
		Fault:   "A delete of a bucket that is already gone does not return OK.",
		Effect: "The sidecar repeats calls. A delete that fails because its work is done keeps the Bucket object in the " +
			"cluster indefinitely. The released sidecar takes NOT_FOUND for OK here, but no other code.",
		Remedy: "Treat the store's \"no such bucket\" as success, and no other error.",
		Parts: []Part{
			{
				Name:  "DELETE-2 shape",
				Text:  "Returns OK for the id of a bucket that never existed, whatever the form of the id.",
				Fault: "A delete by the id of a bucket that never existed does not return OK for every form of id.",
				Effect: "An id that the driver does not know names no bucket of its store, so there is nothing to delete. " +
					"A refusal keeps the Bucket object in the cluster indefinitely, for instance after the driver has " +
					"changed the form of its ids.",
				Remedy: "Look for a bucket with that id, whatever its form (DELETE-5). If the store has none, return OK " +
					"and do nothing.",
			},
		},
	},
	{
		ID: "DELETE-3", Level: May, RPC: Delete, Source: Sidecar,
		Text: "Reads the bucket class's parameters from `delete_context`, which may be missing and may hold unknown " +
			"keys.",
		Fault: "The driver refuses a delete because of what `delete_context` holds or lacks.",
		Effect: "The rule is a MAY, so the kit warns about such a driver, and does not fail it. The sidecar fills the " +
			"field with the parameters of the bucket's class; it may be missing, and a later version may send more. A " +
			"refusal prevents the bucket's deletion.",
		Remedy: "Read the keys that the driver knows, have a default for each of them, and ignore all others.",
	},
	{
		ID: "DELETE-4", Level: Must, RPC: Delete, Source: Spec,
		Text:   "Undoes a create that was cut short.",
		Fault:  "After a create that was cut short, the bucket cannot be deleted, or cannot be created again.",
		Effect: "A user who deletes a claim that is not ready yet leaves a bucket behind, or blocks its name.",
		Remedy: "Let delete remove everything that create can leave, complete or partial, including the driver's own " +
			"records.",
	},
	{
		ID: "DELETE-5", Level: Real, RPC: Delete, Source: Sidecar,
		Text: "Accepts ids that it did not make (brownfield buckets).",
		Fault: "The driver refuses the id of a bucket that it did not create, or returns OK and leaves the bucket in the " +
			"store.",
		Effect: "An administrator can register an existing bucket by its id. With the deletion policy Delete, the " +
			"sidecar asks for its deletion by that id. A refusal keeps the Bucket object in the cluster, and a wrong " +
			"OK leaves data that everybody believes deleted.",
		Remedy: "Accept every id that names a bucket of the store, not only ids that this driver made or remembers. The " +
			"driver may require a parameter that permits the deletion, in the parameters of the Bucket that the " +
			"administrator registers; the hook that creates the bucket for this case then returns it as the delete context.",
	},
	{
		ID: "DELETE-6", Level: Policy, RPC: Delete, Source: House,
		Text:  "Refuses a bucket that is not empty, unless a parameter allows it: FAILED_PRECONDITION.",
		Fault: "The driver deletes a bucket that holds objects.",
		Effect: "No rule forbids that, so this is advice. But nobody can undo the deletion, and people notice a wrong " +
			"deletion policy too late.",
		Remedy: "Return FAILED_PRECONDITION while the bucket has objects, unless a parameter of the class allows " +
			"deleting them. The sidecar repeats the call, so the deletion continues when somebody has emptied the " +
			"bucket.",
	},
}
