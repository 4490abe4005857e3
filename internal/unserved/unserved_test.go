package unserved_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

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
