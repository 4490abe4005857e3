package soak_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// rpcTimeout is the driver's own deadline. It ends handlers that would run indefinitely.
const rpcTimeout = 500 * time.Millisecond

// secret marks everything that must not reach a caller.
const secret = "top-secret"

// plan tells the handler what to do, so that the caller knows the answer in advance. A request carries it in its map.
type plan struct {
	act   string
	code  codes.Code
	nonce string // unique to this call
	lasts time.Duration
}

// acts lists the acts with their weights.
var acts = map[string]int{
	"succeed": 100, "large": 12, "slow": 12, "stubborn": 6, "endless": 2, "panic": 8, "nil": 8, "hollow": 6,
	"exit": 6, "nil error": 4, "huge": 2, "garbled": 4, "bare": 8, "status": 16, "wrapped": 10, "detailed": 4, "cancelled": 2, "expired": 2,
}

// parameters writes the plan down.
func (p plan) parameters() map[string]string {
	m := map[string]string{
		"act": p.act, "code": strconv.Itoa(int(p.code)), "nonce": p.nonce, "lasts": p.lasts.String(),
	}
	if p.act == "large" {
		fillUp(m)
	}
	return m
}

// fillUp makes a map that is as large as the specification allows.
func fillUp(m map[string]string) {
	size := len("filling")
	for k, v := range m {
		size += len(k) + len(v)
	}
	m["filling"] = strings.Repeat("x", 4096-size)
}

// readPlan reads the plan that parameters wrote.
func readPlan(m map[string]string) plan {
	code, _ := strconv.Atoi(m["code"])
	lasts, _ := time.ParseDuration(m["lasts"])
	return plan{act: m["act"], code: codes.Code(code), nonce: m["nonce"], lasts: lasts}
}

// perform does what the plan says. The answer right obeys the rules, and hollow breaks them.
func perform[T any](ctx context.Context, p plan, right, hollow *T) (*T, error) {
	refusal := status.New(p.code, "refused: "+p.nonce)
	switch p.act {
	case "slow":
		return right, lasting(ctx, p.lasts)
	case "stubborn":
		time.Sleep(p.lasts) // ignores the context
	case "endless":
		<-ctx.Done()
		return nil, ctx.Err()
	case "panic":
		panic(secret + p.nonce)
	case "exit":
		runtime.Goexit()
	case "nil":
		return nil, nil
	case "nil error":
		return nil, (*nilError)(nil)
	case "hollow":
		return hollow, nil
	case "garbled":
		garble(right)
	case "huge":
		return nil, errors.New(strings.Repeat(secret, 1<<16))
	case "bare":
		return nil, errors.New(secret + p.nonce)
	case "status":
		return nil, refusal.Err()
	case "wrapped":
		return nil, fmt.Errorf(secret+": %w", refusal.Err())
	case "detailed":
		detailed, err := refusal.WithDetails(wrapperspb.String(secret))
		return nil, errors.Join(err, detailed.Err())
	case "cancelled":
		return nil, context.Canceled
	case "expired":
		return nil, context.DeadlineExceeded
	}
	return right, nil
}

// nilError is an error whose text cannot be had of a nil pointer.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// garble makes an answer one that cannot be sent.
func garble(answer any) {
	switch a := answer.(type) {
	case *cosi.DriverCreateBucketResponse:
		a.BucketInfo = &cosi.Protocol{Type: (*cosi.Protocol_S3)(nil)}
	case *cosi.DriverGrantBucketAccessResponse:
		a.AccountId = "\xff"
	}
}

// lasting waits until the time is over or ctx ends.
func lasting(ctx context.Context, lasts time.Duration) error {
	timer := time.NewTimer(lasts)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// expected returns the code, and the beginning of the message, that the caller of a method must get for a plan.
func expected(method string, p plan) (codes.Code, string) {
	neutral := method + " failed; the driver's log has the cause"
	switch p.act {
	case "endless", "expired":
		return codes.DeadlineExceeded, method + " did not end before its deadline"
	case "cancelled":
		return codes.Canceled, method + " was cancelled"
	case "panic", "exit", "nil error":
		return codes.Internal, method + " failed unexpectedly; the driver's log has the cause"
	case "nil":
		return codes.Internal, "the handler returned neither a response nor an error"
	case "hollow":
		if words := hollowMessages[method]; words != "" {
			return codes.Internal, words
		}
	case "garbled":
		if words := garbledMessages[method]; words != "" {
			return codes.Internal, words
		}
	case "bare", "huge":
		return codes.Internal, neutral
	case "status", "wrapped", "detailed":
		if code := translated(method, p); code != codes.OK {
			return code, "refused: " + p.nonce
		}
	}
	return codes.OK, ""
}

// hollowMessages lists the messages of the broken rules by method, for hollow answers. Answers of the other methods
// cannot break a rule.
var hollowMessages = map[string]string{
	"DriverCreateBucket":      "the driver's answer breaks a rule: bucket_id is required (CREATE-5)",
	"DriverGrantBucketAccess": "the driver's answer breaks a rule: credentials has 0 entries, not one (GRANT-7)",
}

// garbledMessages lists the messages about answers that cannot be sent by method.
var garbledMessages = map[string]string{
	"DriverCreateBucket":      "the driver's answer cannot be sent: bucket_info has a type that is a nil pointer",
	"DriverGrantBucketAccess": "the driver's answer cannot be sent: account_id is not valid UTF-8",
}

// translated returns the code that the caller gets for the handler's code.
func translated(method string, p plan) codes.Code {
	forgiving := method == "DriverDeleteBucket" || method == "DriverRevokeBucketAccess"
	switch {
	case p.code == codes.Unknown:
		return codes.Internal
	case p.code == codes.AlreadyExists && method == "DriverGrantBucketAccess":
		return codes.FailedPrecondition
	case p.code == codes.NotFound && p.act == "status" && forgiving:
		return codes.OK
	}
	return p.code
}

// digest identifies a request. An answer with the digest proves that the request arrived unchanged.
func digest(request proto.Message) string {
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(wire))
}

// createAnswer returns the right answer to a Create.
func createAnswer(r *cosi.DriverCreateBucketRequest) *cosi.DriverCreateBucketResponse {
	return &cosi.DriverCreateBucketResponse{BucketId: digest(r), BucketInfo: harness.S3Info()}
}

// grantAnswer returns the right answer to a Grant.
func grantAnswer(r *cosi.DriverGrantBucketAccessRequest) *cosi.DriverGrantBucketAccessResponse {
	keys := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: r.GetName(), AccessSecretKey: digest(r)}
	answer := &cosi.DriverGrantBucketAccessResponse{AccountId: digest(r), Credentials: keys.Map()}
	if r.GetParameters()["act"] == "large" {
		fillUp(answer.GetCredentials()["s3"].GetSecrets())
	}
	return answer
}
