package rules_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// ids lists the rules in their order.
const ids = `
GEN-1 GEN-2 GEN-3 GEN-4 GEN-5 GEN-6 GEN-7 GEN-8 GEN-9 GEN-10 GEN-11 GEN-12 GEN-13 GEN-14 GEN-15 GEN-16
INFO-1 INFO-2 INFO-3 INFO-4 INFO-5 INFO-6
CREATE-1 CREATE-2 CREATE-3 CREATE-4 CREATE-5 CREATE-6 CREATE-7 CREATE-8 CREATE-9 CREATE-10 CREATE-11 CREATE-12 CREATE-13
DELETE-1 DELETE-2 DELETE-3 DELETE-4 DELETE-5 DELETE-6
GRANT-1 GRANT-2 GRANT-3 GRANT-4 GRANT-5 GRANT-6 GRANT-7 GRANT-8 GRANT-9 GRANT-10 GRANT-11 GRANT-12 GRANT-13 GRANT-14
GRANT-15 GRANT-16 GRANT-17
REVOKE-1 REVOKE-2 REVOKE-3 REVOKE-4 REVOKE-5 REVOKE-6 REVOKE-7 REVOKE-8
ISOLATION-1 ISOLATION-2 LOAD-1
OUTAGE-1 OUTAGE-2 OUTAGE-3 OUTAGE-4 OUTAGE-5 OUTAGE-6
NEXT-1 NEXT-2 NEXT-3 NEXT-4
`

func TestAllHasEveryRequirementOnce(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range rules.All() {
		got = append(got, r.ID)
	}
	if want := strings.Fields(ids); !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestEachRuleIsWhole(t *testing.T) {
	t.Parallel()
	rpcs := map[string]string{
		"GEN": "", "INFO": rules.GetInfo, "CREATE": rules.Create, "DELETE": rules.Delete, "GRANT": rules.Grant, "REVOKE": rules.Revoke,
	}
	levels := []rules.Level{rules.Must, rules.MustNot, rules.Should, rules.May, rules.Real, rules.Policy}
	sources := []string{rules.Proto, rules.Spec, rules.Sidecar, rules.Later, rules.House}
	for _, r := range rules.All() {
		group, _, _ := strings.Cut(r.ID, "-")
		across := slices.Contains([]string{"ISOLATION", "LOAD", "OUTAGE", "NEXT"}, group) // families about more than one RPC
		if rpc, ok := rpcs[group]; ok == across || ok && r.RPC != rpc {
			t.Errorf("%s: RPC %q", r.ID, r.RPC)
		}
		if !slices.Contains(levels, r.Level) || !slices.Contains(sources, r.Source) || r.Source == "" {
			t.Errorf("%s: level %q, source %q", r.ID, r.Level, r.Source)
		}
		if !strings.HasSuffix(r.Text, ".") {
			t.Errorf("%s: the text is %q, want a sentence", r.ID, r.Text)
		}
		if strings.ContainsAny(r.Text+r.Runtime, "|\n") {
			t.Errorf("%s: the text breaks a table, want no line break and no bar", r.ID)
		}
	}
}

// texts returns what a rule says of faults, by the case and the field.
func texts(r rules.Rule) map[string]string {
	all := map[string]string{}
	add := func(name, fault, effect, remedy string) {
		all[name+" fault"], all[name+" effect"], all[name+" remedy"] = fault, effect, remedy
	}
	if r.Fault+r.Effect+r.Remedy != "" {
		add(r.ID, r.Fault, r.Effect, r.Remedy)
	}
	for _, p := range r.Parts {
		whole, _ := r.Part(p.Name)
		add(whole.Name, whole.Fault, whole.Effect, whole.Remedy)
	}
	return all
}

// The texts stand in Markdown, HTML, terminals and JUnit files, each by itself.
func TestTextsAreProseThatStandsAlone(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("`[^` ][^`]*`")
	reference := regexp.MustCompile(`(?i)\b(see|as (for|with|in)) [A-Z]+-\d|\babove\b|\bbelow\b`)
	id := regexp.MustCompile(`\b[A-Z]+-\d+\b`)
	for _, r := range rules.All() {
		for of, text := range texts(r) {
			if text == "" || !strings.HasSuffix(text, ".") || strings.Contains(text, "  ") || strings.TrimSpace(text) != text {
				t.Errorf("%s: %q, want sentences", of, text)
			}
			if plain := code.ReplaceAllString(text, "x"); strings.ContainsAny(plain, "`*[]<>|&_\\\n\t") && !names(plain) {
				t.Errorf("%s: %q, want prose in which only code in backticks is marked", of, text)
			}
			if found := reference.FindString(text); found != "" {
				t.Errorf("%s: %q says %q, want a text that makes sense by itself", of, text, found)
			}
			if strings.HasSuffix(of, " fault") && strings.Contains(code.ReplaceAllString(text, "x"), ". ") {
				t.Errorf("%s: %q, want one sentence", of, text)
			}
			for _, other := range id.FindAllString(text, -1) {
				if _, ok := rules.Of(other); !ok {
					t.Errorf("%s: %q mentions %s, which is no rule", of, text, other)
				}
			}
		}
	}
}

// names reports whether what looks like markup is only the underscores of codes such as ALREADY_EXISTS.
func names(plain string) bool {
	plain = regexp.MustCompile(`\b[A-Z]+_[A-Z_]+\b`).ReplaceAllString(plain, "x")
	return !strings.ContainsAny(plain, "`*[]<>|&_\\\n\t")
}

func TestPart(t *testing.T) {
	t.Parallel()
	rule := rules.Rule{
		ID: "GEN-1", Level: rules.Must, RPC: "rpc", Text: "text", Fault: "fault", Effect: "effect", Remedy: "remedy",
		Parts: []rules.Part{{Name: "GEN-1 a", Fault: "another"}, {Name: "GEN-1 b", Level: rules.May, RPC: "r", Text: "t", Fault: "b", Effect: "c", Remedy: "d"}},
	}
	for name, want := range map[string]rules.Part{
		"GEN-1":   {"GEN-1", rules.Must, "rpc", "text", "fault", "effect", "remedy"},
		"GEN-1 a": {"GEN-1 a", rules.Must, "rpc", "text", "another", "effect", "remedy"},
		"GEN-1 b": {"GEN-1 b", rules.May, "r", "t", "b", "c", "d"},
	} {
		if got, ok := rule.Part(name); !ok || got != want {
			t.Errorf("Part(%q) = %q, %t, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "GEN-1 c", "GEN-10", "a"} {
		if got, ok := rule.Part(name); ok || got != (rules.Part{}) {
			t.Errorf("Part(%q) = %q, %t, want none", name, got, ok)
		}
	}
	if _, ok := (rules.Rule{ID: "GEN-1"}).Part("GEN-1"); ok {
		t.Error("a rule without a fault has a part, want none")
	}
}

// The parts of a rule are named after it, and no two have one name.
func TestNamesOfParts(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range rules.All() {
		for _, p := range r.Parts {
			if id, word, _ := strings.Cut(p.Name, " "); id != r.ID || word == "" || seen[p.Name] {
				t.Errorf("%s has a part %q, want its ID and a word of the part's own", r.ID, p.Name)
			}
			seen[p.Name] = true
		}
	}
}

// A caller of All may change its slice.
func TestAllIsTheCallers(t *testing.T) {
	t.Parallel()
	rules.All()[0].ID = "changed"
	if got := rules.All()[0].ID; got != "GEN-1" {
		t.Errorf("the first rule is %s after a caller changed his, want GEN-1", got)
	}
}

func TestOfAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of parallel tests too
	if raced.On {
		t.Skip("the race detector allocates")
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = rules.Of("NEXT-4") }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestRPCs holds the names of the RPCs against the specification's own.
func TestRPCs(t *testing.T) {
	t.Parallel()
	var want []string
	services := cosi.File_sigs_k8s_io_container_object_storage_interface_spec_cosi_proto.Services()
	for i := range services.Len() {
		methods := services.Get(i).Methods()
		for j := range methods.Len() {
			want = append(want, string(methods.Get(j).Name()))
		}
	}
	got := []string{rules.GetInfo, rules.Create, rules.Delete, rules.Grant, rules.Revoke}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	for _, want := range rules.All() {
		if got, ok := rules.Of(want.ID); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("Of(%s) = %v, %t", want.ID, got, ok)
		}
	}
	for _, id := range []string{"", "GEN", "GEN-0", "gen-1", "GEN-99"} {
		if got, ok := rules.Of(id); ok || !reflect.DeepEqual(got, rules.Rule{}) {
			t.Errorf("Of(%q) = %v, %t", id, got, ok)
		}
	}
}

func TestBinding(t *testing.T) {
	t.Parallel()
	for level, want := range map[rules.Level]bool{
		rules.Must: true, rules.MustNot: true, rules.Real: true, rules.Should: false, rules.May: false, rules.Policy: false, "": false,
	} {
		if got := level.Binding(); got != want {
			t.Errorf("%q: %t", level, got)
		}
	}
}
