package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/doomshrine/gocosi/examples/s3/internal/loopback"
)

// patience is how long a service may take to start.
const patience = 30 * time.Second

// await asks a service for its health until it answers, or has ended.
func await(ctx, running context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := loopback.Await(ctx, running, endpoint+health); err != nil {
		return fmt.Errorf("await the store: %w", err)
	}
	return nil
}
