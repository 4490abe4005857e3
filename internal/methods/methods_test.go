package methods_test

import (
	"context"
	"slices"
	"testing"

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
