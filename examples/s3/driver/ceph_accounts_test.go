package driver_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/examples/s3/driver"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// Two creations of a user at the same moment both succeed, and only the last one's key lives.
func TestCephKeyThatWasReplaced(t *testing.T) {
	t.Parallel()
	store, s := newCephFake(t)
	once := true
	store.between = func(request string) http.HandlerFunc {
		if request == "PutUserPolicy" && once {
			once = false
			for id, user := range store.users {
				store.users[id] = store.newUser(id, user.DisplayName)
			}
		}
		return nil
	}
	c := connect(t, s)
	_, err := c.tryGrant(t.Context(), "bucket", "ba-1", nil)
	expect(t, err, codes.Aborted, "somebody else")
	granted := c.grant(t, "bucket", "ba-1", nil)
	user := store.users[granted.GetAccountId()]
	if got := secretsOf(granted.GetCredentials()); user == nil || got["accessSecretKey"] != user.Keys[0]["secret_key"] {
		t.Errorf("granted was the key %s, and the store has %v", got["accessKeyID"], user)
	}
}

// A policy that is put at the same moment brings a removed user back.
func TestCephUserThatComesBack(t *testing.T) {
	t.Parallel()
	store, s := newCephFake(t)
	c := connect(t, s)
	account := c.grant(t, "bucket", "ba-1", nil).GetAccountId()
	before, removed := maps.Clone(store.users), 0
	store.between = func(request string) http.HandlerFunc {
		if request == "RemoveUser" {
			if removed++; removed == 2 {
				store.users = before
			}
		}
		return nil
	}
	c.revoke(t, "bucket", account)
	if len(store.users) > 0 || removed != 3 {
		t.Errorf("left are %v after %d removals", store.users, removed)
	}
}

// The id of an account tells owner and bucket, so that nobody else's is touched.
func TestCephAccountsOfOthers(t *testing.T) {
	t.Parallel()
	store, s := newCephFake(t)
	c := connect(t, s)
	first := c.grant(t, "bucket", "ba-1", nil).GetAccountId()
	other := c.grant(t, "other", "ba-1", nil).GetAccountId()
	s.Owner = "another.example.com"
	another := c.grant(t, "bucket", "ba-2", nil).GetAccountId()
	stranger := "ba-3"
	store.users[stranger] = store.newUser(stranger, "a person")
	theirs := connect(t, s)
	theirs.revoke(t, "bucket", another)
	for _, id := range []string{first, stranger} {
		c.revoke(t, "other", id)
	}
	want := []string{another, first, other, stranger}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(store.users)); !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
	c.revoke(t, "bucket", "ba-1") // its name is as good as its id
	if store.users[first] != nil {
		t.Errorf("%s is there", first)
	}
}

// A user that is not as the driver made it is not given to an application.
func TestCephUserThatWasChanged(t *testing.T) {
	t.Parallel()
	store, s := newCephFake(t)
	c := connect(t, s)
	user := store.users[c.grant(t, "bucket", "ba-1", nil).GetAccountId()]
	for words, change := range map[string]func(*cephUser){
		"2 keys":             func(u *cephUser) { u.Keys = append(u.Keys, u.Keys[0]) },
		"0 keys":             func(u *cephUser) { u.Keys = nil },
		"is suspended":       func(u *cephUser) { u.Suspended = 1 },
		"the display name":   func(u *cephUser) { u.DisplayName = "a person" },
		"was granted readon": func(u *cephUser) { u.DisplayName = strings.Replace(u.DisplayName, "readwrite", "readonly", 1) },
	} {
		before := *user
		change(user)
		_, err := c.tryGrant(t.Context(), "bucket", "ba-1", nil)
		expect(t, err, codes.FailedPrecondition, words)
		*user = before
	}
	_, err := c.tryGrant(t.Context(), "bucket", "ba-1", pair("access=writeonly"))
	expect(t, err, codes.FailedPrecondition, "was granted readwrite")
	c.grant(t, "bucket", "ba-1", nil)
}

// A user that cannot go, as somebody made it the owner of buckets, loses its access all the same.
func TestCephUserWithBuckets(t *testing.T) {
	t.Parallel()
	store, s := newCephFake(t)
	c := connect(t, s)
	account := c.grant(t, "bucket", "ba-1", nil).GetAccountId()
	store.between = func(request string) http.HandlerFunc {
		if request == "RemoveUser" {
			return cephRefusal(http.StatusConflict, "BucketAlreadyExists")
		}
		return nil
	}
	expect(t, c.tryRevoke(t.Context(), "bucket", account), codes.FailedPrecondition, "has buckets of its own")
	if store.policy {
		t.Error("the policy stays")
	}
	store.between = nil
	c.revoke(t, "bucket", account)
}

// Names are taken as they are: one that looks like another's id is another account.
func TestCephNames(t *testing.T) {
	t.Parallel()
	store, s := newCephFake(t)
	c := connect(t, s)
	_, err := c.tryGrant(t.Context(), "bucket", "ba+1", nil)
	expect(t, err, codes.InvalidArgument, "without +")
	first := c.grant(t, "bucket", "ba-1", nil).GetAccountId()
	second := c.grant(t, "bucket", first, nil).GetAccountId()
	if first == second || len(store.users) != 2 {
		t.Errorf("two names have the accounts %s and %s", first, second)
	}
}

// What is not the admin API's answer proves nothing, and nothing of a secret is told.
func TestCephAnswers(t *testing.T) {
	t.Parallel()
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	key := `{"user_id":7,"keys":[{"access_key":"K","secret_key":"` + cephSecret + `"}]}`
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		code   codes.Code
		words  string
	}{
		{"HTML", text(200, "<html>welcome</html>"), codes.Unavailable, "not the store's answer"},
		{"another JSON", text(200, `{"status":"ok"}`), codes.Unavailable, "not the store's answer"},
		{"a user that cannot be read", text(200, key), codes.Unavailable, "not the store's answer"},
		{"half a user", text(200, key[:60]), codes.Unavailable, "not the store's answer"},
		{"nothing", text(204, ""), codes.Unavailable, "not the store's answer"},
		{"404 of a gateway", text(404, `{"Code":"NoSuchUser","message":"no route"}`), codes.Unavailable, "not the store's answer"},
		{"an error without the store's name", text(404, `{"Code":"NoSuchUser","RequestId":"tx1"}`), codes.Unavailable, "not the store's answer"},
		{"an endless body", text(200, strings.Repeat(" ", 1<<20)), codes.Unavailable, "more than"},
		{"403", cephRefusal(403, "AccessDenied"), codes.PermissionDenied, "to the driver's own key"},
		{"a wrong key", cephRefusal(403, "InvalidAccessKeyId"), codes.PermissionDenied, "to the driver's own key"},
		{"503", cephRefusal(503, "SlowDown"), codes.Unavailable, "SlowDown"},
		{"a redirect", text(307, ""), codes.FailedPrecondition, "the region"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			store, s := newCephFake(t)
			c := connect(t, s)
			account := c.grant(t, "bucket", "ba-1", nil).GetAccountId()
			for _, fails := range []string{"CreateUser", "GetUser", "RemoveUser"} {
				store.between = func(request string) http.HandlerFunc {
					if request == fails {
						return row.answer
					}
					return nil
				}
				_, err := c.tryGrant(t.Context(), "bucket", "ba-1", nil)
				if fails == "RemoveUser" {
					err = c.tryRevoke(t.Context(), "bucket", account)
				}
				expect(t, err, row.code, row.words)
				if strings.Contains(status.Convert(err).Message(), cephSecret[:6]) {
					t.Errorf("the message holds a secret: %v", err)
				}
			}
			store.between = nil
			c.grant(t, "bucket", "ba-1", nil)
		})
	}
}

// The readiness names what the driver's own user lacks, and a store of the other kind.
func TestCephReadiness(t *testing.T) {
	t.Parallel()
	store, s := newCephFake(t)
	var log lockedBuffer
	logger := logr.FromSlogHandler(slog.NewJSONHandler(&log, nil))
	check := func(t *testing.T, s driver.Settings, want healthpb.HealthCheckResponse_ServingStatus, words string) {
		t.Helper()
		log.reset()
		conn, _ := start(t, s, gocosi.WithLogger(logger))
		response, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if got := response.GetStatus(); got != want || !strings.Contains(log.String(), words) {
			t.Errorf("%s, and the log has\n%s\nwant %s and %q", got, log.String(), want, words)
		}
	}
	check(t, s, healthpb.HealthCheckResponse_SERVING, "")
	store.tenant = "acme"
	check(t, s, healthpb.HealthCheckResponse_NOT_SERVING, "has a tenant")
	store.tenant = ""
	store.caps = store.caps[:1]
	check(t, s, healthpb.HealthCheckResponse_NOT_SERVING, "lacks the capability user-policy=*")
	s.Endpoint = embedded.Endpoint
	check(t, s, healthpb.HealthCheckResponse_NOT_SERVING, "is no Ceph")

	other := settings(t, embedded)
	ceph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMethodNotAllowed)
		fmt.Fprint(w, "<Error><Code>MethodNotAllowed</Code></Error>")
	}))
	t.Cleanup(ceph.Close)
	other.IAMEndpoint = ceph.URL
	check(t, other, healthpb.HealthCheckResponse_NOT_SERVING, "set S3_STORE=ceph")
}
