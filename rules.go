package gocosi

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/rules"
)

// checked refuses a request that breaks a rule, before the handler sees it.
func (ch *chain) checked(ctx context.Context, c *call) (any, error) {
	if v := rules.Request(c.request); v != nil {
		return nil, status.Error(codes.InvalidArgument, v.Error())
	}
	return c.next(ctx)
}

// vetted holds a handler's answer against the rules: one that breaks them is a failure. The error tells the rule and
// the shape of the answer, never a value in it.
func (ch *chain) vetted(c *call, response any) error {
	if v := rules.Response(c.request, response); v != nil {
		return status.Errorf(codes.Internal, "the driver's answer breaks a rule: %v", v)
	}
	if v := rules.Advice(response); v != nil {
		if _, told := ch.advised.LoadOrStore(v.Rule, true); !told {
			ch.log.Info("warning", "reason", v.Error(), "method", c.Name)
		}
	}
	return nil
}
