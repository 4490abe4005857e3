package rules

// revoke lists the rules of DriverRevokeBucketAccess.
var revoke = []Rule{
	{
		ID: "REVOKE-1", Level: Must, RPC: Revoke, Source: Proto,
		Text:    withoutID,
		Runtime: refuses,
		Fault:   "The driver accepts a revoke without `bucket_id`, or refuses it with a code other than INVALID_ARGUMENT.",
		Effect:  "OK makes the sidecar forget an access that still works.",
		Remedy:  "Check `bucket_id` before the store is called, and answer INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "REVOKE-2", Level: Must, RPC: Revoke, Source: Proto,
		Text:    "Refuses a request without `account_id`.",
		Runtime: refuses,
		Fault: "The driver accepts a revoke without `account_id`, or refuses it with a code other than " +
			"INVALID_ARGUMENT.",
		Effect: "A driver that takes an empty id for every account ends accesses that are in use. One that takes it for " +
			"none makes the sidecar forget an access that still works.",
		Remedy: "Check `account_id` before the store is called, and answer INVALID_ARGUMENT when it is empty.",
	},
	{
		ID: "REVOKE-3", Level: Must, RPC: Revoke, Source: Proto,
		Text: "Takes away all access of that account to that bucket.",
		Fault: "A revoke takes away too little or too much: the account's credentials still work, or those of another " +
			"account on the same bucket no longer do.",
		Effect: "With too little, the cluster shows that the access is gone, while a key that leaked still opens the " +
			"bucket. With too much, an application whose access nobody ended is denied.",
		Remedy: "If the credentials still work, delete the account's key or its part of the policy, and answer only " +
			"when the store has done it. A token that the store cannot take back, such as one signed without a stored " +
			"policy, cannot be revoked at all: do not grant such tokens. If another account is hit, remove this " +
			"account's part of the policy only, and give each account a key of its own (GRANT-14).",
	},
	{
		ID: "REVOKE-4", Level: Must, RPC: Revoke, Source: Sidecar,
		Text:    "Answers OK when the access is gone or was never there: the sidecar does not forgive NOT_FOUND here.",
		Runtime: "turns NOT_FOUND into OK",
		Fault:   "A repeated revoke, or one for an account that the bucket never had, is not answered with OK.",
		Effect: "The sidecar repeats a revoke whenever a later step fails, and it does not forgive NOT_FOUND here. The " +
			"BucketAccess object is never removed, and neither is the bucket that waits for it.",
		Remedy: "Treat the store's \"no such account\" as success, and no other error.",
	},
	{
		ID: "REVOKE-5", Level: Real, RPC: Revoke, Source: Sidecar,
		Text:  "Does without `revoke_access_context`, which no released sidecar sends.",
		Fault: "A revoke without `revoke_access_context` is refused, and the same one with it is accepted.",
		Effect: "The specification lets a driver use the field, but no released sidecar sends it. So no access is ever " +
			"revoked, every key that was granted keeps working, and the objects are never deleted.",
		Remedy: "Do without the field. Put what a revoke needs to know into the `account_id` that the grant answers, or " +
			"keep it in the store.",
	},
	{
		ID: "REVOKE-6", Level: Real, RPC: Revoke, Source: Sidecar,
		Text:  "Answers OK, and does nothing, for ids of another driver: every sidecar sends every revoke.",
		Fault: "A revoke with ids that another driver made is not answered with OK.",
		Effect: "In a cluster with two drivers, each sidecar sends every revoke to its own driver. Where one driver " +
			"refuses an id because it cannot read it, accesses of the other are never deleted.",
		Remedy: "Treat an id that is not this driver's like that of an account that is gone: answer OK, and do nothing.",
	},
	{
		ID: "REVOKE-7", Level: Real, RPC: Revoke, Source: Sidecar,
		Text:  "Answers OK after the bucket is gone.",
		Fault: "A revoke fails after its bucket is gone.",
		Effect: "A delete can come before the revoke. The BucketAccess object can then no longer be removed, and the " +
			"account stays in the store.",
		Remedy: "Remove the account without looking for the bucket first, and treat the store's \"no such bucket\" as " +
			"success.",
	},
	{
		ID: "REVOKE-8", Level: Should, RPC: Revoke, Source: Spec,
		Text: "Grants again afterwards.",
		Fault: "After a revoke, access by the same name cannot be granted again, or the grant answers credentials that " +
			"do not work, or the secret that was revoked.",
		Effect: "A user who deletes an access and makes it again is stuck. Or the key had leaked, and the leaked key " +
			"works again. A revoke that does nothing at all looks like this too when the kit cannot try credentials.",
		Remedy: "Let the revoke remove everything that a grant looks at: the account, its keys, and its part of the " +
			"policy. Draw a new secret for a new account: one that is computed from the name comes back.",
	},
}
