package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/go-logr/logr/funcr"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/methods"
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/rules"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

func TestServicesOfTheAuthor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err     error
		panics  bool
		code    codes.Code
		details int
	}{
		"success":             {},
		"status with details": {err: detailed(t, codes.NotFound, "gone"), code: codes.NotFound, details: 1},
		"code of its own":     {err: status.Error(99, "ours"), code: 99},
		"UNKNOWN":             {err: status.Error(codes.Unknown, "ours"), code: codes.Unknown},
		"already exists":      {err: status.Error(codes.AlreadyExists, "ours"), code: codes.AlreadyExists},
		"context error":       {err: fmt.Errorf("ours: %w", context.Canceled), code: codes.Canceled},
		"bare error":          {err: errors.New("ours"), code: codes.Unknown},
		"panic":               {err: errors.New(secretURL), panics: true, code: codes.Internal},
		"nil pointer":         {err: (*nilError)(nil), code: codes.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			answer := func() error {
				if tt.panics {
					panic(tt.err)
				}
				return tt.err
			}
			e := &harness.Echo{
				Unary: func(context.Context) (*wrapperspb.StringValue, error) { return wrapperspb.String("hi"), answer() },
				Stream: func(s grpc.ServerStream) error {
					if err := answer(); err != nil {
						return err
					}
					return s.SendMsg(wrapperspb.String("hi"))
				},
			}
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithServices(e.Register))
			for method, call := range map[string]func(testing.TB, *grpc.ClientConn) (string, error){
				"test.Echo/Unary": harness.CallUnary, "test.Echo/Stream": harness.CallStream,
			} {
				value, err := call(t, d.Conn)
				st := status.Convert(err)
				if st.Code() != tt.code || len(st.Details()) != tt.details || err == nil && value != "hi" {
					t.Errorf("%s: got %q, %v with %d details, want %s with %d", method, value, err, len(st.Details()), tt.code, tt.details)
				}
				line := log.OneLine(t, method)
				if !strings.Contains(line, fmt.Sprintf(`"code"=%q`, tt.code)) {
					t.Errorf("want %s: %s", tt.code, line)
				}
				if strings.Contains(line, `"stack"=`) != (tt.code == codes.Internal) {
					t.Errorf("want a stack for a panic only, got the line %s", line)
				}
			}
			if found := log.Lines(password); len(found) > 0 {
				t.Errorf("the log holds the password: %q", found)
			}
			d.Lives(t)
		})
	}
}

func TestServiceWithoutResult(t *testing.T) {
	t.Parallel()
	e := &harness.Echo{Unary: func(context.Context) (*wrapperspb.StringValue, error) { return nil, nil }}
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithServices(e.Register))
	if _, err := harness.CallUnary(t, d.Conn); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want INTERNAL", err)
	}
}

// TestKeptContextKeepsNoOtherCall keeps the context of a call that ran next to another one, as a careless handler may.
func TestKeptContextKeepsNoOtherCall(t *testing.T) {
	t.Parallel()
	chain := harness.Chain(t)
	var kept []context.Context
	call := func(name string, meanwhile func()) weak.Pointer[cosi.DriverCreateBucketRequest] {
		request := &cosi.DriverCreateBucketRequest{Name: name}
		_, err := chain.Call(t.Context(), harness.CreateMethod, request, func(ctx context.Context, _ any) (any, error) {
			meanwhile()
			if name == "kept" {
				kept = append(kept, ctx)
			}
			return &cosi.DriverCreateBucketResponse{BucketId: name}, nil
		})
		if err != nil {
			t.Error(err)
		}
		return weak.Make(request)
	}
	var younger weak.Pointer[cosi.DriverCreateBucketRequest]
	older := call("older", func() {
		call("kept", func() { younger = call("younger", func() {}) })
	})
	harness.Eventually(t, func() bool {
		runtime.GC()
		return older.Value() == nil && younger.Value() == nil
	}, "the driver keeps the calls next to the kept one, want them gone")
	runtime.KeepAlive(kept)
}

func TestInterceptors(t *testing.T) {
	t.Parallel()
	order := make(chan string, 3)
	named := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			order <- name + info.FullMethod
			return handler(ctx, request)
		}
	}
	d := harness.Start(t, &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		order <- "handler"
		return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
	}}, gocosi.WithInterceptors(named("outer"), nil), gocosi.WithInterceptors(named("inner")))
	if err := harness.CallMethod(harness.Timeout(t), d.Conn, "DriverCreateBucket"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"outer" + harness.CreateMethod, "inner" + harness.CreateMethod, "handler"} {
		if got := <-order; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestInterceptorsAreRecoveredFrom(t *testing.T) {
	t.Parallel()
	tests := map[string]grpc.UnaryServerInterceptor{
		"panic": func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) { panic(secretURL) },
		"nil":   func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) { return nil, nil },
		"bare error": func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
			return nil, errors.New(secretURL)
		},
	}
	for name, interceptor := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithInterceptors(interceptor), gocosi.WithLogger(log.Logger()))
			err := harness.CallMethod(harness.Timeout(t), d.Conn, "DriverCreateBucket")
			if status.Code(err) != codes.Internal || strings.Contains(err.Error(), password) {
				t.Errorf("got %v, want INTERNAL without a password", err)
			}
			log.OneLine(t, "DriverCreateBucket")
			if found := log.Lines(password); len(found) > 0 {
				t.Errorf("the log holds the password: %q", found)
			}
		})
	}
}

// A generation that nobody has: a service and messages of its own, described to the library as v1alpha1 is.
const (
	madeUp     = "made.up.v7"
	madeUpGift = "the gift"
)

// madeUpMessages are those of the made-up generation, by name. Each has the fields id, account, word and inner; inner is an
// Inner, and others a list of ids.
func madeUpMessages(t testing.TB) map[string]protoreflect.MessageDescriptor {
	t.Helper()
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: &number, Type: kind.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	const text = descriptorpb.FieldDescriptorProto_TYPE_STRING
	file := &descriptorpb.FileDescriptorProto{Name: new("made/up.proto"), Package: new(string(madeUp)), Syntax: new("proto3")}
	for _, name := range []string{"Inner", "Request", "Response"} {
		m := &descriptorpb.DescriptorProto{Name: new(name), Field: []*descriptorpb.FieldDescriptorProto{
			field("id", 1, text), field("account", 2, text), field("word", 3, text),
		}}
		if name != "Inner" {
			inner := field("inner", 4, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE)
			inner.TypeName = new("." + madeUp + ".Inner")
			others := field("others", 5, text)
			others.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			m.Field = append(m.Field, inner, others)
		}
		file.MessageType = append(file.MessageType, m)
	}
	built, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]protoreflect.MessageDescriptor{}
	for i := range built.Messages().Len() {
		all[string(built.Messages().Get(i).Name())] = built.Messages().Get(i)
	}
	return all
}

// made is a message with fields set.
func made(desc protoreflect.MessageDescriptor, pairs ...string) *dynamicpb.Message {
	m := dynamicpb.NewMessage(desc)
	for i := 0; i < len(pairs); i += 2 {
		m.Set(desc.Fields().ByName(protoreflect.Name(pairs[i])), protoreflect.ValueOfString(pairs[i+1]))
	}
	return m
}

// read is the text of a field.
func read(name protoreflect.Name) func(any) string {
	return func(message any) string {
		m, ok := message.(*dynamicpb.Message)
		if !ok || m == nil {
			return ""
		}
		return m.Get(m.Descriptor().Fields().ByName(name)).String()
	}
}

// madeUpServer answers every method.
type madeUpServer struct {
	answer func(ctx context.Context, method string, request *dynamicpb.Message) (*dynamicpb.Message, error)
}

// madeUpGeneration describes the generation, with all that a description may have.
func madeUpGeneration(messages map[string]protoreflect.MessageDescriptor) methods.Generation {
	method := func(name string) *methods.Method {
		return &methods.Method{
			Name: madeUp + "." + name, Changes: true, Serialize: methods.ByID,
			Bucket: read("id"), Account: read("account"), Result: methods.Label{Key: "given", Value: read("account")},
			Secrets: func(request any) map[string]string { return map[string]string{"word": read("word")(request)} },
			Handler: methods.Handler{
				NewRequest: func() any { return dynamicpb.NewMessage(messages["Request"]) },
				IsResponse: func(v any) bool {
					m, ok := v.(*dynamicpb.Message)
					return ok && m.Descriptor() == messages["Response"]
				},
				Serve: func(ctx context.Context, server, request any) (any, error) {
					return server.(*madeUpServer).answer(ctx, name, request.(*dynamicpb.Message))
				},
			},
		}
	}
	drop := method("Drop")
	drop.Translation = methods.Translation{
		Rule: "MADE-1", From: codes.NotFound, To: codes.OK, Reply: func() any { return dynamicpb.NewMessage(messages["Response"]) },
	}
	give := method("Give")
	give.Others = func(request any) []string {
		m := request.(*dynamicpb.Message)
		list := m.Get(m.Descriptor().Fields().ByName("others")).List()
		var ids []string
		for i := range list.Len() {
			ids = append(ids, list.Get(i).String())
		}
		return ids
	}
	violated := func(rule string, broken bool) *rules.Violation {
		if !broken {
			return nil
		}
		return &rules.Violation{Rule: rule, Field: "id", Reason: "is wrong"}
	}
	return methods.Generation{
		Name: madeUp, Strict: true,
		Methods: map[string]*methods.Method{"/" + madeUp + ".Store/Make": method("Make"), "/" + madeUp + ".Store/Drop": drop, "/" + madeUp + ".Store/Give": give},
		Fields: redact.Fields{
			madeUp + ".Request.id": redact.Public, madeUp + ".Request.account": redact.Public, madeUp + ".Response.id": redact.Public,
		},
		Request:  func(request any) *rules.Violation { return violated("MADE-2", read("id")(request) == "") },
		Response: func(_, response any) *rules.Violation { return violated("MADE-3", read("id")(response) == "wrong") },
		Advice:   func(response any) *rules.Violation { return violated("MADE-4", read("id")(response) == "unwise") },
	}
}

// madeUpDriver runs a driver of v1alpha1 that serves the made-up generation as well.
type madeUpDriver struct {
	*harness.Running

	messages map[string]protoreflect.MessageDescriptor
	log      *harness.Logs
	spans    *tracetest.InMemoryExporter
}

func startMadeUp(t *testing.T, described bool, answer func(context.Context, string, *dynamicpb.Message) (*dynamicpb.Message, error)) madeUpDriver {
	t.Helper()
	messages := madeUpMessages(t)
	spans := tracetest.NewInMemoryExporter()
	log := &harness.Logs{}
	options := []gocosi.Option{
		gocosi.WithLogger(funcr.New(func(prefix, args string) { log.Add(prefix + args) }, funcr.Options{Verbosity: 5})),
		gocosi.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))),
		gocosi.WithDefaultRPCTimeout(time.Minute),
		gocosi.WithServices(func(r grpc.ServiceRegistrar) {
			table := methods.Table([]methods.Generation{madeUpGeneration(messages)})
			r.RegisterService(methods.Describe(madeUp+".Store", "made/up.proto", (*any)(nil), table), &madeUpServer{answer})
		}),
	}
	if described {
		options = append(options, gocosi.WithGeneration(madeUpGeneration(messages)))
	}
	return madeUpDriver{harness.Start(t, &harness.Handlers{}, options...), messages, log, spans}
}

// ask calls a method.
func (d madeUpDriver) ask(t *testing.T, method string, request proto.Message) (*dynamicpb.Message, error) {
	t.Helper()
	response := dynamicpb.NewMessage(d.messages["Response"])
	return response, d.Conn.Invoke(harness.Timeout(t), "/"+madeUp+".Store/"+method, request, response)
}

// request is a request with fields.
func (d madeUpDriver) request(pairs ...string) *dynamicpb.Message {
	return made(d.messages["Request"], pairs...)
}

// TestMadeUpGeneration takes calls of a generation that nobody has through each stage: they get what v1alpha1's calls get.
func TestMadeUpGeneration(t *testing.T) {
	t.Parallel()
	var d madeUpDriver
	d = startMadeUp(t, true, func(ctx context.Context, _ string, request *dynamicpb.Message) (*dynamicpb.Message, error) {
		id := read("id")(request)
		switch id {
		case "panic":
			panic("on purpose")
		case "gone":
			return nil, status.Error(codes.NotFound, "no such thing")
		case "bare":
			return nil, errors.New("the store said " + read("word")(request))
		case "late":
			due, ok := ctx.Deadline()
			if until := time.Until(due); !ok || until > time.Minute || until < time.Second {
				return nil, status.Errorf(codes.Unknown, "the deadline is %s, %t", due, ok)
			}
		}
		return made(d.messages["Response"], "id", id, "account", madeUpGift, "word", "said-in-secret"), nil
	})
	for name, tc := range map[string]struct {
		method  string
		request []string
		code    codes.Code
		message string   // that the caller gets
		log     []string // that stands in the line of the call, or before it
	}{
		"a line with bucket, account and result": {
			method: "Make", request: []string{"id", "bucket-1", "account", "account-1"},
			log: []string{`"call done"`, `"method"="made.up.v7.Make"`, `"bucket"="bucket-1"`, `"account"="account-1"`, `"given"="the gift"`, `"trace_id"="`},
		},
		"rules of requests":  {method: "Make", code: codes.InvalidArgument, message: "id is wrong (MADE-2)"},
		"rules of answers":   {method: "Make", request: []string{"id", "wrong"}, code: codes.Internal, message: "breaks a rule: id is wrong (MADE-3)"},
		"advice":             {method: "Make", request: []string{"id", "unwise"}, log: []string{`"answer is allowed but unwise"`, "MADE-4"}},
		"a translation":      {method: "Drop", request: []string{"id", "gone"}, log: []string{`"status code translated"`, `"rule"="MADE-1"`, `"bucket"="gone"`}},
		"no translation":     {method: "Make", request: []string{"id", "gone"}, code: codes.NotFound, message: "no such thing"},
		"recovery":           {method: "Make", request: []string{"id", "panic"}, code: codes.Internal, message: "failed unexpectedly"},
		"a canonical code":   {method: "Make", request: []string{"id", "bare", "word", "very-secret"}, code: codes.Internal, message: "the driver's log has the cause"},
		"a secret in a text": {method: "Make", request: []string{"id", "bare", "word", "very-secret"}, code: codes.Internal, log: []string{"the store said [redacted]"}},
		"a deadline":         {method: "Make", request: []string{"id", "late"}},
		"fields of payloads": {
			method: "Make", request: []string{"id", "bucket-2", "word", "very-secret"},
			log: []string{`"payload"`, `"id"="bucket-2"`, `"word"="[redacted]"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.ask(t, tc.method, d.request(tc.request...))
			if status.Code(err) != tc.code || !strings.Contains(status.Convert(err).Message(), tc.message) {
				t.Errorf("got %v, want %s: %s", err, tc.code, tc.message)
			}
			if tc.log != nil {
				d.log.Wait(t, tc.log...)
			}
		})
	}
	for _, secret := range []string{"very-secret", "said-in-secret"} {
		if len(d.log.Lines(secret)) > 0 {
			t.Errorf("the log has the secret %q", secret)
		}
	}
	found := false
	for _, span := range d.spans.GetSpans() {
		found = found || span.Name == madeUp+".Store/Make"
	}
	if !found {
		t.Error("there is no span of the call")
	}
	if _, err := cosi.NewIdentityClient(d.Conn).DriverGetInfo(harness.Timeout(t), &cosi.DriverGetInfoRequest{}); err != nil {
		t.Errorf("v1alpha1: %v", err)
	}
}

// TestTurnsOfMadeUpGeneration checks that calls for one bucket take turns, and those that need several buckets all of theirs.
func TestTurnsOfMadeUpGeneration(t *testing.T) {
	t.Parallel()
	var inside, most atomic.Int32
	var d madeUpDriver
	d = startMadeUp(t, true, func(_ context.Context, _ string, request *dynamicpb.Message) (*dynamicpb.Message, error) {
		now := inside.Add(1)
		defer inside.Add(-1)
		for {
			seen := most.Load()
			if now <= seen || most.CompareAndSwap(seen, now) {
				break
			}
		}
		time.Sleep(time.Millisecond) // so that calls without turns meet
		return made(d.messages["Response"], "id", read("id")(request)), nil
	})
	const calls = 24
	errs := make(chan error, calls)
	for i := range calls {
		go func() {
			// Every call needs the bucket "shared": some as their own, some as another, in either order.
			request, method := d.request("id", "shared"), "Make"
			if i%3 > 0 {
				method = "Give"
				request = d.request("id", []string{"", "a", "z"}[i%3])
				others := d.messages["Request"].Fields().ByName("others")
				list := request.Mutable(others).List()
				for _, id := range []string{"shared", []string{"", "z", "a"}[i%3], "shared"} {
					list.Append(protoreflect.ValueOfString(id))
				}
			}
			_, err := d.ask(t, method, request)
			errs <- err
		}()
	}
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d calls were at work on one bucket at once, want 1", most.Load())
	}
	if n := d.Holds.Locks(); n != 0 {
		t.Errorf("%d buckets are held after all calls, want none", n)
	}
}

// TestRequestsOfAnotherRevision checks that a generation that asks for it refuses what it does not know, and that v1alpha1 does not.
func TestRequestsOfAnotherRevision(t *testing.T) {
	t.Parallel()
	var d madeUpDriver
	var calls atomic.Int32
	d = startMadeUp(t, true, func(_ context.Context, _ string, request *dynamicpb.Message) (*dynamicpb.Message, error) {
		calls.Add(1)
		return made(d.messages["Response"], "id", read("id")(request)), nil
	})
	unknown := protoreflect.RawFields(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
	outer := d.request("id", "b")
	outer.SetUnknown(unknown)
	nested := d.request("id", "b")
	inner := dynamicpb.NewMessage(d.messages["Inner"])
	inner.SetUnknown(unknown)
	nested.Set(d.messages["Request"].Fields().ByName("inner"), protoreflect.ValueOfMessage(inner))
	for name, request := range map[string]proto.Message{"made.up.v7.Request has field 99": outer, "made.up.v7.Inner has field 99": nested} {
		_, err := d.ask(t, "Make", request)
		if status.Code(err) != codes.FailedPrecondition || !strings.Contains(status.Convert(err).Message(), name) {
			t.Errorf("got %v, want FAILED_PRECONDITION: %s", err, name)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("the handler had %d of the calls, want none", n)
	}
	if _, err := d.ask(t, "Make", d.request("id", "b")); err != nil {
		t.Errorf("a request of this revision: %v", err)
	}
	old := &cosi.DriverDeleteBucketRequest{BucketId: "b"}
	old.ProtoReflect().SetUnknown(unknown)
	if _, err := cosi.NewProvisionerClient(d.Conn).DriverDeleteBucket(harness.Timeout(t), old); err != nil {
		t.Errorf("v1alpha1 refuses a field that it does not know: %v", err)
	}
}
