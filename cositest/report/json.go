package report

import (
	"encoding/json"
	"io"

	"github.com/doomshrine/gocosi/cositest"
)

// JSON writes the report as one object: its fields, and values that follow from them.
func JSON(w io.Writer, r *cositest.Report) error {
	r = clean(r)
	if r.Results == nil {
		r.Results = []cositest.Result{}
	}
	counts := map[cositest.Outcome]int{}
	for _, outcome := range cositest.Outcomes() {
		counts[outcome] = r.Count(outcome)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		OK        bool                     `json:"ok"`
		Verdict   string                   `json:"verdict"`
		Counts    map[cositest.Outcome]int `json:"counts"`
		LeftOut   int                      `json:"left_out"`            // cases that were not chosen
		Unchecked []string                 `json:"unchecked,omitempty"` // demands of the specification that were not checked
		*cositest.Report
	}{r.OK(), line(r.Verdict()), counts, r.LeftOut(), lines(r.Unchecked()), r})
}

func lines(texts []string) []string {
	for i := range texts {
		texts[i] = line(texts[i])
	}
	return texts
}
