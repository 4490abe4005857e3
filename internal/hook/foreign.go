package hook

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/doomshrine/gocosi/cositest"
)

type foreignRequest struct {
	Do   string `json:"do"` // make, exists or remove
	Name string `json:"name"`
}

type foreignAnswer struct {
	ID            string            `json:"id"` // "": the name
	DeleteContext map[string]string `json:"deleteContext"`
}

// makeForeign lets the command make a bucket by a name that nobody else has.
func (c command) makeForeign(ctx context.Context) (cositest.Foreign, error) {
	name := foreignName()
	remove := func(ctx context.Context) error { return c.removeForeign(ctx, name) }
	answer, err := c.newForeign(ctx, name)
	if err != nil { // it may be there all the same
		if left := remove(ctx); left != nil {
			err = fmt.Errorf("%w; and whether bucket %s is there, nobody knows: %w", err, name, left)
		}
		return cositest.Foreign{}, err
	}
	return cositest.Foreign{
		Name: name, ID: cmp.Or(answer.ID, name), DeleteContext: answer.DeleteContext, Remove: remove,
		Exists: func(ctx context.Context) (bool, error) {
			r, err := c.run(ctx, foreignRequest{"exists", name})
			return r.yes, err
		},
	}, nil
}

func foreignName() string { return "foreign-" + strings.ToLower(rand.Text()) }

// newForeign makes the bucket, if the command can tell a bucket that exists from one that does not.
func (c command) newForeign(ctx context.Context, name string) (answer foreignAnswer, err error) {
	r, err := c.do(ctx, foreignRequest{"make", name})
	if err != nil {
		return answer, err
	}
	if err := c.read(r, &answer, `{"id": TEXT, "deleteContext": {KEY: TEXT}}, both of which may be left out`); err != nil {
		return answer, err
	}
	return answer, c.knowsNone(ctx)
}

// knowsNone returns an error for a command that says that a bucket exists which nobody made.
func (c command) knowsNone(ctx context.Context) error {
	r, err := c.run(ctx, foreignRequest{"exists", foreignName()})
	if err == nil && r.yes {
		err = errors.New("the command says that a bucket exists that nobody made; want exit code 1")
	}
	return err
}

// removeForeign removes the bucket also when the run was given up.
func (c command) removeForeign(ctx context.Context, name string) error {
	_, err := c.do(context.WithoutCancel(ctx), foreignRequest{"remove", name})
	return err
}
