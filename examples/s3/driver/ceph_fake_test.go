package driver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// cephFake answers what a driver asks of RGW about one bucket and its users, in RGW's forms. It is for what a real one cannot
// be asked to do.
type cephFake struct {
	mu      sync.Mutex
	users   map[string]*cephUser
	asked   []string
	caps    []map[string]string
	tenant  string
	policy  bool                                  // the last user has one
	between func(request string) http.HandlerFunc // answers in the store's place, or returns nil
}

type cephUser struct {
	ID          string              `json:"user_id"`
	Tenant      string              `json:"tenant"`
	DisplayName string              `json:"display_name"`
	Suspended   int                 `json:"suspended"`
	Keys        []map[string]string `json:"keys"`
	Caps        []map[string]string `json:"caps"`
}

const cephSecret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"

// newCephFake returns a store, and the settings of a driver.
func newCephFake(t *testing.T) (*cephFake, driver.Settings) {
	t.Helper()
	f := &cephFake{
		users: map[string]*cephUser{},
		caps:  []map[string]string{{"type": "users", "perm": "*"}, {"type": "user-policy", "perm": "*"}},
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	s := driver.Settings{
		Store: driver.Ceph, Endpoint: server.URL, IAMEndpoint: server.URL, ClientEndpoint: server.URL, Region: "us-east-1",
		AccessKey: "AKIADRIVER", SecretKey: "secret", Owner: driver.Name,
	}
	return f, s.Tuned(nil, time.Millisecond).Bounded(64<<10, 0)
}

func (f *cephFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request := map[string]string{"PUT": "CreateUser", "GET": "GetUser", "DELETE": "RemoveUser", "POST": "PutUserPolicy"}[r.Method]
	if r.URL.Query().Has("tagging") {
		request = "GetBucketTagging"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, request)
	w.Header().Set("X-Amz-Request-Id", "tx1-default")
	if f.between != nil {
		if answer := f.between(request); answer != nil {
			answer(w, r)
			return
		}
	}
	switch request {
	case "GetBucketTagging":
		fmt.Fprint(w, "<Tagging><TagSet></TagSet></Tagging>")
	case "PutUserPolicy":
		f.putPolicy(w, r)
	default:
		f.admin(w, r, request)
	}
}

// putPolicy takes one away, too.
func (f *cephFake) putPolicy(w http.ResponseWriter, r *http.Request) {
	f.policy = r.FormValue("Action") == "PutUserPolicy"
	if !f.policy {
		fmt.Fprint(w, "<DeleteUserPoliciesResponse></DeleteUserPoliciesResponse>")
		return
	}
	if f.users[r.FormValue("UserName")] == nil {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<?xml version="1.0"?><Error><Code>NoSuchEntity</Code><RequestId>tx1</RequestId></Error>`)
		return
	}
	fmt.Fprint(w, "<PutUserPolicyResponse></PutUserPolicyResponse>")
}

func (f *cephFake) admin(w http.ResponseWriter, r *http.Request, request string) {
	uid := r.URL.Query().Get("uid")
	user := f.users[uid]
	switch {
	case request == "GetUser" && uid == "":
		tell(w, &cephUser{ID: "cosi", Tenant: f.tenant, Caps: f.caps, Keys: []map[string]string{{"access_key": "AKIADRIVER", "secret_key": cephSecret}}})
	case request == "CreateUser" && user != nil:
		cephRefusal(http.StatusConflict, "UserAlreadyExists")(w, r)
	case request == "CreateUser":
		f.users[uid] = f.newUser(uid, r.URL.Query().Get("display-name"))
		tell(w, f.users[uid])
	case user == nil:
		cephRefusal(http.StatusNotFound, "NoSuchUser")(w, r)
	case request == "GetUser":
		tell(w, user)
	default:
		delete(f.users, uid)
	}
}

func (f *cephFake) newUser(uid, name string) *cephUser {
	return &cephUser{ID: uid, DisplayName: name, Keys: []map[string]string{{
		"user": uid, "access_key": fmt.Sprint("KEY", len(f.asked)), "secret_key": cephSecret + fmt.Sprint(len(f.asked)),
	}}}
}

func tell(w http.ResponseWriter, value any) {
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(err)
	}
}

// cephRefusal is an error of the admin API.
func cephRefusal(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"Code":%q,"RequestId":"tx1-default","HostId":"1-default-default"}`, code)
	}
}
