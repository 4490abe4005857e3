package driver_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// proxy stands between a driver and the store, and gets in the way.
type proxy struct {
	interfere atomic.Pointer[interference]
	s3, iam   *httptest.Server
}

// interference deals with a request: it answers, or lets forward do that.
type interference func(w http.ResponseWriter, r *http.Request, forward http.Handler)

// behindProxy returns the settings of a driver that reaches the store only by the proxy.
func behindProxy(t *testing.T, store gateway.Store) (*proxy, driver.Settings) {
	t.Helper()
	p := &proxy{}
	p.undo()
	p.s3, p.iam = p.serve(t, store.Endpoint), p.serve(t, store.IAMEndpoint)
	s := settings(t, store)
	s.Endpoint, s.IAMEndpoint = p.s3.URL, p.iam.URL
	return p, s
}

func (p *proxy) serve(t *testing.T, target string) *httptest.Server {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // which the signature covers
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*p.interfere.Load())(w, r, forward)
	}))
	t.Cleanup(server.Close)
	return server
}

func (p *proxy) do(i interference) { p.interfere.Store(&i) }

// undo lets everything pass.
func (p *proxy) undo() {
	p.do(func(w http.ResponseWriter, r *http.Request, forward http.Handler) { forward.ServeHTTP(w, r) })
}

// cut lets the given number of requests pass, and no answer to what comes then: the first of these may reach the store all
// the same. It calls back when it begins to cut.
func (p *proxy) cut(after int, reaches bool, cutting func()) {
	var count atomic.Int64
	p.do(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		n := int(count.Add(1)) - 1
		switch {
		case n < after:
			forward.ServeHTTP(w, r)
			return
		case n == after && reaches:
			forward.ServeHTTP(httptest.NewRecorder(), r)
		}
		cutting()
		panic(http.ErrAbortHandler)
	})
}

// answer gives every request the same answer, in the format of the service that it was sent to; "": without a body.
func (p *proxy) answer(status int, code string) {
	p.do(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		body := "<Error><Code>" + code + "</Code><Message>no</Message></Error>"
		switch {
		case code == "":
			body = ""
		case "http://"+r.Host == p.iam.URL:
			body = "<ErrorResponse>" + body + "</ErrorResponse>"
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}
