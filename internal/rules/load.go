package rules

// load lists the rules for many calls at once.
var load = []Rule{
	{
		ID: "LOAD-1", Level: Real, Source: Sidecar,
		Text: "Serves 80 calls at once over many buckets: the sidecar has 40 workers for buckets and 40 for accesses.",
		Fault: "When many calls run at once, each for its own bucket, some fail, their responses are mixed up, or the " +
			"driver dies.",
		Effect: "The released sidecar makes 80 calls at once when it starts and finds many objects. A map that calls " +
			"share without a lock ends the driver's process.",
		Remedy: "Guard what calls share. Test with Go's race detector, or with the equivalent in your language. If the " +
			"store allows few connections, let calls wait for one. If a quota refuses them, raise it for the run, or lower Parallel (-parallel).",
	},
}
