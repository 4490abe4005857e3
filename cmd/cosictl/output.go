package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// result holds the result of a call, as JSON has it. As text it is a line for each value, named by the path to it.
type result = map[string]any

// print writes a result in the format that was asked for.
func (v *invocation) print(r result) error {
	if v.format == formatJSON {
		return writeJSON(v.stdout, r)
	}
	_, err := io.WriteString(v.stdout, strings.Join(flat("", r), ""))
	return err
}

func flat(name string, value any) []string {
	tree, ok := value.(result)
	if !ok || len(tree) == 0 && name != "" {
		if ok {
			value = ""
		}
		return []string{strings.TrimRight(oneLine(fmt.Sprintf("%s: %v", name, value)), " ") + "\n"}
	}
	if name != "" {
		name += "."
	}
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		lines = append(lines, flat(name+key, tree[key])...)
	}
	return lines
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// oneLine escapes line breaks and everything else that a terminal does not print.
func oneLine(text string) string {
	var line strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			line.WriteRune(r)
		} else {
			line.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return line.String()
}
