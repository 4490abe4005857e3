package report

import (
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/doomshrine/gocosi/cositest"
)

//go:embed page.html
var page string

//go:embed page.css
var style string

// functions returns the functions that the page calls.
func functions() template.FuncMap {
	return template.FuncMap{
		"slug": slug, "code": code, "ids": ids, "rpc": rpcOf, "rule": ruleOf, "asked": asked, "came": came, "took": took, "label": label,
	}
}

// HTML writes the report as one page. The page needs no other file and runs no script: filters are only style, and its policy
// lets a browser load and run nothing, whatever a driver said.
func HTML(w io.Writer, r *cositest.Report) error {
	parsed, err := template.New("page").Funcs(functions()).Parse(page)
	if err != nil {
		return err
	}
	text := &strings.Builder{}
	if err := parsed.Execute(text, viewOf(clean(r))); err != nil {
		return err
	}
	_, err = io.WriteString(w, text.String())
	return err
}

// view holds what the page shows.
type view struct {
	*cositest.Report

	Style            template.CSS // ours, as it is embedded
	Policy           string
	Driver, Sentence string
	Mood             string // what the verdict's colour says
	About            [][2]string
	Words            []word
	Filters          []filter
	Levels           []string
	Matrix           []matrixRow
	Groups           []group
	Missing          []string
	Left             []left
	LeftMeans        string
	LevelsMean       string
}

type word struct {
	Outcome cositest.Outcome
	Count   int
}

// filter holds boxes that show or hide cases.
type filter struct {
	Name  string
	Boxes []string
}

type matrixRow struct {
	RPC   string
	Cells [][]word
}

func viewOf(r *cositest.Report) view {
	v := view{
		Report: r, Style: template.CSS(style), //nolint:gosec // ours, and embedded
		Policy: policy(), Driver: who(r), Sentence: line(r.Verdict()), Mood: mood(r), About: about(r),
		Filters: filters(r), Levels: levels(), Groups: groups(r), Missing: lines(r.Unchecked()), Left: leftOver(r), LeftMeans: leftMeans, LevelsMean: levelsMean,
	}
	for _, o := range cositest.Outcomes() {
		v.Words = append(v.Words, word{o, r.Count(o)})
	}
	for _, rpc := range rpcs() {
		row := matrixRow{RPC: rpc}
		for _, level := range levels() {
			row.Cells = append(row.Cells, cell(r, rpc, level))
		}
		v.Matrix = append(v.Matrix, row)
	}
	return v
}

// filters have a box for each outcome, RPC and level that the report has.
func filters(r *cositest.Report) []filter {
	all := []filter{{Name: "Outcome"}, {"RPC", rpcs()}, {"Level", levels()}}
	for _, o := range cositest.Outcomes() {
		all[0].Boxes = append(all[0].Boxes, string(o))
	}
	for i, has := range []func(cositest.Result, string) bool{
		func(one cositest.Result, name string) bool { return string(one.Outcome) == name },
		func(one cositest.Result, name string) bool { return rpcOf(one.Case) == name },
		func(one cositest.Result, name string) bool { return one.Level == name },
	} {
		all[i].Boxes = slices.DeleteFunc(all[i].Boxes, func(name string) bool {
			return !slices.ContainsFunc(r.Results, func(one cositest.Result) bool { return has(one, name) })
		})
	}
	return all
}

// cell counts the outcomes of the cases of an RPC and a level.
func cell(r *cositest.Report, rpc, level string) []word {
	var words []word
	for _, o := range cositest.Outcomes() {
		n := 0
		for _, one := range r.Results {
			if one.Outcome == o && rpcOf(one.Case) == rpc && one.Level == level {
				n++
			}
		}
		if n > 0 {
			words = append(words, word{o, n})
		}
	}
	return words
}

// shownCase holds a case as the page shows it.
type shownCase struct {
	cositest.Result

	Open bool
	Met  bool // the driver keeps the rule, or nobody looked
}

// Cases are the cases of a group.
func (g group) Cases() []shownCase {
	var cases []shownCase
	for _, one := range g.Results {
		met := one.Outcome != cositest.Failed && one.Outcome != cositest.Warned
		cases = append(cases, shownCase{one, g.Open, met})
	}
	return cases
}

// mood says whether the verdict is good news.
func mood(r *cositest.Report) string {
	switch {
	case r.Conforms():
		return "passed"
	case r.OK():
		return "warned"
	case r.Count(cositest.Failed) > 0:
		return "failed"
	}
	return "not-reached"
}

// policy lets the page have its own style, and nothing else.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:]))
}

// slug returns a name as the page's attributes have it.
func slug(name any) string { return strings.ReplaceAll(strings.ToLower(fmt.Sprint(name)), " ", "-") }

// piece holds a part of a rule's prose.
type piece struct {
	Code bool
	Text string
}

// code tells what stands between backticks from the prose around it.
func code(prose string) []piece {
	var pieces []piece
	for i, text := range strings.Split(prose, "`") {
		if text != "" {
			pieces = append(pieces, piece{i%2 == 1, text})
		}
	}
	return pieces
}

// caseID finds the names of cases, which must not be broken at their hyphen.
var caseID = regexp.MustCompile(`\b[A-Z]+-[0-9]+\b`)

// ids separates the names of cases from the prose around them.
func ids(prose string) []piece {
	var pieces []piece
	end := 0
	for _, at := range caseID.FindAllStringIndex(prose, -1) {
		pieces = append(pieces, piece{Text: prose[end:at[0]]}, piece{true, prose[at[0]:at[1]]})
		end = at[1]
	}
	return append(pieces, piece{Text: prose[end:]})
}
