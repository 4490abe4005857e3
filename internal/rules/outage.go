package rules

// passing begins the text of each rule about a call that needs the store.
const passing = "While the store is away, fails with UNAVAILABLE, DEADLINE_EXCEEDED or ABORTED (INTERNAL is advised against): "

// outages lists the rules for the time in which a driver cannot reach its store. The sidecar takes OK for done and repeats
// any error, and users read the code: one that blames the request makes them look in the wrong place.
var outages = []Rule{
	{
		ID: "OUTAGE-1", Level: Real, RPC: Create, Source: Sidecar,
		Text:  passing + "OK would promise a bucket that does not exist, and other codes blame the claim.",
		Fault: "While the store is away, a create returns OK, or a code that blames the claim.",
		Effect: "With OK, the claim is ready and there is no bucket. With a code that blames the claim, users look for " +
			"a mistake that they did not make.",
		Remedy: "Turn network errors, timeouts and HTTP 5xx into UNAVAILABLE, in one place that all calls to the store " +
			"go through. Give these calls a time limit, so that the driver returns instead of hanging.",
	},
	{
		ID: "OUTAGE-2", Level: Real, RPC: Delete, Source: Sidecar,
		Text:   passing + "OK would make the sidecar forget a bucket that still exists.",
		Fault:  "While the store is away, a delete returns OK, or a code that blames the request.",
		Effect: "With OK, the cluster forgets the bucket, and it stays in the store. The released sidecar takes NOT_FOUND for OK.",
		Remedy: "Treat a bucket as gone only when the store itself says so, in an answer that the driver recognises: a " +
			"proxy's page with the status 404 is no such answer. Turn network errors, timeouts and HTTP 5xx into " +
			"UNAVAILABLE.",
	},
	{
		ID: "OUTAGE-3", Level: Real, RPC: Grant, Source: Sidecar,
		Text:   passing + "OK would write a Secret that nobody can use.",
		Fault:  "While the store is away, a grant returns OK, or a code that blames the request.",
		Effect: "With OK, the sidecar writes the Secret, and only once: the application gets a key that never works.",
		Remedy: "Return OK only when the store has confirmed the account, its key and its policy. Turn network errors, " +
			"timeouts and HTTP 5xx into UNAVAILABLE.",
	},
	{
		ID: "OUTAGE-4", Level: Real, RPC: Revoke, Source: Sidecar,
		Text:   passing + "OK would show an access as ended that still works.",
		Fault:  "While the store is away, a revoke returns OK, or a code that blames the request.",
		Effect: "With OK, the cluster shows the access as ended, but its key still opens the bucket. Nobody notices.",
		Remedy: "Treat an account as gone only when the store itself says so, in an answer that the driver recognises. " +
			"In any other case return UNAVAILABLE: the sidecar repeats the call.",
	},
	{
		ID: "OUTAGE-5", Level: Policy, RPC: GetInfo, Source: Sidecar,
		Text:   "Returns its name while the store is away: a sidecar that starts meanwhile exits without it.",
		Fault:  "While the store is away, the driver does not return its name.",
		Effect: "A sidecar that starts meanwhile exits, and nothing is served, not even calls that do not need the store.",
		Remedy: "Return the name from memory in DriverGetInfo, and let the driver start without its store.",
	},
	{
		ID: "OUTAGE-6", Level: Real, Source: Sidecar,
		Text:  "Completes every repeated call when the store is back, and leaves nothing partial.",
		Fault: "A call that failed in an outage cannot be completed when the store is back, or leaves something partial.",
		Effect: "While repeats fail, the claim or the access stays stuck. When a repeat returns OK and the work is not " +
			"done, a bucket is missing, or a revoked key still works.",
		Remedy: "Check at each step what an earlier call has left: create what is missing, keep what is there, and treat " +
			"what is gone as removed. Record nothing as done that the store has not confirmed.",
	},
}
