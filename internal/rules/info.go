package rules

// info lists the rules of DriverGetInfo.
var info = []Rule{
	{
		ID: "INFO-1", Level: Must, RPC: GetInfo, Source: Spec,
		Text:  "Is implemented.",
		Fault: "DriverGetInfo does not answer OK.",
		Effect: "The sidecar asks for the name when it starts, and exits when it gets none. Its pod restarts over and " +
			"over, and no claim is served.",
		Remedy: "Implement DriverGetInfo, and answer from memory without calling the store.",
	},
	{
		ID: "INFO-2", Level: Must, RPC: GetInfo, Source: Proto,
		Text:    "Answers a name.",
		Runtime: startInternal,
		Fault:   "The driver's name is empty.",
		Effect:  "No class can name such a driver, so no claim ever reaches it.",
		Remedy:  "Answer the name that classes give as `driverName`. A response that is nil counts as an empty name.",
	},
	{
		ID: "INFO-3", Level: Must, RPC: GetInfo, Source: Proto,
		Text: "The name has 63 characters at most, begins and ends with an alphanumeric, and holds alphanumerics, `-` " +
			"and `.` only.",
		Runtime: startInternal,
		Fault: "The driver's name has a character that is not allowed, has more than 63 characters, or does not begin " +
			"and end with a letter or a digit.",
		Effect: "Leases and objects carry the name, and everything that reads it relies on this shape.",
		Remedy: "Use letters, digits, dashes and dots only, with a letter or a digit at both ends, and at most 63 " +
			"characters.",
	},
	{
		ID: "INFO-4", Level: Should, RPC: GetInfo, Source: Proto,
		Text:    "The name is a domain's, with the vendor's in it: it has a dot.",
		Runtime: warns,
		Fault:   "The driver's name has no dot.",
		Effect:  "Another vendor's driver may have the same name, and both would serve the same claims.",
		Remedy:  "Put a domain of yours into the name, as in `s3.example.com`.",
	},
	{
		ID: "INFO-5", Level: Real, RPC: GetInfo, Source: Sidecar,
		Text:  "The name is the same on every call and in every replica: leases and resources are found by it.",
		Fault: "The driver's name changes from one call to the next.",
		Effect: "Leases and objects are found by the name. A driver whose name contains that of a host or a pod loses " +
			"its buckets at the next restart.",
		Remedy: "Take the name from the configuration or from a constant, the same for every replica. Leave out the " +
			"names of hosts, pods and processes.",
	},
	{
		ID: "INFO-6", Level: Real, RPC: GetInfo, Source: Later,
		Text:    "Each label of the name is in lower case and starts with a letter.",
		Runtime: warns,
		Fault:   "A label of the driver's name has an upper-case letter, or does not begin with a letter.",
		Effect:  "This is advice, because the released sidecar takes such a name. The next one does not start with it.",
		Remedy: "Choose a name of lower-case labels that begin with a letter. Do so before there are buckets: objects " +
			"in the cluster carry the name, so it cannot be changed later.",
	},
}
