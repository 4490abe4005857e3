package driver_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// gate stands between a driver and the store. Unlike proxy it reads every request, and is cheap enough for thousands of cells.
type gate struct {
	handle  atomic.Pointer[func(q seen, w http.ResponseWriter, r *http.Request)]
	s3, iam *httptest.Server // on a store that has one address for all, the same
	watch   *watch
}

// shared holds the connections to the store of all gates and of all applications.
var shared = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// newGate returns the settings of a driver that reaches the store only by the gate.
func newGate(t *testing.T, watching *watch) (*gate, driver.Settings) {
	t.Helper()
	g := &gate{watch: watching}
	s := watching.store.settings(t)
	if s.Store == driver.Ceph {
		g.s3 = g.serve(t, s.Endpoint, anyService)
		g.iam = g.s3
	} else {
		g.s3, g.iam = g.serve(t, s.Endpoint, ofS3), g.serve(t, s.IAMEndpoint, ofIAM)
	}
	s.Endpoint, s.IAMEndpoint = g.s3.URL, g.iam.URL
	return g, s
}

func (g *gate) serve(t *testing.T, target string, to service) *httptest.Server {
	t.Helper()
	store, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*g.handle.Load())(g.watch.read(r, to, store.Host), w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

// between has every request dealt with by a function.
func (g *gate) between(deal func(q seen, w http.ResponseWriter, r *http.Request)) {
	g.handle.Store(&deal)
}

// fetch lets the store answer.
func (q seen) fetch(r *http.Request) answer {
	out := r.Clone(r.Context()) // with the host that the signature covers
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", q.store, ""
	response, err := shared.Do(out)
	if err != nil {
		return answer{status: http.StatusBadGateway, body: []byte(err.Error())}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{status: http.StatusBadGateway, body: []byte(err.Error())}
	}
	header := http.Header{}
	maps.Copy(header, response.Header)
	header.Del("Connection")
	if q.watch.store.nameless {
		header.Del("X-Amz-Request-Id")
	}
	return answer{status: response.StatusCode, header: header, body: body}
}
