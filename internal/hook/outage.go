package hook

import "context"

type doRequest struct {
	Do string `json:"do"`
}

// outage takes the store away, or gives it back: the latter also when the run was given up.
func (c command) outage(ctx context.Context, begin bool) error {
	request := doRequest{"begin"}
	if !begin {
		ctx, request = context.WithoutCancel(ctx), doRequest{"end"}
	}
	_, err := c.do(ctx, request)
	return err
}
