package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
)

// fault may answer a request in the store's place; it says whether it did.
type fault func(http.ResponseWriter, *http.Request) bool

// proxy stands before Azurite.
type proxy struct {
	url     string // of the world's account
	server  *httptest.Server
	forward http.Handler
	fault   atomic.Pointer[fault]
}

func (w *world) proxy() *proxy {
	w.t.Helper()
	target, err := url.Parse(theAzurite.url)
	must(w.t, err)
	p := &proxy{forward: &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog: log.New(io.Discard, "", 0), // a caller that has gone is no news
	}}
	p.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if f := p.fault.Load(); f == nil || !(*f)(rw, r) {
			p.forward.ServeHTTP(rw, r)
		}
	}))
	w.t.Cleanup(p.server.Close)
	p.url = p.server.URL + "/" + w.name
	return p
}

func (p *proxy) set(f fault) { p.fault.Store(&f) }

func (p *proxy) mend() { p.fault.Store(nil) }

// refuse answers as the store does.
func refuse(rw http.ResponseWriter, status int, code string) bool {
	rw.Header().Set("X-Ms-Error-Code", code)
	rw.Header().Set("Content-Type", "application/xml")
	rw.WriteHeader(status)
	fmt.Fprintf(rw, `<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>detail-of-the-store</Message></Error>`, code)
	return true
}
