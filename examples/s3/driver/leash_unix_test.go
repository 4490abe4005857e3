//go:build unix

package driver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
)

// leash holds a process that reaches its store by a proxy, so that it can be paused at one of its requests.
type leash struct {
	process *process
	proxy   *proxy
	caller  caller
}

// stop is a request at which the process stops.
type stop struct {
	leash   *leash
	request int64
	after   bool // the store has it by then
	count   atomic.Int64

	reached chan error    // gets one, when the process stands
	resume  chan struct{} // closed when the request is to go on
	sent    chan struct{} // closed when its answer is on the way to the process
	created bool          // what the call creates has reached the store; set before reached
}

// at makes the process stop at a request, counted from now on. While it stands, nothing that it has sent or not yet read moves.
func (l *leash) at(request int, after bool) *stop {
	s := &stop{leash: l, request: int64(request), after: after, reached: make(chan error, 1), resume: make(chan struct{}), sent: make(chan struct{})}
	l.proxy.do(s.interfere)
	return s
}

// started says whether a request of the call had reached the store.
func (s *stop) started() bool { return s.after || s.request > 1 }

// sentMore says whether the call went on when it woke, instead of answering what it had done before.
func (s *stop) sentMore() bool { return !s.after || s.count.Load() > s.request }

// free lets everything pass again.
func (l *leash) free() { l.proxy.undo() }

func (s *stop) interfere(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	n := s.count.Add(1)
	if n > s.request {
		forward.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	if n < s.request || s.after {
		forward.ServeHTTP(answer, r)
		s.created = s.created || creates(r, body)
	}
	if n == s.request {
		s.reached <- errors.Join(err, s.leash.process.pause())
		select {
		case <-s.resume:
		case <-r.Context().Done(): // its call has ended
			return
		}
		if !s.after {
			forward.ServeHTTP(answer, r)
		}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
	if n == s.request {
		_ = http.NewResponseController(w).Flush()
		close(s.sent)
	}
}

// creates says whether a request makes a bucket or a user.
func creates(r *http.Request, body []byte) bool {
	return r.Method == http.MethodPut && r.URL.RawQuery == "" || strings.Contains(string(body), "Action=CreateUser&")
}

// loseKey ends a grant of the process when the store has made its key, and nobody has seen that.
func (l *leash) loseKey(ctx context.Context, life *pausedLife) error {
	const keyMade = 3
	s := l.at(keyMade, true)
	defer l.free()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = l.caller.tryGrant(ctx, life.bucket, life.account(), nil)
	}()
	err := <-s.reached
	cancel()
	err = errors.Join(err, l.process.wake())
	<-ended
	if keys := life.keys(); err == nil && keys != 1 {
		err = fmt.Errorf("half a grant leaves %d keys, want 1", keys)
	}
	return err
}
