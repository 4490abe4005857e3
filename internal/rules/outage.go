package rules

// passing begins the text of each rule about a call that needs the store.
const passing = "While the store is away, fails with UNAVAILABLE, DEADLINE_EXCEEDED or ABORTED (INTERNAL is advised against): "

// outages lists what a driver does while its store cannot be reached. The sidecar takes OK for done and repeats any error,
// and users read the code: one that blames the request sends them looking in the wrong place.
var outages = []Rule{
	{
		ID: "OUTAGE-1", Level: Real, RPC: Create, Source: Sidecar,
		Text:  passing + "OK would promise a bucket that is not there, and other codes blame the claim.",
		Fault: "While the store is away, a create is answered with OK, or with a code that blames the claim.",
		Effect: "With OK, the claim is ready and there is no bucket. With a code that blames the claim, users look for " +
			"a mistake that they did not make.",
		Remedy: "Turn errors of the network, timeouts and HTTP's 5xx into UNAVAILABLE, in one place that all calls to " +
			"the store go through. Give these calls a time limit, so that the driver answers instead of hanging.",
	},
	{
		ID: "OUTAGE-2", Level: Real, RPC: Delete, Source: Sidecar,
		Text:   passing + "OK would make the sidecar forget a bucket that is still there.",
		Fault:  "While the store is away, a delete is answered with OK, or with a code that blames the request.",
		Effect: "With OK, the bucket is forgotten and stays in the store. The released sidecar takes NOT_FOUND for OK.",
		Remedy: "Take a bucket for gone only when the store itself says so, in an answer that the driver recognises: a " +
			"proxy's page with the status 404 is no such answer. Turn errors of the network, timeouts and HTTP's 5xx " +
			"into UNAVAILABLE.",
	},
	{
		ID: "OUTAGE-3", Level: Real, RPC: Grant, Source: Sidecar,
		Text:   passing + "OK would write a Secret that nobody can use.",
		Fault:  "While the store is away, a grant is answered with OK, or with a code that blames the request.",
		Effect: "With OK, the Secret is written, once and for good: the application gets a key that never works.",
		Remedy: "Answer OK only when the store has confirmed the account, its key and its policy. Turn errors of the " +
			"network, timeouts and HTTP's 5xx into UNAVAILABLE.",
	},
	{
		ID: "OUTAGE-4", Level: Real, RPC: Revoke, Source: Sidecar,
		Text:   passing + "OK would show an access as ended that still works.",
		Fault:  "While the store is away, a revoke is answered with OK, or with a code that blames the request.",
		Effect: "With OK, the access is shown as ended, and its key still opens the bucket. Nobody notices that.",
		Remedy: "Take an account for gone only when the store itself says so, in an answer that the driver recognises. " +
			"In any other case answer UNAVAILABLE: the sidecar repeats the call.",
	},
	{
		ID: "OUTAGE-5", Level: Policy, RPC: GetInfo, Source: Sidecar,
		Text:   "Answers its name while the store is away: a sidecar that starts then exits without it.",
		Fault:  "While the store is away, the driver does not answer its name.",
		Effect: "A sidecar that starts meanwhile exits, and nothing is served, not even what does not need the store.",
		Remedy: "Answer DriverGetInfo from memory, and let the driver start without its store.",
	},
	{
		ID: "OUTAGE-6", Level: Real, Source: Sidecar,
		Text:  "Completes every repeated call when the store is back, and leaves nothing half done.",
		Fault: "A call that an outage met cannot be completed when the store is back, or leaves something half done.",
		Effect: "While repeats fail, the claim or the access stays stuck. When a repeat is answered with OK and the work " +
			"is not done, a bucket is missing, or a key that was revoked still works.",
		Remedy: "Check at each step what an earlier call has left: make what is missing, keep what is there, and treat " +
			"what is gone as removed. Remember nothing as done that the store has not confirmed.",
	},
}
