package lifecycle

import (
	"fmt"

	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/internal/foreign"
)

// TryOptions makes a server that serves nothing: gRPC panics at options that do not go together.
func TryOptions(options []grpc.ServerOption) error {
	err := foreign.Try(func() error {
		grpc.NewServer(options...).Stop()
		return nil
	})
	if err != nil {
		return fmt.Errorf("WithServerOptions: %w", err)
	}
	return nil
}
