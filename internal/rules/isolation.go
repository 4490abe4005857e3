package rules

// isolation lists the rules that separate one user of buckets from another.
var isolation = []Rule{
	{
		ID: "ISOLATION-1", Level: Real, Source: House,
		Text:   "Grants credentials that reach only their own bucket: every application of the cluster has some.",
		Fault:  "Credentials for one bucket work on another bucket as well.",
		Effect: "Every application of the cluster that has any access can read and change the data of all others.",
		Remedy: "Let each account's policy name its own bucket and nothing else. Never hand out an administrator's key.",
		Parts: []Part{
			{
				Name:  "ISOLATION-1 secrets",
				Text:  "Gives accesses to two buckets two secrets.",
				Fault: "Accesses to two buckets have the same secret.",
				Effect: "Anyone who has access to one bucket has access to the other. When one of the two accesses is " +
					"revoked, both end, or neither does.",
				Remedy: "Create an account with its own key for each access, and never one for a tenant or for the " +
					"whole driver.",
			},
		},
	},
	{
		ID: "ISOLATION-2", Level: Real, Source: Sidecar,
		Text: "Keeps what was granted and ends what was revoked when grants and revokes on one bucket run at the same " +
			"time, as the sidecar sends them.",
		Runtime: turns,
		Fault: "After grants and revokes on one bucket at the same time, a granted access does not work, or a revoked " +
			"one still does.",
		Effect: "The usual cause is a driver that reads a bucket's policy, changes it and writes it back, which undoes " +
			"what another call did in between. The store denies an application, or a revoked key opens the bucket " +
			"again, and nothing in the cluster shows it.",
		Remedy: "Let changes of one bucket's policy take turns, for grants and revokes together, for instance with a " +
			"lock for each bucket. Or give each account a policy of its own, so that no call changes what another one " +
			"wrote.",
	},
}
