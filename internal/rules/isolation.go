package rules

// isolation lists what keeps one user of buckets apart from another.
var isolation = []Rule{
	{
		ID: "ISOLATION-1", Level: Real, Source: House,
		Text:   "Gives credentials that reach their own bucket and no other: every application of the cluster has some.",
		Fault:  "Credentials for one bucket work on another bucket as well.",
		Effect: "Every application of the cluster that has any access can read and change the data of all others.",
		Remedy: "Let each account's policy name its own bucket and nothing else. Never hand out an administrator's key.",
		Parts: []Part{
			{
				Name:  "ISOLATION-1 secrets",
				Text:  "Gives accesses to two buckets two secrets.",
				Fault: "Accesses to two buckets have the same secret.",
				Effect: "Whoever has access to one bucket has access to the other. When one of the two accesses is " +
					"revoked, both end, or neither does.",
				Remedy: "Make an account with a key of its own for each access, and never one for a tenant or for the " +
					"whole driver.",
			},
		},
	},
	{
		ID: "ISOLATION-2", Level: Real, Source: Sidecar,
		Text: "Keeps what was granted and ends what was revoked when grants and revokes on one bucket come at once: the " +
			"sidecar sends them so.",
		Runtime: turns,
		Fault: "After grants and revokes on one bucket at the same time, an access that was granted does not work, or " +
			"one that was revoked still does.",
		Effect: "The usual cause is a driver that reads a bucket's policy, changes it and writes it back, which undoes " +
			"what another call did in between. An application is denied, or a key that was taken away opens the bucket again, and nothing in " +
			"the cluster shows it.",
		Remedy: "Let changes of one bucket's policy take turns, for grants and revokes together, for instance with a " +
			"lock for each bucket. Or give each account a policy of its own, so that no call changes what another one " +
			"wrote.",
	},
}
