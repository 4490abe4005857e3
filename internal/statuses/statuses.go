// Package statuses finds the gRPC status in an error, and makes of it what a caller may have.
package statuses

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/doomshrine/gocosi/internal/bound"
)

// AsSent gives an error that is no status the code that gRPC would send for it.
func AsSent(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.FromContextError(err).Err()
}

// Bounded keeps a status within what clients take for headers.
func Bounded(err error) error {
	st := status.Convert(err)
	if proto.Size(st.Proto()) <= bound.Status {
		return err
	}
	return status.Error(st.Code(), bound.Cut(st.Message(), bound.Text))
}

// Of returns the status that an error is, or wraps; nil when there is none. A status that says OK does not count.
func Of(err error) (st *status.Status, wrapped bool) {
	if err == nil {
		return nil, false
	}
	var h holder
	if !errors.As(err, &h) {
		return nil, false
	}
	if st = h.GRPCStatus(); st.Code() == codes.OK {
		return nil, false
	}
	_, direct := err.(holder) // the question is what err itself is
	return st, !direct
}

// holder is an error with a status.
type holder interface{ GRPCStatus() *status.Status }

// Canonical drops the details of a status, replaces UNKNOWN and codes that gRPC does not define by INTERNAL, and fills in
// a missing message.
func Canonical(st *status.Status) *status.Status {
	code, message := st.Code(), st.Message()
	if code == codes.Unknown || code > codes.Unauthenticated {
		code = codes.Internal
	}
	if message == "" {
		message = fmt.Sprintf("the driver answered %s without a reason", st.Code())
	}
	return status.New(code, message)
}
