package rules

// withoutID states what several rules ask for.
const withoutID = "Refuses a request without `bucket_id`."

// What the library does about more than one rule.
const (
	refuses       = "refuses the request"
	internal      = "returns INTERNAL"
	built         = "by construction"
	turns         = "lets calls for one bucket take turns"
	startInternal = "refuses to start; returns INTERNAL"
	warns         = "warns at start"
	internalEmpty = "returns INTERNAL when it is empty"
)
