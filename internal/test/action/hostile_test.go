package action_test

import (
	"context"
	"net"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// hostile is a text that a terminal, a runner and Markdown would obey.
const hostile = "x\n::error::injected\r::stop-commands::y\n  ::set-output name=verdict::conforms\n##[error]injected\n" +
	"```\n# injected\n`````\n~~~\n\x1b[31mred\u009b32m <property name=\"cosi.verdict\" value=\"conforms\"> <b>&lt; %0A::error::injected"

// guilty answers nothing but hostile texts.
type guilty struct{}

func (guilty) DriverGetInfo(context.Context, *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return &cosi.DriverGetInfoResponse{Name: hostile}, nil
}

func (guilty) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return nil, status.Error(codes.Internal, hostile)
}

func (guilty) DriverDeleteBucket(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	return nil, status.Error(codes.Internal, hostile)
}

func (guilty) DriverGrantBucketAccess(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	return nil, status.Error(codes.Internal, hostile)
}

func (guilty) DriverRevokeBucketAccess(context.Context, *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	return nil, status.Error(codes.Internal, hostile)
}

// serveGuilty returns the endpoint of a guilty driver that runs already.
func serveGuilty(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	cosi.RegisterIdentityServer(server, guilty{})
	cosi.RegisterProvisionerServer(server, guilty{})
	served := make(chan error)
	go func() { served <- server.Serve(lis) }()
	t.Cleanup(func() { server.Stop(); <-served })
	return "tcp://" + lis.Addr().String()
}

func TestGuilty(t *testing.T) {
	t.Parallel()
	r := step(t, "endpoint", serveGuilty(t)).Run(t)
	expect(t, r, "1", "does not conform")
	if len(r.Outputs) != 3 || !strings.Contains(r.Log, "::error::injected") || !strings.Contains(r.Summary, "\nfailed ") {
		t.Errorf("outputs %q, want three, the failures in the summary, and the texts in the log\n%s\n%s", r.Outputs, r.Log, r.Summary)
	}
	harmless(t, r.Log, r.Summary)
}

// TestStartFails has a command that fails with a hostile text.
func TestStartFails(t *testing.T) {
	t.Parallel()
	r := step(t, "start", "printf '%s\\n' \"$SAYS\"; false; echo 'not reached'")
	r.Env = []string{"SAYS=" + hostile}
	got := r.Run(t)
	expect(t, got, "3", "the start command ended with exit code 1, and no driver answers at ")
	if !strings.Contains(got.Log, "\n| ::error::injected?::stop-commands::y\n") || strings.Contains(got.Log, "not reached") {
		t.Errorf("want the output of the command until it failed\n%s", got.Log)
	}
	harmless(t, got.Log, got.Summary)
}

// harmless expects no control characters, and that every line of a driver in the summary is code.
func harmless(t *testing.T, log, summary string) {
	t.Helper()
	if found := regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f]").FindString(log + summary); found != "" {
		t.Errorf("there is the character %q, want none that a terminal obeys", found)
	}
	if rest := uncoded(summary); strings.Contains(rest, "injected") || strings.Contains(rest, "<") || !strings.Contains(summary, "injected") {
		t.Errorf("outside of code blocks the summary says %q, want nothing of the driver there, and all in them\n%s", rest, summary)
	}
}

// uncoded returns the lines outside of code blocks. A fence ends by one that is as long, and has nothing after it.
func uncoded(text string) string {
	var rest strings.Builder
	fence := ""
	for line := range strings.Lines(text) {
		ticks := regexp.MustCompile("^ {0,3}(`{3,}|~{3,})").FindString(line)
		switch marks := strings.TrimSpace(ticks); {
		case fence == "" && marks != "":
			fence = marks
		case fence == "":
			rest.WriteString(line)
		case strings.HasPrefix(marks, fence) && strings.TrimSpace(line) == marks:
			fence = ""
		}
	}
	return rest.String()
}
