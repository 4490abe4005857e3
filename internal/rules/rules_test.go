package rules_test

import (
	"slices"
	"strings"
	"testing"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
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
		if got, ok := rules.Of(want.ID); !ok || got != want {
			t.Errorf("Of(%s) = %v, %t", want.ID, got, ok)
		}
	}
	for _, id := range []string{"", "GEN", "GEN-0", "gen-1", "GEN-99"} {
		if got, ok := rules.Of(id); ok || got != (rules.Rule{}) {
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
