package hook

import (
	"cmp"
	"context"
	"crypto/rand"
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
	name := "foreign-" + strings.ToLower(rand.Text())
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

func (c command) newForeign(ctx context.Context, name string) (answer foreignAnswer, err error) {
	r, err := c.do(ctx, foreignRequest{"make", name})
	if err != nil {
		return answer, err
	}
	return answer, c.read(r, &answer, `{"id": TEXT, "deleteContext": {KEY: TEXT}}, both of which may be left out`)
}

// removeForeign removes the bucket also when the run was given up.
func (c command) removeForeign(ctx context.Context, name string) error {
	_, err := c.do(context.WithoutCancel(ctx), foreignRequest{"remove", name})
	return err
}
