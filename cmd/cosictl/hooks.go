package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/hook"
)

const defaultHookTimeout = time.Minute

// hookFlags defines the commands that let more cases apply.
func (v *invocation) hookFlags(set *flag.FlagSet) {
	h := &v.checks.hooks
	for _, one := range []struct {
		name, does string
		line       *string
	}{
		{"access", "uses credentials on a bucket", &h.Access},
		{"foreign", "creates, looks for and removes a bucket behind the driver's back", &h.Foreign},
		{"count", "counts the accounts of the store", &h.Count},
		{"outage", "takes the store away from the driver, and gives it back", &h.Outage},
		{"restart", "restarts the driver", &h.Restart},
	} {
		set.Func(one.name+"-command", "shell `COMMAND` that "+one.does, func(text string) error { return setCommand(one.line, text) })
	}
	set.DurationVar(&h.Limit, "hook-timeout", defaultHookTimeout, "time limit for each run of such a command")
}

// setCommand reads the value of such a flag.
func setCommand(line *string, text string) error {
	switch {
	case !hook.Supported:
		return errors.New("commands are run by /bin/sh, which this system does not have")
	case strings.TrimSpace(text) == "":
		return errors.New("want a command for /bin/sh")
	}
	*line = text
	return nil
}

// useHooks gives the kit a hook for each command.
func (v *invocation) useHooks(cfg *cositest.Config) error {
	h := v.checks.hooks
	if h.Limit <= 0 {
		return usageError{fmt.Errorf("-hook-timeout must be more than 0, not %s", h.Limit)}
	}
	h.Mask = v.secrets.mask
	h.Into(cfg)
	return nil
}
