package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// freeAddresses finds ports of the loopback interface that nobody listens on: the store cannot choose one by itself.
func freeAddresses(ctx context.Context, count int) ([]string, error) {
	var addresses []string
	for range count {
		var lc net.ListenConfig
		lis, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer lis.Close() // at the end: else the same port could be found again
		addresses = append(addresses, lis.Addr().String())
	}
	return addresses, nil
}

// patience is how long a service may take to start.
const patience = 30 * time.Second

// await asks a service for its health until it answers, or has ended.
func await(ctx, running context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := healthy(ctx, endpoint)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-running.Done():
			return context.Cause(running)
		case <-ctx.Done():
			return fmt.Errorf("the store at %s does not answer: %w", endpoint, err)
		}
	}
}

func healthy(ctx context.Context, endpoint string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+health, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
