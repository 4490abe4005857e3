package registrar_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/internal/registrar"
)

const reserved = "test.Reserved"

type doer interface{ Do() }

type does struct{}

func (does) Do() {}

// desc describes a service with a method and two streams.
func desc(name string) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: name, HandlerType: (*doer)(nil), Metadata: "a file",
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
			return "inner", nil
		}}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Up", ClientStreams: true, Handler: func(any, grpc.ServerStream) error { return nil }},
			{StreamName: "Down", ServerStreams: true, Handler: func(any, grpc.ServerStream) error { return nil }},
		},
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	odd := desc("test.Odd")
	odd.HandlerType = does{}
	for name, tt := range map[string]struct {
		register func(*registrar.Services)
		says     []string // nil: it is accepted
	}{
		"nothing": {func(*registrar.Services) {}, nil},
		"two": {func(s *registrar.Services) {
			s.RegisterService(desc("a"), does{})
			s.RegisterService(desc("b"), &does{})
		}, nil},
		"no implementation": {func(s *registrar.Services) { s.RegisterService(desc("a"), nil) }, nil},
		"no description":    {func(s *registrar.Services) { s.RegisterService(nil, does{}) }, []string{"without a description"}},
		"twice": {
			func(s *registrar.Services) {
				s.RegisterService(desc("a"), does{})
				s.RegisterService(desc("a"), does{})
			},
			[]string{`"a" was registered twice`},
		},
		"another type":   {func(s *registrar.Services) { s.RegisterService(desc("a"), 7) }, []string{`a int cannot serve "a"; want a registrar_test.doer`}},
		"odd type":       {func(s *registrar.Services) { s.RegisterService(odd, does{}) }, []string{`"test.Odd" has no type of a handler`}},
		"reserved":       {func(s *registrar.Services) { s.RegisterService(desc(reserved), does{}) }, []string{`"test.Reserved" is the library's own`}},
		"several faults": {func(s *registrar.Services) { s.RegisterService(nil, 1); s.RegisterService(desc("a"), 7) }, []string{"description", "int"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := registrar.New(reserved)
			tt.register(s)
			err := s.Err()
			if tt.says == nil && err != nil || tt.says != nil && err == nil {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			for _, word := range tt.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("got %v, want %s", err, word)
				}
			}
		})
	}
}

// TestReservedIsRegisteredLater registers the reserved service after Err was asked.
func TestReservedIsRegisteredLater(t *testing.T) {
	t.Parallel()
	s := registrar.New(reserved)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	s.RegisterService(desc(reserved), does{})
	if _, ok := s.GetServiceInfo()[reserved]; !ok {
		t.Error("the service is missing")
	}
}

// around writes down what it surrounds.
type around struct{ methods []string }

func (a *around) Unary(method string, inner grpc.MethodHandler) grpc.MethodHandler {
	a.methods = append(a.methods, method)
	return func(server any, ctx context.Context, decode func(any) error, i grpc.UnaryServerInterceptor) (any, error) {
		answer, err := inner(server, ctx, decode, i)
		return "around " + answer.(string), err
	}
}

func (a *around) Stream(method string, inner grpc.StreamHandler) grpc.StreamHandler {
	a.methods = append(a.methods, method)
	return inner
}

// taken keeps what is registered.
type taken struct{ descs []*grpc.ServiceDesc }

func (r *taken) RegisterService(d *grpc.ServiceDesc, _ any) { r.descs = append(r.descs, d) }

func TestEveryMethodIsSurrounded(t *testing.T) {
	t.Parallel()
	s, server, a, r := registrar.New(reserved), grpc.NewServer(), &around{}, &taken{}
	given := desc("a")
	s.RegisterService(given, does{})
	s.RegisterOn(server, a)
	if want := []string{"/a/Unary", "/a/Up", "/a/Down"}; !slices.Equal(a.methods, want) {
		t.Errorf("surrounded %q, want %q", a.methods, want)
	}
	if got, want := s.GetServiceInfo(), server.GetServiceInfo(); !equalInfo(got, want) {
		t.Errorf("got the information %v, want gRPC's own %v", got, want)
	}
	s.RegisterOn(r, a)
	if answer, _ := r.descs[0].Methods[0].Handler(nil, t.Context(), nil, nil); answer != "around inner" {
		t.Errorf("got %v, want the surrounded method's answer", answer)
	}
	if n := len(r.descs[0].Streams); n != len(given.Streams) {
		t.Errorf("%d streams, want %d", n, len(given.Streams))
	}
	if answer, _ := given.Methods[0].Handler(nil, t.Context(), nil, nil); answer != "inner" {
		t.Error("the author's description was changed, want a copy")
	}
}

// equalInfo compares descriptions, whatever the order of methods.
func equalInfo(a, b map[string]grpc.ServiceInfo) bool {
	for _, all := range []map[string]grpc.ServiceInfo{a, b} {
		for _, info := range all {
			slices.SortFunc(info.Methods, func(x, y grpc.MethodInfo) int { return strings.Compare(x.Name, y.Name) })
		}
	}
	return reflect.DeepEqual(a, b)
}
