package drift_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/drift"
)

// with adds an unknown field to a message.
func with[M proto.Message](m M, number protowire.Number) M {
	m.ProtoReflect().SetUnknown(protoreflect.RawFields(protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 1)))
	return m
}

func TestFind(t *testing.T) {
	t.Parallel()
	list := func(v *structpb.Value) *structpb.Value {
		return structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewBoolValue(true), v}})
	}
	broken := &cosi.DriverGetInfoRequest{}
	broken.ProtoReflect().SetUnknown(protoreflect.RawFields{0xff})
	for name, tc := range map[string]struct {
		message proto.Message
		want    drift.Field
		found   bool
	}{
		"nothing set": {&cosi.DriverGetInfoRequest{}, drift.Field{}, false},
		"nil":         {(*cosi.DriverGetInfoRequest)(nil), drift.Field{}, false},
		"everything known": {
			&cosi.DriverCreateBucketRequest{Name: "n", Parameters: map[string]string{"a": "b"}}, drift.Field{}, false,
		},
		"the message itself": {with(&cosi.DriverGetInfoRequest{}, 99), drift.Field{Message: "cosi.v1alpha1.DriverGetInfoRequest", Number: 99}, true},
		"a message in it": {
			&cosi.DriverCreateBucketResponse{BucketInfo: with(&cosi.Protocol{}, 7)}, drift.Field{Message: "cosi.v1alpha1.Protocol", Number: 7}, true,
		},
		"a variant": {
			&cosi.Protocol{Type: &cosi.Protocol_S3{S3: with(&cosi.S3{}, 8)}}, drift.Field{Message: "cosi.v1alpha1.S3", Number: 8}, true,
		},
		"a value of a map": {
			&cosi.DriverGrantBucketAccessResponse{Credentials: map[string]*cosi.CredentialDetails{"s3": with(&cosi.CredentialDetails{}, 9)}},
			drift.Field{Message: "cosi.v1alpha1.CredentialDetails", Number: 9},
			true,
		},
		"an entry of a list":      {list(with(structpb.NewNullValue(), 10)), drift.Field{Message: "google.protobuf.Value", Number: 10}, true},
		"a list of known ones":    {list(structpb.NewStringValue("x")), drift.Field{}, false},
		"bytes that are no field": {broken, drift.Field{Message: "cosi.v1alpha1.DriverGetInfoRequest"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, found := drift.Find(tc.message); got != tc.want || found != tc.found {
				t.Errorf("got %v, %t, want %v, %t", got, found, tc.want, tc.found)
			}
		})
	}
}

// A message may hold itself, when a test or a handler made it so.
func TestFindEnds(t *testing.T) {
	t.Parallel()
	loop := structpb.NewListValue(&structpb.ListValue{})
	loop.GetListValue().Values = []*structpb.Value{loop}
	if got, found := drift.Find(loop); found {
		t.Errorf("got %v", got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	err := drift.Check(with(&cosi.DriverGetInfoRequest{}, 99), "v9")
	const want = "cosi.v1alpha1.DriverGetInfoRequest has field 99, which this driver's revision of v9 does not know; want a caller built from the same revision"
	if status.Code(err) != codes.FailedPrecondition || status.Convert(err).Message() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, message := range []any{nil, "text", (*cosi.DriverGetInfoRequest)(nil), &cosi.DriverGetInfoRequest{}} {
		if err := drift.Check(message, "v9"); err != nil {
			t.Errorf("%v: %v", message, err)
		}
	}
}
