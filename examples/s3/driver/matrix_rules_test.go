package driver_test

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// class is what faults have in common as far as the driver's answer is concerned.
type class int

const (
	noConnection class = iota
	cutAnswer
	slowAnswer
	truncatedAnswer
	notTheStore
	tooMuch
	silent
	wrongRegion
	sentAway
	keyRefused
	busy
	busyUntold
	bucketExists
	bucketNotEmpty
	inProgress
	unmodifiable
	deleteConflict
	userExists
	userHasBuckets
	userMissing
	overQuota
	itemBusy
	itemDenied
	itemLocked
	itemUnknown
	itemStays
	anotherUser
	keyless
	dropsBucketTags
	dropsUserTags
)

// cell is one fault at one request of one call.
type cell struct {
	call      sidecarCall
	request   int
	operation string
	fault     matrixFault
	once      bool // the fault is gone after that one request
}

func (c cell) String() string {
	mode := "from there on"
	if c.once {
		mode = "once"
	}
	return fmt.Sprintf("%s, request %d (%s), %s, %s", c.call.name, c.request+1, c.operation, c.fault.name, mode)
}

// key finds its outcome.
func (c cell) key() string { return cellKey(c.call, c.request, c.fault, c.once) }

func cellKey(c sidecarCall, request int, f matrixFault, once bool) string {
	return fmt.Sprintf("%s|%d|%s|%t", c.name, request, f.name, once)
}

// verdict is an answer that a rule allows: a code, and words that the message must have.
type verdict struct {
	code  codes.Code
	words string
}

// The words that tell the failures of one code apart.
const (
	wordsStranger = "not the store's answer"
	wordsSilent   = "does not answer"
	wordsRegion   = "region"
)

// triedOnce is the only request that is not repeated at once: the answer that was lost had a secret in it.
const triedOnce = "CreateAccessKey"

// rule says what the driver may answer in a cell. A check of the readiness only says yes or no. It is derived from the kind of fault and of request, never from what the
// driver happens to do.
func rule(c cell) []verdict {
	if allowed := ruleOfCalls(c); !c.call.check {
		return allowed
	} else if slices.ContainsFunc(allowed, func(o verdict) bool { return o.code == codes.OK }) {
		return []verdict{{code: codes.OK}, {code: codes.Unavailable}}
	}
	return []verdict{{codes.Unavailable, "NOT_SERVING"}}
}

func ruleOfCalls(c cell) []verdict {
	ok, unavailable := verdict{code: codes.OK}, verdict{code: codes.Unavailable}
	stranger := verdict{codes.Unavailable, wordsStranger}
	overcome := c.once && c.operation != triedOnce // a second try of the same request finds a healthy store
	switch c.fault.class {
	case noConnection:
		if overcome {
			return []verdict{ok}
		}
		return []verdict{{codes.Unavailable, wordsSilent}}
	case cutAnswer, slowAnswer: // nobody can tell a connection that broke from an answer that was never finished
		allowed := []verdict{{codes.Unavailable, wordsSilent}, stranger}
		if c.once || c.fault.class == cutAnswer && bare(c.operation) { // half of nothing is the whole
			allowed = append(allowed, ok)
		}
		return allowed
	case truncatedAnswer:
		if bare(c.operation) {
			return []verdict{stranger, ok}
		}
		return []verdict{stranger}
	case notTheStore:
		return looksAgain(c, stranger)
	case tooMuch:
		return looksAgain(c, stranger)
	case silent: // where the store itself says nothing, the driver looks what came of it
		if c.once && bare(c.operation) {
			return []verdict{stranger, unavailable, {code: codes.Aborted}, ok}
		}
		return []verdict{stranger}
	case busy:
		if overcome {
			return []verdict{ok}
		}
		return []verdict{unavailable}
	case busyUntold: // whether a client waits is its own affair
		if overcome {
			return []verdict{ok, unavailable}
		}
		return []verdict{unavailable}
	default:
		return ruleOfCodes(c)
	}
}

// looksAgain allows success where a later request shows that the store has done what was asked.
func looksAgain(c cell, want verdict) []verdict {
	if c.once && c.operation == "AbortMultipartUpload" {
		return []verdict{want, {code: codes.OK}}
	}
	return []verdict{want}
}

// ruleOfCodes is for answers that are the store's, or look like it.
func ruleOfCodes(c cell) []verdict {
	ok := verdict{code: codes.OK}
	refused := verdict{code: codes.FailedPrecondition}
	aborted := verdict{code: codes.Aborted}
	switch c.fault.class {
	case wrongRegion:
		return []verdict{{codes.FailedPrecondition, wordsRegion}}
	case sentAway:
		return []verdict{{code: codes.Unavailable}}
	case keyRefused, itemDenied:
		return []verdict{{code: codes.PermissionDenied}}
	case overQuota:
		return []verdict{{code: codes.ResourceExhausted}}
	case inProgress: // on a bucket
		return onceOr(c, ok, refused)
	case unmodifiable: // a user
		return onceOr(c, ok, aborted)
	case bucketExists:
		if c.operation == "CreateBucket" && strings.HasPrefix(c.call.name, "delete") { // it is another account's
			return onceOr(c, ok, verdict{codes.FailedPrecondition, "was not made by this driver"})
		}
		if c.operation == "CreateBucket" && c.call.tags { // the driver looks whose it is
			return onceOr(c, ok, verdict{code: codes.AlreadyExists}, aborted)
		}
		if c.operation == "CreateBucket" {
			return []verdict{{code: codes.AlreadyExists}}
		}
	case bucketNotEmpty:
		if c.operation == "DeleteBucket" {
			words := "emptyOnDelete=true"
			if c.call.emptied {
				words = ""
			}
			if c.call.tags { // without them, nobody was told that it is ours
				words = "deleteUnowned=true"
			}
			return onceOr(c, ok, verdict{codes.FailedPrecondition, words}, aborted) // aborted, if the store did not show the bucket
		}
	case deleteConflict:
		if c.operation == "DeleteUser" {
			return onceOr(c, ok, refused, aborted)
		}
	case userExists:
		if c.operation == "CreateUser" {
			return onceOr(c, ok, refused, aborted)
		}
	case userHasBuckets:
		if c.operation == "RemoveUser" {
			return []verdict{{codes.FailedPrecondition, "has buckets"}}
		}
	case userMissing: // which was there a moment ago, or is to be made
		return []verdict{aborted}
	case itemBusy:
		return onceOr(c, ok, verdict{code: codes.Unavailable})
	case itemLocked:
		return []verdict{refused}
	case itemStays:
		return []verdict{{codes.FailedPrecondition, "folder/"}, ok} // objects can be deleted one by one
	case itemUnknown:
		return onceOr(c, ok, refused, verdict{code: codes.Internal}, verdict{code: codes.Unavailable})
	case dropsBucketTags:
		return []verdict{{codes.FailedPrecondition, "drops its tags"}}
	case dropsUserTags: // the driver tags it again, with its key
		return []verdict{ok}
	case keyless: // somebody took the key away
		return []verdict{{codes.FailedPrecondition, "has 0 keys"}}
	case anotherUser:
		return []verdict{{codes.Unavailable, wordsStranger}}
	default:
	}
	// A code that this request cannot be answered with: whatever the table says, but nothing that ends the call for good.
	return []verdict{refused, aborted, {code: codes.AlreadyExists}, {code: codes.Internal}, {code: codes.Unavailable}}
}

// ruleOfLag says what the driver may answer when reads lag. It waits for tags of a bucket for as long as a few reads take: a
// bucket that shows none for longer is taken for somebody else's, and stays.
func ruleOfLag(l readLag) []verdict {
	allowed := []verdict{{code: codes.OK}, {code: codes.Aborted}, {code: codes.Unavailable}}
	if l.name == bucketTags && l.reads > patientReads {
		return append(allowed, verdict{codes.AlreadyExists, "without the tag"}, verdict{codes.FailedPrecondition, "it lacks the tag"})
	}
	return allowed
}

// patientReads is how many reads the driver must wait for at least.
const patientReads = 5

// onceOr allows success where the fault is gone after one request, and the driver's own next step may find that.
func onceOr(c cell, ok verdict, want ...verdict) []verdict {
	if c.once {
		return append(want, ok)
	}
	return want
}

// judge returns what is wrong with an answer.
func judge(allowed []verdict, err error) string {
	code, message := status.Code(err), status.Convert(err).Message()
	if slices.ContainsFunc(allowed, func(o verdict) bool { return o.code == code && strings.Contains(message, o.words) }) {
		return ""
	}
	var wanted []string
	for _, o := range allowed {
		wanted = append(wanted, strings.TrimSpace(name(o.code)+" "+o.words))
	}
	return fmt.Sprintf("got %s %q; want %s", name(code), message, strings.Join(wanted, " or "))
}

// name returns a code as gRPC's documents write it.
func name(code codes.Code) string {
	return map[codes.Code]string{
		codes.OK: "OK", codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
		codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
		codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
		codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE",
		codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE",
	}[code]
}
