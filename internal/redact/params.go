package redact

// Parameters returns the values of a map, for use with Text. It returns nil for an empty map.
func Parameters(m map[string]string) []string {
	if len(m) == 0 {
		return nil
	}
	values := make([]string, 0, len(m))
	for _, value := range m {
		values = append(values, value)
	}
	return values
}
