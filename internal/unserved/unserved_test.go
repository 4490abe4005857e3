package unserved_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

const notServed = "method is not served"

func TestUnservedMethods(t *testing.T) {
	t.Parallel()
	const served = "cosi.v1alpha1.Identity, cosi.v1alpha1.Provisioner, grpc.health.v1.Health"
	tests := map[string]struct {
		method string
		logged bool // gRPC itself refuses the others
	}{
		"another generation":       {"/sigs.k8s.io.cosi.v1alpha2.Provisioner/DriverCreateBucket", true},
		"unknown method":           {"/cosi.v1alpha1.Provisioner/DriverRenameBucket", true},
		"unknown method of health": {"/grpc.health.v1.Health/Cure", true},
		"odd characters":           {"/a\"b\\c%/d", true},
		"long":                     {"/" + strings.Repeat("x", 5000) + "/y", true},
		"no service":               {"/x", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()))
			for range 3 {
				err := d.Conn.Invoke(harness.Timeout(t), tt.method, &emptypb.Empty{}, &emptypb.Empty{})
				if status.Code(err) != codes.Unimplemented {
					t.Errorf("got %v, want UNIMPLEMENTED", err)
				}
				if tt.logged && !strings.Contains(status.Convert(err).Message(), "this driver serves "+served) {
					t.Errorf("got %v, want an error that says what the driver serves", err)
				}
				if len(err.Error()) > 500 {
					t.Errorf("the answer has %d bytes", len(err.Error()))
				}
			}
			d.Lives(t)
			if err := d.Wait(t); err != nil { // then every line is written
				t.Error(err)
			}
			found := log.Lines(notServed)
			if !tt.logged {
				if len(found) > 0 {
					t.Errorf("got %q", found)
				}
				return
			}
			asked := fmt.Sprintf("%q", bound.Printable(tt.method, bound.Name))
			if len(found) != 1 || len(log.Lines(`"level"=0`, notServed, asked, `"serves"="`+served)) != 1 {
				t.Errorf("got the lines %q, want one that names %s", found, asked)
			}
			if len(log.Lines("call failed")) > 0 {
				t.Errorf("the log also has the call %q, want one line", log.Lines("call failed"))
			}
		})
	}
}

// TestMethodsOfV1alpha2 checks that no revision of v1alpha2 is taken for v1alpha1, and that docs/v1alpha2.md quotes what
// the driver answers and logs, and tells the same revisions.
func TestMethodsOfV1alpha2(t *testing.T) {
	t.Parallel()
	const (
		served      = "cosi.v1alpha1.Identity, cosi.v1alpha1.Provisioner, grpc.health.v1.Health"
		identity    = "/sigs.k8s.io.cosi.v1alpha2.Identity/"
		provisioner = "/sigs.k8s.io.cosi.v1alpha2.Provisioner/"
	)
	raw, err := os.ReadFile("../../docs/v1alpha2.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(raw)
	for _, quoted := range []string{
		fmt.Sprintf("\n    %q is not served; this driver serves %s\n", identity+"DriverGetInfo", served),
		fmt.Sprintf("\n    \"msg\":%q,\"method\":%q,\"serves\":%q\n", notServed, identity+"DriverGetInfo", served),
	} {
		if !strings.Contains(document, quoted) {
			t.Errorf("docs/v1alpha2.md does not quote the driver, want%s", quoted)
		}
	}
	for _, tt := range []struct{ service, method, revisions string }{
		{identity, "DriverGetInfo", "R1 to R5"},
		{provisioner, "DriverCreateBucket", "R1 to R5"},
		{provisioner, "DriverDeleteBucket", "R1 to R5"},
		{provisioner, "DriverGrantBucketAccess", "R1 to R5"},
		{provisioner, "DriverRevokeBucketAccess", "R1 to R5"},
		{provisioner, "DriverGetExistingBucket", "R1"},
		{provisioner, "DriverGetBucket", "R2 to R5"},
		{provisioner, "DriverGenerateBucketId", "R4 and R5"},
		{provisioner, "DriverGenerateBucketAccessId", "R5"},
	} {
		t.Run(tt.method, func(t *testing.T) {
			t.Parallel()
			if row := fmt.Sprintf("\n| `%s` | %s |", tt.method, tt.revisions); !strings.Contains(document, row) {
				t.Errorf("docs/v1alpha2.md does not tell the method's revisions, want%s", row)
			}
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()))
			full := tt.service + tt.method
			want := fmt.Sprintf("%q is not served; this driver serves %s", full, served)
			for range 2 {
				// Field 1 is a text, as a name or an id is in most requests.
				err := d.Conn.Invoke(harness.Timeout(t), full, wrapperspb.String("bc-1"), &emptypb.Empty{})
				if got := status.Convert(err); got.Code() != codes.Unimplemented || got.Message() != want {
					t.Errorf("got %v, want UNIMPLEMENTED with %s", err, want)
				}
			}
			d.Lives(t)
			if err := d.Wait(t); err != nil { // then every line is written
				t.Error(err)
			}
			line := fmt.Sprintf("\"msg\"=%q \"method\"=%q \"serves\"=%q", notServed, full, served)
			if len(log.Lines(notServed)) != 1 || len(log.Lines(line)) != 1 {
				t.Errorf("got the lines %q, want one with %s", log.Lines(notServed), line)
			}
		})
	}
}

func TestUnservedMethodsAreBounded(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()))
	for i := range 100 {
		err := d.Conn.Invoke(harness.Timeout(t), fmt.Sprintf("/test.Guess/M%d", i), &emptypb.Empty{}, &emptypb.Empty{})
		if status.Code(err) != codes.Unimplemented {
			t.Fatalf("got %v, want UNIMPLEMENTED", err)
		}
	}
	if err := d.Wait(t); err != nil { // then every line is written
		t.Error(err)
	}
	if found := log.Lines(notServed); len(found) != 16 {
		t.Errorf("%d lines, want 16", len(found))
	}
}

func TestReflectionIsServedWhenAskedFor(t *testing.T) {
	t.Parallel()
	const method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	for _, on := range []bool{false, true} {
		t.Run(strconv.FormatBool(on), func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			options := []gocosi.Option{gocosi.WithLogger(log.Logger())}
			if on {
				options = append(options, gocosi.WithReflection())
			}
			d := harness.Start(t, &harness.Handlers{}, options...)
			_ = d.Conn.Invoke(harness.Timeout(t), method, &emptypb.Empty{}, &emptypb.Empty{})
			d.Lives(t)
			if err := d.Wait(t); err != nil { // then every line is written
				t.Error(err)
			}
			if found := log.Lines(notServed, method); len(found) > 0 == on {
				t.Errorf("reflection %t, and the log says %q", on, found)
			}
		})
	}
}
