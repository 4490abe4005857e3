package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// Short names of the checked messages.
type (
	createQ = cosi.DriverCreateBucketRequest
	createR = cosi.DriverCreateBucketResponse
	deleteQ = cosi.DriverDeleteBucketRequest
	grantQ  = cosi.DriverGrantBucketAccessRequest
	grantR  = cosi.DriverGrantBucketAccessResponse
	revokeQ = cosi.DriverRevokeBucketAccessRequest
)

// canary fills every field that a check reads, and must not appear in a violation.
const canary = "canary"

// str returns a string of n bytes.
func str(n int) string { return canary + strings.Repeat("x", n-len(canary)) }

// of returns a map of n bytes.
func of(n int) map[string]string { return map[string]string{canary: str(n - len(canary))} }

const (
	most    = 128
	mostMap = 4096
)

// violation names the rule and the field that a check should report; the zero value wants no violation.
type violation struct{ rule, field string }

func (want violation) compare(t *testing.T, got *rules.Violation) {
	t.Helper()
	if got == nil {
		if want != (violation{}) {
			t.Errorf("got no violation, want %v", want)
		}
		return
	}
	if got.Rule != want.rule || got.Field != want.field {
		t.Errorf("%s of %s, want %v", got.Rule, got.Field, want)
	}
	if _, ok := rules.Of(got.Rule); !ok {
		t.Errorf("no rule %s", got.Rule)
	}
	text := got.Error()
	for _, part := range []string{got.Rule, got.Field, got.Reason} {
		if part == "" || !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v %s", *got, text), canary) {
		t.Errorf("%q holds a value of the request, want none", text)
	}
}

// free checks that the check of a valid message allocates nothing.
func free(t *testing.T, check func() *rules.Violation) {
	t.Helper()
	if raced.On {
		return
	}
	if n := testing.AllocsPerRun(100, func() { check() }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func create(change func(*createQ)) *createQ {
	r := &createQ{Name: str(most), Parameters: of(mostMap)}
	change(r)
	return r
}

func deletion(change func(*deleteQ)) *deleteQ {
	r := &deleteQ{BucketId: str(most), DeleteContext: of(mostMap)}
	change(r)
	return r
}

func grant(change func(*grantQ)) *grantQ {
	r := &grantQ{
		BucketId: str(most), Name: str(most), AuthenticationType: cosi.AuthenticationType_Key, Parameters: of(mostMap),
	}
	change(r)
	return r
}

func revoke(change func(*revokeQ)) *revokeQ {
	r := &revokeQ{BucketId: str(most), AccountId: str(most), RevokeAccessContext: of(mostMap)}
	change(r)
	return r
}

// broken collects the rules that the rows of a test break, by RPC.
type broken map[string][]string

// of notes the rule that a message breaks.
func (b broken) of(message any, v *rules.Violation) {
	name := strings.TrimPrefix(fmt.Sprintf("%T", message), "*cosi.")
	name = strings.TrimSuffix(strings.TrimSuffix(name, "Request"), "Response")
	if v != nil && !slices.Contains(b[name], v.Rule) {
		b[name] = append(b[name], v.Rule)
	}
}

// compare checks that a list names all that were broken, and no others.
func (b broken) compare(t *testing.T, listed func(rpc string) []string, more ...string) {
	t.Helper()
	for _, rpc := range []string{rules.GetInfo, rules.Create, rules.Delete, rules.Grant, rules.Revoke} {
		got, want := slices.Sorted(slices.Values(listed(rpc))), slices.Sorted(slices.Values(slices.Concat(b[rpc], more)))
		if !slices.Equal(got, want) {
			t.Errorf("%s: the list has %q, want %q", rpc, got, want)
		}
	}
}

func TestRequest(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of parallel tests too
	none, found := violation{}, broken{}
	for _, tc := range []struct {
		name    string
		request any
		want    violation
	}{
		{"info", &cosi.DriverGetInfoRequest{}, none},
		{"another message", &cosi.S3{}, none},
		{"no message", canary, none},
		{"nil", nil, none},

		{"create", create(func(*createQ) {}), none},
		{"create, as little as can be", &createQ{Name: "b"}, none},
		{"create, nil", (*createQ)(nil), violation{"CREATE-2", "name"}},
		{"create without name", create(func(r *createQ) { r.Name = "" }), violation{"CREATE-2", "name"}},
		{"create, long name", create(func(r *createQ) { r.Name = str(most + 1) }), violation{"GEN-9", "name"}},
		{"create, large parameters", create(func(r *createQ) { r.Parameters = of(mostMap + 1) }), violation{"GEN-9", "parameters"}},
		{"create, large parameters in many entries", create(func(r *createQ) {
			r.Parameters = map[string]string{canary: str(mostMap / 2), canary + "2": str(mostMap / 2)}
		}), violation{"GEN-9", "parameters"}},

		{"delete", deletion(func(*deleteQ) {}), none},
		{"delete, as little as can be", &deleteQ{BucketId: "b"}, none},
		{"delete without id", deletion(func(r *deleteQ) { r.BucketId = "" }), violation{"DELETE-1", "bucket_id"}},
		{"delete, long id", deletion(func(r *deleteQ) { r.BucketId = str(most + 1) }), violation{"GEN-9", "bucket_id"}},
		{"delete, large context", deletion(func(r *deleteQ) { r.DeleteContext = of(mostMap + 1) }), violation{"GEN-9", "delete_context"}},

		{"grant", grant(func(*grantQ) {}), none},
		{"grant, IAM", grant(func(r *grantQ) { r.AuthenticationType = cosi.AuthenticationType_IAM }), none},
		{"grant without id", grant(func(r *grantQ) { r.BucketId = "" }), violation{"GRANT-1", "bucket_id"}},
		{"grant without name", grant(func(r *grantQ) { r.Name = "" }), violation{"GRANT-2", "name"}},
		{"grant without type", grant(func(r *grantQ) { r.AuthenticationType = 0 }), violation{"GRANT-3", "authentication_type"}},
		{"grant, unknown type", grant(func(r *grantQ) { r.AuthenticationType = 99 }), violation{"GRANT-3", "authentication_type"}},
		{"grant, negative type", grant(func(r *grantQ) { r.AuthenticationType = -1 }), violation{"GRANT-3", "authentication_type"}},
		{"grant, long id", grant(func(r *grantQ) { r.BucketId = str(most + 1) }), violation{"GEN-9", "bucket_id"}},
		{"grant, long name", grant(func(r *grantQ) { r.Name = str(most + 1) }), violation{"GEN-9", "name"}},
		{"grant, large parameters", grant(func(r *grantQ) { r.Parameters = of(mostMap + 1) }), violation{"GEN-9", "parameters"}},

		{"revoke", revoke(func(*revokeQ) {}), none},
		{"revoke, as little as can be", &revokeQ{BucketId: "b", AccountId: "a"}, none},
		{"revoke without bucket", revoke(func(r *revokeQ) { r.BucketId = "" }), violation{"REVOKE-1", "bucket_id"}},
		{"revoke without account", revoke(func(r *revokeQ) { r.AccountId = "" }), violation{"REVOKE-2", "account_id"}},
		{"revoke, long bucket", revoke(func(r *revokeQ) { r.BucketId = str(most + 1) }), violation{"GEN-9", "bucket_id"}},
		{"revoke, long account", revoke(func(r *revokeQ) { r.AccountId = str(most + 1) }), violation{"GEN-9", "account_id"}},
		{"revoke, large context", revoke(func(r *revokeQ) { r.RevokeAccessContext = of(mostMap + 1) }), violation{"GEN-9", "revoke_access_context"}},
	} {
		found.of(tc.request, rules.Request(tc.request))
		t.Run(tc.name, func(t *testing.T) {
			tc.want.compare(t, rules.Request(tc.request))
			if tc.want == none {
				free(t, func() *rules.Violation { return rules.Request(tc.request) })
			}
		})
	}
	found.compare(t, rules.RequestRules)
}

// s3 returns a valid answer to a grant.
func s3(change func(*grantR, map[string]string)) *grantR {
	secrets := map[string]string{"accessKeyID": canary, "accessSecretKey": canary, "endpoint": "https://" + canary, "region": canary}
	r := &grantR{
		AccountId: str(most), Credentials: map[string]*cosi.CredentialDetails{"s3": {Secrets: secrets}},
	}
	change(r, secrets)
	return r
}

// azure returns a valid answer to a grant for Azure.
func azure(change func(map[string]string)) *grantR {
	secrets := map[string]string{"accessToken": canary, "expiryTs": "2031-02-03 04:05:06.789 +0000 UTC"}
	change(secrets)
	return &grantR{
		AccountId: str(most), Credentials: map[string]*cosi.CredentialDetails{"azure": {Secrets: secrets}},
	}
}

func info(name string) *cosi.DriverGetInfoResponse { return &cosi.DriverGetInfoResponse{Name: name} }

func TestResponse(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of parallel tests too
	none, found := violation{}, broken{}
	key := &grantQ{AuthenticationType: cosi.AuthenticationType_Key}
	iam := &grantQ{AuthenticationType: cosi.AuthenticationType_IAM}
	protocol := func(p *cosi.Protocol) *createR {
		return &createR{BucketId: str(most), BucketInfo: p}
	}
	gcs := func(change func(*cosi.GCS)) *createR {
		g := &cosi.GCS{PrivateKeyName: str(most), ProjectId: str(most), ServiceAccount: str(most)}
		change(g)
		return protocol(&cosi.Protocol{Type: &cosi.Protocol_Gcs{Gcs: g}})
	}
	same := func(*grantR, map[string]string) {}
	without := func(name string) *grantR {
		return s3(func(_ *grantR, s map[string]string) { delete(s, name) })
	}
	expiry := func(value string) *grantR {
		return azure(func(s map[string]string) { s["expiryTs"] = value })
	}
	for _, tc := range []struct {
		name              string
		request, response any
		want              violation
	}{
		{"another message", nil, &cosi.S3{}, none},
		{"no message", nil, canary, none},
		{"nil", nil, nil, none},
		{"delete", nil, &cosi.DriverDeleteBucketResponse{}, none},
		{"revoke", nil, &cosi.DriverRevokeBucketAccessResponse{}, none},

		{"info", nil, info("s3.example.com"), none},
		{"info, 63 characters", nil, info(strings.Repeat("x", 59) + ".com"), none},
		{"info, one character", nil, info("x"), none},
		{"info, upper case and digits", nil, info("3PAR.Example.Com"), none},
		{"info, nil", nil, (*cosi.DriverGetInfoResponse)(nil), violation{"INFO-2", "name"}},
		{"info without name", nil, info(""), violation{"INFO-2", "name"}},
		{"info, 64 characters", nil, info(strings.Repeat("x", 60) + ".com"), violation{"INFO-3", "name"}},
		{"info, underscore", nil, info(canary + "_"), violation{"INFO-3", "name"}},
		{"info, dash in front", nil, info("-" + canary), violation{"INFO-3", "name"}},
		{"info, dot behind", nil, info(canary + "."), violation{"INFO-3", "name"}},
		{"info, line feed behind", nil, info(canary + "\n"), violation{"INFO-3", "name"}},

		{"create", nil, protocol(&cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: str(most)}}}), none},
		{"create without protocol", nil, protocol(nil), none}, // that is advice
		{"create, protocol without more", nil, protocol(&cosi.Protocol{Type: &cosi.Protocol_S3{}}), none},
		{"create, azure", nil, protocol(&cosi.Protocol{Type: &cosi.Protocol_AzureBlob{AzureBlob: &cosi.AzureBlob{StorageAccount: str(most)}}}), none},
		{"create, gcs", nil, gcs(func(*cosi.GCS) {}), none},
		{"create, nil", nil, (*createR)(nil), violation{"CREATE-5", "bucket_id"}},
		{"create without id", nil, &createR{}, violation{"CREATE-5", "bucket_id"}},
		{"create, long id", nil, &createR{BucketId: str(most + 1)}, violation{"GEN-9", "bucket_id"}},
		{
			"create, long region", nil, protocol(&cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: str(most + 1)}}}),
			violation{"GEN-9", "bucket_info.s3.region"},
		},
		{
			"create, long storage account", nil,
			protocol(&cosi.Protocol{Type: &cosi.Protocol_AzureBlob{AzureBlob: &cosi.AzureBlob{StorageAccount: str(most + 1)}}}),
			violation{"GEN-9", "bucket_info.azureBlob.storage_account"},
		},
		{"create, long key name", nil, gcs(func(g *cosi.GCS) { g.PrivateKeyName = str(most + 1) }), violation{"GEN-9", "bucket_info.gcs.private_key_name"}},
		{"create, long project", nil, gcs(func(g *cosi.GCS) { g.ProjectId = str(most + 1) }), violation{"GEN-9", "bucket_info.gcs.project_id"}},
		{"create, long account", nil, gcs(func(g *cosi.GCS) { g.ServiceAccount = str(most + 1) }), violation{"GEN-9", "bucket_info.gcs.service_account"}},

		{"s3", key, s3(same), none},
		{"s3 without region", key, without("region"), none}, // that is advice
		{"s3 with more", key, s3(func(_ *grantR, s map[string]string) { s["more"] = str(1000) }), none},
		{"s3 without account", key, s3(func(r *grantR, _ map[string]string) { r.AccountId = "" }), violation{"GRANT-6", "account_id"}},
		{"grant, nil", key, (*grantR)(nil), violation{"GRANT-6", "account_id"}},
		{"s3, long account", key, s3(func(r *grantR, _ map[string]string) { r.AccountId = str(most + 1) }), violation{"GEN-9", "account_id"}},
		{"no credentials", key, s3(func(r *grantR, _ map[string]string) { r.Credentials = nil }), violation{"GRANT-7", "credentials"}},
		{"two credentials", key, s3(func(r *grantR, _ map[string]string) {
			r.Credentials["azure"] = r.GetCredentials()["s3"]
		}), violation{"GRANT-7", "credentials"}},
		{"unknown credentials", key, s3(func(r *grantR, _ map[string]string) {
			r.Credentials = map[string]*cosi.CredentialDetails{canary: r.GetCredentials()["s3"]}
		}), violation{"GRANT-8", "credentials"}},
		{"nil credentials", key, s3(func(r *grantR, _ map[string]string) {
			r.Credentials["s3"] = nil
		}), violation{"GRANT-9", `credentials["s3"].accessKeyID`}},
		{"s3 without key", key, without("accessKeyID"), violation{"GRANT-9", `credentials["s3"].accessKeyID`}},
		{"s3 without secret", key, without("accessSecretKey"), violation{"GRANT-9", `credentials["s3"].accessSecretKey`}},
		{"s3 without endpoint", key, without("endpoint"), violation{"GRANT-9", `credentials["s3"].endpoint`}},
		{"s3, IAM, without key", iam, without("accessKeyID"), none},
		{"s3, IAM, nothing", iam, s3(func(r *grantR, _ map[string]string) { r.Credentials["s3"] = nil }), none},
		{"s3, IAM, no account", iam, s3(func(r *grantR, _ map[string]string) { r.AccountId = "" }), violation{"GRANT-6", "account_id"}},
		{"s3, IAM, no credentials", iam, s3(func(r *grantR, _ map[string]string) { r.Credentials = nil }), violation{"GRANT-7", "credentials"}},
		{"s3, request unknown", nil, without("accessKeyID"), none},
		{"s3, too large", key, s3(func(_ *grantR, s map[string]string) { s["more"] = str(mostMap) }), violation{"GEN-9", `credentials["s3"]`}},

		{"azure", key, azure(func(map[string]string) {}), none},
		{"azure without expiry", key, azure(func(s map[string]string) { delete(s, "expiryTs") }), none},
		{"azure, long token", key, azure(func(s map[string]string) { s["accessToken"] = str(1000) }), none},
		{"azure without token", key, azure(func(s map[string]string) { s["accessToken"] = "" }), violation{"GRANT-10", `credentials["azure"].accessToken`}},
		{"azure, IAM, without token", iam, azure(func(s map[string]string) { delete(s, "accessToken") }), none},
		{"azure, RFC 3339", key, expiry("2031-02-03T04:05:06Z"), violation{"GRANT-10", `credentials["azure"].expiryTs`}},
		{"azure, canary", key, expiry(canary), violation{"GRANT-10", `credentials["azure"].expiryTs`}},
		{"azure, empty expiry", key, expiry(""), violation{"GRANT-10", `credentials["azure"].expiryTs`}},
		{"azure, IAM, RFC 3339", iam, expiry("2031-02-03T04:05:06Z"), violation{"GRANT-10", `credentials["azure"].expiryTs`}},
		{"azure, too large", key, azure(func(s map[string]string) { s["accessToken"] = str(mostMap) }), violation{"GEN-9", `credentials["azure"]`}},
	} {
		found.of(tc.response, rules.Response(tc.request, tc.response))
		t.Run(tc.name, func(t *testing.T) {
			tc.want.compare(t, rules.Response(tc.request, tc.response))
			if tc.want == none {
				free(t, func() *rules.Violation { return rules.Response(tc.request, tc.response) })
			}
		})
	}
	found.compare(t, rules.ResponseRules, rules.NoResult)
}

// TestText holds the texts that are made of numbers and layouts, as callers read them.
func TestText(t *testing.T) {
	t.Parallel()
	key := &grantQ{AuthenticationType: cosi.AuthenticationType_Key}
	for want, violation := range map[string]*rules.Violation{
		"name is required (CREATE-2)":                  rules.Request(&createQ{}),
		"name has 129 bytes; want at most 128 (GEN-9)": rules.Request(&createQ{Name: str(most + 1)}),
		"credentials has 0 entries, not one (GRANT-7)": rules.Response(key, &grantR{AccountId: "a"}),
		"delete_context has 4097 bytes; want at most 4096 (GEN-9)": rules.Request(
			deletion(func(r *deleteQ) { r.DeleteContext = of(mostMap + 1) })),
		"authentication_type is 99; want 1 (Key) or 2 (IAM) (GRANT-3)": rules.Request(
			grant(func(r *grantQ) { r.AuthenticationType = 99 })),
		`credentials["azure"].expiryTs is not in the layout 2006-01-02 15:04:05.999999999 -0700 MST (GRANT-10)`: rules.Response(
			key, azure(func(s map[string]string) { s["expiryTs"] = "2031-02-03T04:05:06Z" })),
	} {
		if got := violation.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestResponseTakesAnyZone checks that an expiry is valid in every time zone, independently of the machine's.
func TestResponseTakesAnyZone(t *testing.T) {
	t.Parallel()
	key := &grantQ{AuthenticationType: cosi.AuthenticationType_Key}
	for _, value := range []string{"2031-02-03 04:05:06 +0200 CEST", "2031-02-03 04:05:06.123456789 -0300 -03", "2031-02-03 04:05:06 +0000 UTC"} {
		response := azure(func(s map[string]string) { s["expiryTs"] = value })
		if v := rules.Response(key, response); v != nil {
			t.Errorf("%s: %v", value, v)
		}
	}
}

func TestAdvice(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of parallel tests too
	none := violation{}
	same := func(*grantR, map[string]string) {}
	for _, tc := range []struct {
		name     string
		response any
		want     violation
	}{
		{"nil", nil, none},
		{"another message", &cosi.S3{}, none},
		{"info", info("s3"), none},
		{"delete", &cosi.DriverDeleteBucketResponse{}, none},
		{"create", &createR{BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{}}}, none},
		{"create without protocol", &createR{BucketId: canary}, violation{"CREATE-9", "bucket_info"}},
		{"create, empty protocol", &createR{BucketInfo: &cosi.Protocol{}}, violation{"CREATE-9", "bucket_info"}},
		{"s3", s3(same), none},
		{
			"s3 without region", s3(func(_ *grantR, s map[string]string) { delete(s, "region") }),
			violation{"GRANT-9", `credentials["s3"].region`},
		},
		{"azure", azure(func(map[string]string) {}), none},
		{"grant without credentials", &grantR{}, none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.compare(t, rules.Advice(tc.response))
			if tc.want == none {
				free(t, func() *rules.Violation { return rules.Advice(tc.response) })
			}
		})
	}
}
