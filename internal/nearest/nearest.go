// Package nearest finds the known name that may be meant by an unknown one.
package nearest

import "strings"

// To returns the known name with the fewest edits, whatever the case of its letters, or "" if none has at most limit. An
// edit adds, drops or replaces a byte, or swaps two neighbours. Of several names the first is returned.
func To(name string, known []string, limit int) (found string) {
	fewest := limit + 1
	for _, k := range known {
		if n := edits(strings.ToUpper(name), strings.ToUpper(k), limit); n < fewest {
			found, fewest = k, n
		}
	}
	return found
}

// edits counts the edits that make b of a, up to limit+1.
func edits(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) > limit {
		return limit + 1
	}
	// Rows count the edits from a part of a to each beginning of b: the part that was read, and the two before it.
	row, last, older := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		row, last, older = older, row, last
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
