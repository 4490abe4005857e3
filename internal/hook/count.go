package hook

import (
	"context"
	"errors"
)

// count asks how many accounts the store has.
func (c command) count(ctx context.Context) (int, error) {
	const want = `{"accounts": N}`
	r, err := c.do(ctx, struct{}{})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Accounts *int `json:"accounts"`
	}
	if err := c.read(r, &answer, want); err != nil {
		return 0, err
	}
	if answer.Accounts == nil || *answer.Accounts < 0 {
		return 0, errors.New("the command's answer does not say how many accounts there are; want " + want)
	}
	return *answer.Accounts, nil
}
