package cositest_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
)

// drawn is the part of a name that is another one in each run.
var drawn = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|\b(cosi|ba)[0-9a-f]{8}\b`)

// Each run says the same of one driver, but for the names that it has made.
func TestSameReportEachTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name          string
		guilty, sites bool
		setup         func(*driver)
	}{
		{"right", false, false, func(*driver) {}},
		{"right, taking turns", false, false, func(d *driver) { d.oneOrAborted() }},
		{"short names only, and new keys for each grant", true, false, func(d *driver) {
			d.create = refuse(d.create, codes.InvalidArgument, func(r *createQ) bool { return len(r.GetName()) > 20 })
			d.grant = reply(d.grant, func(_ *grantQ, r *grantR) { r.Credentials = keys() })
		}},
		{"grants for anything", true, false, func(d *driver) {
			d.grant = ask(d.grant, func(r *grantQ) {
				if r.GetBucketId() == "" || r.GetName() == "" {
					r.BucketId, r.Name = idOf("anything"), "anybody"
				}
			})
			d.grant = forgive(d.grant, codes.NotFound, func(*grantQ) *grantR { return &grantR{AccountId: "anybody", Credentials: keys()} })
		}},
		{"insists on two parameters", true, true, func(d *driver) {
			d.grant = refuse(d.grant, codes.InvalidArgument, func(r *grantQ) bool { return r.GetName() == "" })
			d.create = instead(d.create, func(r *createQ) (*createR, error) {
				if len(r.GetParameters()) == 0 {
					return nil, invalid("region, or site, is missing")
				}
				return nil, nil
			})
			d.create = ask(d.create, func(r *createQ) { delete(r.GetParameters(), "site") })
			d.delete = refuse(d.delete, codes.NotFound, func(r *deleteQ) bool { return !d.ref.has(nameOf(r.GetBucketId())) })
		}},
		{"no call twice", true, false, func(d *driver) {
			var revoked seen
			d.create = refuse(d.create, codes.AlreadyExists, func(r *createQ) bool { return d.ref.has(r.GetName()) })
			d.revoke = refuse(d.revoke, codes.NotFound, func(r *revokeQ) bool { return r.GetAccountId() != "" && revoked.before(r.GetAccountId()) })
		}},
		{"methods that are missing", true, false, func(d *driver) {
			d.register = func(s *grpc.Server) {
				cosi.RegisterIdentityServer(s, d)
				s.RegisterService(&grpc.ServiceDesc{
					ServiceName: "cosi.v1alpha1.Provisioner", HandlerType: (*any)(nil),
					Methods: []grpc.MethodDesc{method("DriverCreateBucket", d.create)},
				}, d)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var first []string
			for run := range 10 {
				d := newDriver()
				tc.setup(d)
				lines := d.told(t, tc.guilty, tc.sites)
				if run == 0 {
					first = lines
				}
				for i, line := range lines {
					if line != first[i] {
						t.Errorf("run %d says\n%s\nand the first said\n%s", run+1, line, first[i])
					}
				}
			}
		})
	}
}

// told is what a run of the kit says of the driver, without what is drawn for it. Sites are one more parameter.
func (d *driver) told(t *testing.T, guilty, sites bool) []string {
	t.Helper()
	_, conn := d.serve(t)
	cfg := d.config()
	if sites {
		cfg.BucketParameters["site"] = "first"
	}
	report := cositest.Check(t.Context(), conn, cfg)
	if found := report.Count(cositest.Failed)+report.Count(cositest.Warned) > 0; found != guilty {
		t.Errorf("cases failed or warned: %t, want %t", found, guilty)
	}
	lines := []string{report.Verdict()}
	for _, r := range report.Results {
		lines = append(lines, fmt.Sprintln(r.Name, r.Outcome, strings.ReplaceAll(r.Reason, d.folder, "FOLDER"), r.LeftOver))
	}
	for i, line := range lines {
		lines[i] = drawn.ReplaceAllString(line, "…")
	}
	return lines
}
