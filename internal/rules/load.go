package rules

// load lists what many calls at once ask for.
var load = []Rule{
	{
		ID: "LOAD-1", Level: Real, Source: Sidecar,
		Text: "Serves 80 calls at once over many buckets: the sidecar has 40 workers for buckets and 40 for accesses.",
		Fault: "Of many calls at once, each for a bucket of its own, some fail, their answers are mixed up, or the " +
			"driver dies.",
		Effect: "The released sidecar makes 80 calls at once when it starts and finds many objects. A map that calls " +
			"share without a lock ends the driver's process.",
		Remedy: "Guard what calls share. Test with Go's race detector, or with what your language has for it. Where the " +
			"store allows few connections, let calls wait for one.",
	},
}
