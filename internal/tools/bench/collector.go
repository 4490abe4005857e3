package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// collector runs an OTLP receiver in a process of its own.
type collector struct {
	url     string
	process *exec.Cmd
	in      io.Closer
	out     *bufio.Reader
}

// delivered counts what a collector received, by the service's name.
type delivered struct {
	Spans   map[string]int `json:"spans"`
	Metrics map[string]int `json:"metrics"`
}

func startCollector(ctx context.Context, binary string) (*collector, error) {
	cmd := exec.CommandContext(ctx, binary)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &collector{process: cmd, in: in, out: bufio.NewReader(out)}
	line, err := c.out.ReadString('\n')
	if err != nil {
		_, _ = c.end()
		return nil, fmt.Errorf("reading the collector's address: %w", err)
	}
	c.url = strings.TrimSpace(line)
	return c, nil
}

// end stops the collector and returns what it received.
func (c *collector) end() (d delivered, err error) {
	c.in.Close()
	errDecode := json.NewDecoder(c.out).Decode(&d)
	if err := c.process.Wait(); err != nil {
		return d, fmt.Errorf("collector: %w", err)
	}
	if errDecode != nil {
		return d, fmt.Errorf("decoding what the collector received: %w", errDecode)
	}
	return d, nil
}
