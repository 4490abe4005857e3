package driver

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// How often a request is tried, and how long the pause before the next time is at most. The sidecar repeats the call.
const (
	attempts = 3
	pause    = time.Second
	// longestRetryAfter is the longest pause that a store may ask for; one that wants more is asked again by the sidecar.
	longestRetryAfter = 5 * time.Second
)

// pace is how long the driver waits for its store, and for how much. Tests shorten it.
type pace struct {
	longest  time.Duration // of each wait; 0: as it is
	patience time.Duration // of each request; 0: patienceAnswer
	answer   int64         // bytes of each answer; 0: longestAnswer
}

func (p pace) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(p.limit(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// overdue returns an error if a call has ended. It asks the clock: when a process that was paused wakes, the timer of its context may
// not have run, and another process may have ended by now what the next request would make.
func overdue(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func (p pace) limit(d time.Duration) time.Duration {
	if p.longest > 0 {
		return min(d, p.longest)
	}
	return d
}

// The pauses between two looks at what a store does not show yet: seven looks in a little more than a second.
const (
	firstWait = 20 * time.Millisecond
	lastWait  = 640 * time.Millisecond
)

// await looks again and again until the store shows something, and says whether it did: reads may lag behind writes.
func (p pace) await(ctx context.Context, look func() (shown bool, err error)) (bool, error) {
	for wait := firstWait; ; wait *= 2 {
		if shown, err := look(); shown || err != nil || wait > lastWait {
			return shown, err
		}
		if err := p.wait(ctx, wait); err != nil {
			return false, err
		}
	}
}

// retryer tries again what passes by itself, when the store says that it will.
type retryer struct {
	*retry.Standard

	pace pace
}

func newRetryer(p pace) *retryer {
	return &retryer{pace: p, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, pause
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(patient)}, o.Retryables...)
		o.Retryables = append(o.Retryables, retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{
			http.StatusTooManyRequests: {}, http.StatusRequestTimeout: {},
		}})
	})}
}

// patient refuses to wait for a store that asks for more than a call can give.
func patient(err error) aws.Ternary {
	if _, after := askedToWait(err); after > longestRetryAfter {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// RetryDelay returns what the store asks for, or else what the SDK chooses.
func (r *retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	delay, fault := r.Standard.RetryDelay(attempt, err)
	if asked, after := askedToWait(err); asked {
		delay = after
	}
	return r.pace.limit(delay), fault
}

// askedToWait reads the header Retry-After of an answer.
func askedToWait(err error) (asked bool, after time.Duration) {
	header := retryAfter(err)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return true, time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return true, max(0, time.Until(date))
	}
	return false, 0
}
