package rules

// withoutID states what several rules ask for.
const withoutID = "Refuses a request without `bucket_id`."

// What the library does about more than one rule.
const (
	refuses       = "refuses the request"
	internal      = "answers INTERNAL"
	built         = "by construction"
	turns         = "calls for one bucket take turns"
	startInternal = "refuses to start; answers INTERNAL"
	warns         = "warns at start"
	internalEmpty = "answers INTERNAL when it is empty"
)
