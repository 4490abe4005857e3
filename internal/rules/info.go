package rules

// info lists the rules of DriverGetInfo.
var info = []Rule{
	{
		ID: "INFO-1", Level: Must, RPC: GetInfo, Source: Spec,
		Text:  "Is implemented.",
		Fault: "DriverGetInfo does not return OK.",
		Effect: "The sidecar asks for the name when it starts, and exits when it gets none. Its pod restarts again and " +
			"again, and the driver serves no claim.",
		Remedy: "Implement DriverGetInfo, and return the name from memory without calling the store.",
	},
	{
		ID: "INFO-2", Level: Must, RPC: GetInfo, Source: Proto,
		Text:    "Returns a name.",
		Runtime: startInternal,
		Fault:   "The driver's name is empty.",
		Effect:  "No class can name such a driver, so no claim ever reaches it.",
		Remedy:  "Return the name that classes give as `driverName`. A nil response counts as an empty name.",
	},
	{
		ID: "INFO-3", Level: Must, RPC: GetInfo, Source: Proto,
		Text: "Returns a name of at most 63 characters that begins and ends with an alphanumeric, and has only " +
			"alphanumerics, `-` and `.`.",
		Runtime: startInternal,
		Fault: "The driver's name has a character that is not allowed, has more than 63 characters, or does not begin " +
			"and end with a letter or a digit.",
		Effect: "Leases and objects carry the name, and everything that reads it relies on this form.",
		Remedy: "Use only letters, digits, dashes and dots, with a letter or a digit at both ends, and at most 63 " +
			"characters.",
	},
	{
		ID: "INFO-4", Level: Should, RPC: GetInfo, Source: Proto,
		Text:    "Returns a domain name that contains the vendor's: it has a dot.",
		Runtime: warns,
		Fault:   "The driver's name has no dot.",
		Effect:  "Another vendor's driver may have the same name, and both would serve the same claims.",
		Remedy:  "Put a domain that you own into the name, as in `s3.example.com`.",
	},
	{
		ID: "INFO-5", Level: Real, RPC: GetInfo, Source: Sidecar,
		Text:  "Returns the same name on every call and in every replica, since leases and resources carry it.",
		Fault: "The driver's name changes from one call to the next.",
		Effect: "The cluster finds leases and objects by the name. A driver whose name contains the name of a host or a " +
			"pod loses its buckets at the next restart.",
		Remedy: "Take the name from the configuration or from a constant, the same for every replica. Leave out the " +
			"names of hosts, pods and processes.",
	},
	{
		ID: "INFO-6", Level: Real, RPC: GetInfo, Source: Later,
		Text:    "Returns a name whose labels are in lower case and begin with a letter.",
		Runtime: warns,
		Fault:   "A label of the driver's name has an upper-case letter, or does not begin with a letter.",
		Effect:  "This is advice, because the released sidecar accepts such a name. The next one does not start with it.",
		Remedy: "Choose a name of lower-case labels that begin with a letter. Do so before there are buckets: objects " +
			"in the cluster carry the name, so you cannot change it later.",
	},
}
