package throttled

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	patience      = 8 * time.Second // for a request with its repeats, or for something to show; then the sidecar repeats the call
	longestPause  = time.Second     // between two repeats, unless the store asks for a longer one
	atOnce        = 8               // requests under way: the sidecar makes up to 80 calls at once
	longestAnswer = 1 << 20
)

// store sends requests to the store. It is safe for concurrent use.
type store struct {
	url                    string
	keys                   map[string]string // files with the driver's key, by tenant
	client                 *http.Client
	patience, longestPause time.Duration

	slots chan struct{} // has an element for each request under way
}

func newStore(url string) *store {
	follow := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a redirect would carry the key away
	return &store{
		url: url, keys: map[string]string{}, slots: make(chan struct{}, atOnce), patience: patience, longestPause: longestPause,
		client: &http.Client{Timeout: patience / 2, CheckRedirect: follow},
	}
}

// request is one of the store's API. What is sent twice must end as if it was sent once.
type request struct {
	tenant, method, path string
	ifMatch              string // version on which the request depends
	body                 any
}

// failure is what a request met instead of a success.
type failure struct {
	code       codes.Code
	reason     string
	retryAfter time.Duration // for how long the store asks to be left alone
}

func (f *failure) Error() string { return f.reason }

// GRPCStatus makes the failure the call's answer.
func (f *failure) GRPCStatus() *status.Status { return status.New(f.code, f.reason) }

// meanings says what the store's codes mean to the sidecar. Only the store itself answers with a code.
//
//nolint:gochecknoglobals // a table that nothing changes
var meanings = map[string]failure{
	"NoSuchBucket":   {code: codes.NotFound, reason: "the bucket does not exist"},
	"NoSuchKey":      {code: codes.NotFound, reason: "the access does not exist"},
	"BucketExists":   {code: codes.AlreadyExists, reason: "the bucket exists"},
	"BucketNotEmpty": {code: codes.FailedPrecondition, reason: "the bucket holds objects; delete them first"},
	"KeyDiffers":     {code: codes.FailedPrecondition, reason: "the access was granted with other parameters"},
	"Changed":        {code: codes.Aborted, reason: "somebody changed the bucket meanwhile"},
	"QuotaExceeded":  {code: codes.ResourceExhausted, reason: `quota "buckets" is used up, and nothing was created; the store's administrator can raise it`},
	"BadKey":         {code: codes.PermissionDenied, reason: "the store refuses the driver's own key"},
	"SlowDown":       {code: codes.Unavailable, reason: "the store asks for fewer requests"},
}

// do sends a request until the store answers it, within bounds, and reads a success into out.
func (s *store) do(ctx context.Context, r request, out any) error {
	return s.repeat(ctx, func() (bool, error) {
		err := s.authorized(ctx, r, out)
		return status.Code(err) == codes.Unavailable, err
	})
}

// await looks until the store shows something. What it does not show may be there: reads lag behind writes.
func (s *store) await(ctx context.Context, look func() (shown bool, err error)) error {
	return s.repeat(ctx, func() (bool, error) {
		if shown, err := look(); shown || err != nil {
			return false, err
		}
		return true, &failure{code: codes.Aborted, reason: "the store does not show yet what was written; nothing was changed"}
	})
}

// repeat tries until there is no reason to try again, or no time. Its bound is shorter than the sidecar's patience, which has
// none, and than the call's: a call that waits holds its bucket and a worker of the sidecar.
func (s *store) repeat(ctx context.Context, try func() (again bool, err error)) error {
	end := time.Now().Add(s.patience)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	for pause := s.longestPause / 16; ; pause = min(2*pause, s.longestPause) {
		again, err := try()
		wait := pause/2 + rand.N(pause/2) //nolint:gosec // spreads calls that failed together
		if failed, ok := errors.AsType[*failure](err); ok {
			wait = max(wait, failed.retryAfter)
		}
		if !again || time.Now().Add(wait).After(end) {
			return err // at once: to wait for the deadline would tell the caller less
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// authorized sends a request once, with the tenant's key. One that is refused may have been replaced a moment ago.
func (s *store) authorized(ctx context.Context, r request, out any) error {
	key, err := s.key(r.tenant)
	if err != nil {
		return err
	}
	err = s.send(ctx, r, key, out)
	if status.Code(err) != codes.PermissionDenied {
		return err
	}
	if newer, keyErr := s.key(r.tenant); keyErr == nil && newer != key {
		err = s.send(ctx, r, newer, out)
	}
	if failed, ok := errors.AsType[*failure](err); ok && failed.code == codes.PermissionDenied {
		failed.reason += ": file " + s.keys[r.tenant]
	}
	return err
}

// key reads the driver's key for a tenant. A mounted Secret changes while the driver runs, so nobody keeps the key.
func (s *store) key(tenant string) (string, error) {
	text, err := os.ReadFile(s.keys[tenant])
	key := strings.TrimSpace(string(text))
	if err != nil || key == "" || strings.ContainsAny(key, "\r\n") {
		return "", &failure{code: codes.PermissionDenied, reason: fmt.Sprintf("tenant %s: want the driver's key in the file %s, on one line", tenant, s.keys[tenant])}
	}
	return key, nil
}

func (s *store) send(ctx context.Context, r request, key string, out any) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	body, err := json.Marshal(r.body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, r.method, s.url+"/tenants/"+r.tenant+r.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	if r.ifMatch != "" {
		request.Header.Set("If-Match", r.ifMatch)
	}
	response, err := s.client.Do(request)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &failure{code: codes.Unavailable, reason: "the store does not answer"}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return &failure{code: codes.Unavailable, reason: "the store's answer was cut off"}
	}
	return read(r.tenant, response, text, out)
}

// read takes an answer apart. A proxy answers too, with a page: whatever is not the store's own is no success and no absence.
func read(tenant string, response *http.Response, text []byte, out any) error {
	var own struct {
		Code string `json:"code"`
	}
	err := json.Unmarshal(text, &own)
	switch found, known := meanings[own.Code]; {
	case err == nil && known:
		found.reason = "tenant " + tenant + ": " + found.reason
		seconds, _ := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16)
		found.retryAfter = time.Duration(seconds) * time.Second
		return &found
	case err == nil && own.Code == "OK" && json.Unmarshal(text, out) == nil:
		return nil
	}
	return &failure{code: codes.Unavailable, reason: fmt.Sprintf("not the store's answer: HTTP %d", response.StatusCode)}
}
