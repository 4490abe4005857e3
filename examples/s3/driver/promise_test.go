package driver_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// fewTries is how many calls may fail after the store became healthy.
const fewTries = 6

// ended deals with the answer to a call.
func (l *life) ended(c *call) {
	code, message := codeOf(c.err)
	l.tell("call %d to driver %d, %s: %s %s", c.number, c.process.number, c.op.name, code, message)
	l.keepsSecrets(c)
	if c.process.dead {
		return
	}
	final := code == c.op.wants && strings.Contains(message, c.op.words)
	switch {
	case final && c.err == nil:
		c.op.succeeds(c, c.answer)
	case c.err == nil:
		l.fail("%s is OK, want %s", c.op.name, c.op.wants)
	case !final:
		l.checkCode(c, code)
	case c.op.wants != codes.OK && l.plan.drops && !l.bucket.made && len(l.store.BucketNames()) > 0:
		l.fail("%s leaves the bucket: %s", c.op.name, message)
	}
	if c.old {
		return
	}
	c.op.done = final
	c.op.tries++
	if !l.trouble.on {
		c.op.healthy++
	}
	if !final && c.op.healthy > fewTries {
		l.fail("%s does not heal: %v", c.op.name, c.err)
	}
	if !final && c.op.tries >= l.trouble.patience && l.trouble.on {
		l.tell("the store is healthy")
		l.trouble.on = false
	}
}

// codeOf returns what gocosi answers for an error, but for masking.
func codeOf(err error) (codes.Code, string) {
	var with interface{ GRPCStatus() *status.Status }
	switch {
	case err == nil:
		return codes.OK, ""
	case errors.As(err, &with):
		return with.GRPCStatus().Code(), with.GRPCStatus().Message()
	case errors.Is(err, context.Canceled):
		return codes.Canceled, err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded, err.Error()
	}
	return codes.Internal, err.Error()
}

// checkCode refuses codes that a fault of the store never has, and those that say something untrue of a store that only lags.
func (l *life) checkCode(c *call, code codes.Code) {
	allowed := []codes.Code{codes.Aborted, codes.Unavailable, codes.ResourceExhausted}
	if c.faults > 0 {
		allowed = append(allowed, codes.FailedPrecondition, codes.PermissionDenied)
	}
	if c.cancelled {
		allowed = append(allowed, codes.Canceled, codes.DeadlineExceeded)
	}
	if strings.HasPrefix(c.op.name, "grant") {
		allowed = append(allowed, codes.NotFound) // the bucket does not show yet
	}
	late := l.trouble.on && strings.Contains(fmt.Sprint(c.err), "or its list is late") // which says both, as nobody can tell
	if !slices.Contains(allowed, code) && !late {
		l.fail("%s is answered with %s: %v", c.op.name, code, c.err)
	}
}

// keepsSecrets looks for secrets in what a call said.
func (l *life) keepsSecrets(c *call) {
	texts := c.logged
	if c.err != nil {
		texts = append(texts, c.err.Error(), fmt.Sprintf("%+v", c.err))
	}
	secrets := append(l.store.Secrets(), ownSecret, l.sealKey)
	for _, text := range texts {
		for _, secret := range secrets {
			if strings.Contains(text, secret[:12]) || strings.Contains(text, secret[len(secret)-12:]) {
				l.fail("%s tells a secret: %s", c.op.name, text)
			}
		}
	}
}

// delivered notes the key that a grant answers with.
func (l *life) delivered(c *call, a *accountState, answer *cosi.DriverGrantBucketAccessResponse) {
	l.tally.grants++
	secrets := secretsOf(answer.GetCredentials())
	id, secret := secrets["accessKeyID"], secrets["accessSecretKey"]
	if owner := l.store.Owner(id, secret); owner != a.name || answer.GetAccountId() != a.name {
		l.fail("%s answers with key %s, which is one of %q", c.op.name, id, owner)
	}
	if a.last != "" && a.last != id {
		l.tally.twoKeys++
		if !a.wokeOld {
			l.fail("%s answers with key %s, and answered with %s before", c.op.name, id, a.last)
		}
	}
	a.last = id
	a.delivered[id] = secret
}

// check looks at what was promised. It holds at every moment.
func (l *life) check() {
	if l.wrong != "" {
		return
	}
	for _, a := range l.accounts {
		l.checkAccount(a)
	}
	b, there := l.store.Bucket(l.bucket.name)
	switch {
	case l.bucket.deleted && there:
		l.fail("the bucket is there, and its deletion was answered with OK")
	case !l.bucket.made || l.bucket.deleting:
	case !there:
		l.fail("the bucket is gone, and nobody asked for that")
	case !l.plan.entered && b.Tags["cosi/owner"] != driver.Name:
		l.fail("the bucket is not tagged as the driver's: %v", b.Tags)
	case !l.plan.entered && b.Versioning != l.plan.versioning:
		l.fail("the bucket keeps versions: %t", b.Versioning)
	}
}

func (l *life) checkAccount(a *accountState) {
	user, there := l.store.User(a.name)
	if a.revoked && there {
		l.fail("%s was revoked, and has keys %v and policies %v", a.name, user.Keys, slices.Sorted(maps.Keys(user.Policies)))
	}
	if a.revoking {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(a.delivered)) {
		switch {
		case l.store.Owner(id, a.delivered[id]) != a.name:
			l.fail("key %s was delivered for %s, and is gone", id, a.name)
		case !l.store.May(id, "s3:GetBucketLocation", "arn:aws:s3:::"+l.bucket.name):
			l.fail("key %s was delivered for %s, and opens nothing", id, a.name)
		}
	}
}
