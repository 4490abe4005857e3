package rules

// revoke lists the rules of DriverRevokeBucketAccess.
var revoke = []Rule{
	{
		ID: "REVOKE-1", Level: Must, RPC: Revoke, Source: Proto,
		Text:    withoutID,
		Runtime: refuses,
		Fault:   "The driver accepts a revoke without `bucket_id`, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect:  "OK makes the sidecar forget an access that still works.",
		Remedy:  "Check `bucket_id` before you call the store, and return INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "REVOKE-2", Level: Must, RPC: Revoke, Source: Proto,
		Text:    "Refuses a request without `account_id`.",
		Runtime: refuses,
		Fault: "The driver accepts a revoke without `account_id`, or refuses it with a code other than " +
			"INVALID_ARGUMENT.",
		Effect: "A driver that takes an empty id for every account ends accesses that are in use. One that takes it for " +
			"none makes the sidecar forget an access that still works.",
		Remedy: "Check `account_id` before you call the store, and return INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "REVOKE-3", Level: Must, RPC: Revoke, Source: Proto,
		Text: "Removes all access of that account to that bucket.",
		Fault: "A revoke removes too little or too much: the account's credentials still work, or those of another " +
			"account on the same bucket no longer do.",
		Effect: "With too little, the cluster shows that the access is gone, but a leaked key still opens the bucket. " +
			"With too much, an application whose access nobody ended is denied.",
		Remedy: "If the credentials still work, delete the account's key or its part of the policy, and return only " +
			"when the store has done it. A token that the store cannot take back, such as one signed without a stored " +
			"policy, cannot be revoked: do not grant such tokens. If another account is affected, remove only this " +
			"account's part of the policy, and give each account its own key (GRANT-14).",
	},
	{
		ID: "REVOKE-4", Level: Must, RPC: Revoke, Source: Sidecar,
		Text:    "Returns OK when the access is gone or never existed: the sidecar does not take NOT_FOUND for OK here.",
		Runtime: "turns NOT_FOUND into OK",
		Fault:   "A repeated revoke, or one for an account that the bucket never had, does not return OK.",
		Effect: "The sidecar repeats a revoke whenever a later step fails, and it does not take NOT_FOUND for OK here. " +
			"Neither the BucketAccess object nor the bucket that waits for it is ever removed.",
		Remedy: "Treat the store's \"no such account\" as success, and no other error.",
	},
	{
		ID: "REVOKE-5", Level: Real, RPC: Revoke, Source: Sidecar,
		Text:  "Works without `revoke_access_context`, which no released sidecar sends.",
		Fault: "The driver refuses a revoke without `revoke_access_context`, and accepts the same one with it.",
		Effect: "The specification lets a driver use the field, but no released sidecar sends it. So no access is ever " +
			"revoked, every granted key keeps working, and the objects are never deleted.",
		Remedy: "Do not use the field. Put what a revoke needs to know into the `account_id` that the grant returns, or " +
			"keep it in the store.",
	},
	{
		ID: "REVOKE-6", Level: Real, RPC: Revoke, Source: Sidecar,
		Text:  "Returns OK, and does nothing, for ids of another driver: every sidecar sends every revoke.",
		Fault: "A revoke with ids that another driver made does not return OK.",
		Effect: "In a cluster with two drivers, each sidecar sends every revoke to its own driver. If one driver " +
			"refuses an id because it cannot read it, accesses of the other are never deleted.",
		Remedy: "Treat an id that is not this driver's like the id of an account that is gone: return OK, and do " +
			"nothing.",
	},
	{
		ID: "REVOKE-7", Level: Real, RPC: Revoke, Source: Sidecar,
		Text:  "Returns OK after the bucket is gone.",
		Fault: "A revoke fails after its bucket is gone.",
		Effect: "A delete can come before the revoke. The BucketAccess object can then no longer be removed, and the " +
			"account stays in the store.",
		Remedy: "Remove the account without looking for the bucket first, and treat the store's \"no such bucket\" as " +
			"success.",
	},
	{
		ID: "REVOKE-8", Level: Should, RPC: Revoke, Source: Spec,
		Text: "Grants the same access again after a revoke.",
		Fault: "After a revoke, access by the same name cannot be granted again, or the grant returns credentials that " +
			"do not work, or the revoked secret.",
		Effect: "A user who deletes an access and creates it again is stuck. Or the key had leaked, and the leaked key " +
			"works again. A revoke that does nothing at all looks the same when the kit cannot try credentials.",
		Remedy: "Let the revoke remove everything that a grant looks at: the account, its keys, and its part of the " +
			"policy. Generate a new secret for a new account: one that is computed from the name comes back.",
	},
}
