package cositest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/cositest"
)

// resultOf returns the result of a case.
func resultOf(t *testing.T, r *cositest.Report, name string) cositest.Result {
	t.Helper()
	for _, one := range r.Results {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("there is no result of %s", name)
	return cositest.Result{}
}

// checked runs the chosen cases.
func checked(t *testing.T, d *driver, change func(*cositest.Config), names ...string) *cositest.Report {
	t.Helper()
	_, conn := d.serve(t)
	cfg := d.config()
	cfg.Only = func(k cositest.Case) bool { return slices.Contains(names, k.Name) }
	if change != nil {
		change(&cfg)
	}
	return cositest.Check(t.Context(), conn, cfg)
}

// A result tells the calls of its case in order, what they sent without secrets, and what came.
func TestSteps(t *testing.T) {
	t.Parallel()
	r := resultOf(t, checked(t, newDriver(), nil, "GRANT-6", "GRANT-5"), "GRANT-5") // the first finds out what the driver takes
	var calls []string
	for _, s := range r.Steps {
		call := s.Call
		if s.Tidying {
			call = "after: " + call
		}
		calls = append(calls, call)
		if s.Got == "" || s.Duration <= 0 {
			t.Errorf("%s: got %q in %s", s.Call, s.Got, s.Duration)
		}
	}
	want := "DriverCreateBucket" + strings.Repeat(" DriverGrantBucketAccess", 3) + " after: DriverRevokeBucketAccess after: DriverDeleteBucket"
	if got := strings.Join(calls, " "); got != want {
		t.Fatalf("the calls are\n%s\nwant\n%s", got, want)
	}
	create, grant := r.Steps[0], r.Steps[1]
	if !strings.HasPrefix(create.Sent, `{"name":"bucket-`) || !strings.Contains(create.Sent, `"parameters":{"region":"[redacted]"}`) ||
		!strings.HasPrefix(create.Got, `OK {"bucket_id":"id-bucket-`) {
		t.Errorf("create is %+v", create)
	}
	if !strings.Contains(grant.Sent, `"authentication_type":"Key"`) || !strings.Contains(grant.Got, `"accessSecretKey":"[redacted]"`) ||
		!strings.Contains(grant.Got, `"account_id":"account-`) {
		t.Errorf("grant is %+v", grant)
	}
	if last := r.Steps[len(r.Steps)-1]; last.Got != "OK" {
		t.Errorf("an empty answer is %q", last.Got)
	}
}

// A refusal is told with its code as the specification spells it, and a look whether the driver lives is no step.
func TestStepsOfRefusals(t *testing.T) {
	t.Parallel()
	d := newDriver()
	d.create = refuse(d.create, codes.Internal, func(r *createQ) bool { return r.GetName() == "" })
	r := resultOf(t, checked(t, d, nil, "CREATE-2"), "CREATE-2")
	if len(r.Steps) != 1 || r.Steps[0].Sent != `{"parameters":{"region":"[redacted]"}}` || !strings.HasPrefix(r.Steps[0].Got, "INTERNAL: ") {
		t.Errorf("the steps are %+v", r.Steps)
	}
}

// Many calls that end alike are counted.
func TestStepsAlike(t *testing.T) {
	t.Parallel()
	r := resultOf(t, checked(t, newDriver(), func(cfg *cositest.Config) { cfg.Parallel = 30 }, "LOAD-1"), "LOAD-1")
	if r.Outcome != cositest.Passed {
		t.Fatal(r.Reason)
	}
	told, alike := 0, 0
	for _, s := range r.Steps {
		if s.Call == "DriverCreateBucket" {
			told, alike = told+1, alike+s.Alike
		}
	}
	if told > 7 || told+alike < 30 {
		t.Errorf("%d creates are told, and %d counted", told, alike)
	}
}

// The last calls of many are told, by which a case ended, and so is which calls the kit cut short.
func TestStepsOfCutCalls(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		if f.by != "GEN-15" || f.how != "each repeat answers another id" {
			continue
		}
		d := newDriver()
		f.breaks(d)
		r := resultOf(t, checked(t, d, func(*cositest.Config) { d.now.Store("GEN-15") }, "GEN-15"), "GEN-15")
		ids := regexp.MustCompile(`"(id-[A-Z0-9]+)"`).FindAllStringSubmatch(r.Reason, -1)
		if r.Outcome != cositest.Failed || len(ids) != 2 {
			t.Fatalf("%s: %s", r.Outcome, r.Reason)
		}
		for _, words := range []string{ids[0][1], ids[1][1], "the kit cut the call short"} {
			if !strings.Contains(stories(r), words) {
				t.Errorf("the story lacks %q:\n%s", words, stories(r))
			}
		}
		return
	}
	t.Error("there is no such fault")
}

// Hooks are part of the story, with what was expected.
func TestStepsOfHooks(t *testing.T) {
	t.Parallel()
	all := checked(t, newDriver(), nil, "REVOKE-3", "CREATE-13", "GRANT-5 accounts", "OUTAGE-1", "NEXT-1")
	for name, want := range map[string][]string{
		"REVOKE-3":         {"Config.Access of ba-", " to bucket bucket-", ", want granted: as wanted", ", want denied: as wanted"},
		"CREATE-13":        {"Config.MakeForeignBucket : made ", "Foreign.Exists ", "Foreign.Remove "},
		"GRANT-5 accounts": {"Config.CountAccounts : "},
		"OUTAGE-1":         {"Config.Outage begin: done", "Config.Outage end: done"},
		"NEXT-1":           {"Config.Restart : done"},
	} {
		var text strings.Builder
		for _, s := range resultOf(t, all, name).Steps {
			text.WriteString(s.Call + " " + s.Sent + ": " + s.Got + "\n")
		}
		for _, words := range want {
			if !strings.Contains(text.String(), words) {
				t.Errorf("the story of %s lacks %q:\n%s", name, words, text.String())
			}
		}
	}
}

// A secret that a driver says again, and one that the configuration names, is in no step.
func TestStepsHoldNoSecret(t *testing.T) {
	t.Parallel()
	const given = "given-by-whoever-runs-it"
	d := newDriver()
	d.create = func(context.Context, *createQ) (*createR, error) {
		return nil, status.Error(codes.Internal, "not "+given)
	}
	report := checked(t, d, func(cfg *cositest.Config) { cfg.Secrets = []string{given} }, "CREATE-1", "CREATE-3")
	for _, r := range report.Results {
		if strings.Contains(r.Reason, given) {
			t.Error(r.Reason)
		}
		for _, s := range r.Steps {
			if strings.Contains(s.Got, given) || !strings.Contains(s.Got, "[redacted]") {
				t.Error(s.Got)
			}
		}
	}
}

// Secrets that are longer than what is shown of a text are masked whole: those that a driver says again in an id or a message,
// before it grants them or after, and those of the run's own.
func TestLongSecretsAreMasked(t *testing.T) {
	t.Parallel()
	granted, own := "GRANTED-"+strings.Repeat("g", 400), "OWN-SECRET-"+strings.Repeat("o", 400)
	quoted := "QUOTED\x01\"&<>" + strings.Repeat("q\x7f", 100)
	d := newDriver()
	create, grant := d.create, d.grant
	d.create = func(ctx context.Context, q *createQ) (*createR, error) {
		if q.GetName() == "" || strings.Contains(q.GetName(), " ") { // the text is cut within the secret, which is not granted yet
			return nil, status.Error(codes.Internal, strings.Repeat("x", 700)+map[bool]string{true: granted, false: own}[q.GetName() == ""]+strings.Repeat("y", 1000))
		}
		r, err := create(ctx, q)
		if s3 := r.GetBucketInfo().GetS3(); s3 != nil {
			s3.Region = own
		}
		return r, err
	}
	d.grant = func(ctx context.Context, q *grantQ) (*grantR, error) {
		r, err := grant(ctx, q)
		if s3 := r.GetCredentials()["s3"]; s3 != nil {
			s3.Secrets["accessSecretKey"], s3.Secrets["other"] = granted, quoted
			r.AccountId = "id-" + granted + quoted
		}
		return r, err
	}
	_, conn := d.serve(t)
	cfg := d.config()
	cfg.Secrets = []string{own}
	report := cositest.Check(t.Context(), conn, cfg)
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"GRANTED-", "ggggggg", "OWN-SECRET", "ooooooo", "QUOTED", "q\\u007fq", "q\x7fq"} {
		if at := strings.Index(string(text), secret); at >= 0 {
			t.Errorf("the report has %q: %s", secret, text[max(0, at-200):at+100])
		}
	}
	if !strings.Contains(string(text), "[redacted]") || len(report.Results) != len(cositest.Cases()) {
		t.Error("the report tells nothing")
	}
}

// When a case is run again, its story has both runs.
func TestStepsOfSecondRun(t *testing.T) {
	t.Parallel()
	d := newDriver()
	_, conn := d.supervise(t, onceAtCall+fmt.Sprint(restartsAt()[0]))
	again := 0
	for _, r := range cositest.Check(t.Context(), conn, d.config()).Results {
		if !strings.Contains(r.Reason, "came back") {
			continue
		}
		again++
		if got := stories(r); strings.Count(got, "once more") != 1 || !strings.Contains(got, "lost its connection") {
			t.Errorf("the story of %s is\n%s", r.Name, got)
		}
	}
	if again == 0 {
		t.Error("no case was run again")
	}
}

func stories(r cositest.Result) string {
	var text strings.Builder
	for _, s := range r.Steps {
		text.WriteString(s.Call + ": " + s.Got + "\n")
	}
	return text.String()
}
