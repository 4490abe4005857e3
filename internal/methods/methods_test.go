package methods_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/doomshrine/gocosi/internal/methods"
)

// peer is the interface of a service that no generation has.
type peer interface {
	Ask(ctx context.Context, request *wrapperspb.StringValue) (*emptypb.Empty, error)
}

// TestTable checks that a table knows its methods' names and generations, and lacks nothing that a stage asks for.
func TestTable(t *testing.T) {
	t.Parallel()
	table := methods.Table([]methods.Generation{
		{Name: "a", Methods: map[string]*methods.Method{"/a.Peer/Ask": {Name: "Ask", Handler: methods.HandlerOf(peer.Ask)}}},
		{Name: "b", Strict: true, Methods: map[string]*methods.Method{"/b.Peer/Ask": {
			Name: "Ask", Handler: methods.HandlerOf(peer.Ask), Bucket: methods.Of((*wrapperspb.StringValue).GetValue),
		}}},
	})
	if len(table) != 2 {
		t.Fatalf("there are %d methods, want 2", len(table))
	}
	for name, m := range table {
		g := m.Generation
		if m.FullName != name || g == nil || "/"+g.Name+".Peer/Ask" != name || g.Strict != (g.Name == "b") {
			t.Errorf("%s: %+v", name, m)
		}
		if g.Request(nil) != nil || g.Response(nil, nil) != nil || g.Advice(nil) != nil {
			t.Errorf("%s: a generation without rules finds a violation", name)
		}
		request := wrapperspb.String("the bucket")
		want := map[string]string{"a": "", "b": "the bucket"}[g.Name]
		if m.Bucket(request) != want || m.Account(request) != "" || m.Secrets(request) != nil {
			t.Errorf("%s: bucket %q, account %q, secrets %v", name, m.Bucket(request), m.Account(request), m.Secrets(request))
		}
	}
}

// TestTableCopies checks that descriptions stay as they are: several drivers may have them, and calls are at work by them.
func TestTableCopies(t *testing.T) {
	t.Parallel()
	m := &methods.Method{Name: "Ask", Result: methods.Label{Key: "nothing to read it with"}}
	first := methods.Table([]methods.Generation{{Name: "a", Methods: map[string]*methods.Method{"/a.Peer/Ask": m}}})["/a.Peer/Ask"]
	second := methods.Table([]methods.Generation{{Name: "b", Methods: map[string]*methods.Method{"/b.Peer/Ask": m}}})["/b.Peer/Ask"]
	if m.FullName != "" || m.Generation != nil || m.Bucket != nil {
		t.Errorf("the description is %+v", m)
	}
	if first.FullName != "/a.Peer/Ask" || first.Generation.Name != "a" || second.FullName != "/b.Peer/Ask" || second.Generation.Name != "b" {
		t.Errorf("got %s of %s, and %s of %s", first.FullName, first.Generation.Name, second.FullName, second.Generation.Name)
	}
	if first.Result.Key != "" {
		t.Error("a label without a value is shown")
	}
}

// TestBuckets checks that the request is left as it is, and that no bucket counts twice, nor none as one.
func TestBuckets(t *testing.T) {
	t.Parallel()
	list := append(make([]string, 0, 8), "c", "", "a", "b", "a")
	m := &methods.Method{Others: func(any) []string { return list }}
	if got, want := m.Buckets("b", nil), []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := m.Buckets("", nil), []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := []string{"c", "", "a", "b", "a", "", "", ""}; !slices.Equal(list[:8], want) {
		t.Errorf("the request's list is %q, want %q", list[:8], want)
	}
	if got := (&methods.Method{Others: func(any) []string { return nil }}).Buckets("", nil); len(got) != 0 {
		t.Errorf("got %q, want none", got)
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	one, many := &methods.Method{}, &methods.Method{Others: func(any) []string { return nil }}
	start := time.Now().Add(-time.Hour)
	if got := one.Patience(time.Minute, start); got != time.Minute {
		t.Errorf("for one bucket %s", got)
	}
	if got := many.Patience(time.Minute, start); got <= 0 || got > time.Millisecond {
		t.Errorf("for several buckets, late: %s", got)
	}
	if got := many.Patience(2*time.Hour, start); got <= 59*time.Minute || got > time.Hour {
		t.Errorf("for several buckets: %s", got)
	}
	if got := many.Patience(0, start); got != 0 {
		t.Errorf("without a limit: %s", got)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	table := methods.Table([]methods.Generation{{Methods: map[string]*methods.Method{
		"/a.Peer/Ask": {Handler: methods.HandlerOf(peer.Ask)}, "/a.Other/Ask": {Handler: methods.HandlerOf(peer.Ask)},
	}}})
	desc := methods.Describe("a.Peer", "a.proto", (*peer)(nil), table)
	if desc.ServiceName != "a.Peer" || desc.Metadata != "a.proto" || len(desc.Methods) != 1 || desc.Methods[0].MethodName != "Ask" {
		t.Errorf("got %+v", desc)
	}
}

// TestSpacesAreDistinct checks that each space has keys of its own, below Spaces.
func TestSpacesAreDistinct(t *testing.T) {
	t.Parallel()
	spaces := []methods.Space{methods.SideBySide, methods.ByName, methods.ByID}
	if !slices.Equal(spaces, []methods.Space{0, 1, 2}) || methods.Spaces != 3 {
		t.Errorf("got %v of %d, want 0, 1 and 2 of 3", spaces, methods.Spaces)
	}
}
