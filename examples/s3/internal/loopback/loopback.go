// Package loopback finds free ports of the loopback interface, and waits for services that listen there.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// FreeAddresses finds ports that nobody listens on, for services that cannot choose one by themselves.
func FreeAddresses(ctx context.Context, count int) ([]string, error) {
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

// Await asks for a URL until it answers 200, ctx ends, or running does: then the service has ended.
func Await(ctx, running context.Context, url string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-running.Done():
			return context.Cause(running)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", url, err)
		}
	}
}

func ask(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
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
