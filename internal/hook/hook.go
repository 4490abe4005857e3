// Package hook lets commands be the hooks of the conformance kit, so that the author of a driver in any language can write
// them. A command gets one JSON object on standard input, and answers by its exit code, and by JSON where more than that is
// asked. Secrets are in the input alone: arguments and variables can be read by others.
package hook

import (
	"time"

	"github.com/doomshrine/gocosi/cositest"
)

// Commands are command lines for the shell; "" is none.
type Commands struct {
	Access, Foreign, Count, Outage, Restart string

	Limit time.Duration       // how long each may take
	Mask  func(string) string // takes secrets out of what a command wrote; nil: nothing does
}

// Into gives the kit a hook for each command.
func (c Commands) Into(cfg *cositest.Config) {
	if c.Mask == nil {
		c.Mask = func(text string) string { return text }
	}
	of := func(line string) command { return command{line, c.Limit, c.Mask} }
	if c.Access != "" {
		cfg.Access = of(c.Access).access
	}
	if c.Foreign != "" {
		cfg.MakeForeignBucket = of(c.Foreign).makeForeign
	}
	if c.Count != "" {
		cfg.CountAccounts = of(c.Count).count
	}
	if c.Outage != "" {
		cfg.Outage = of(c.Outage).outage
	}
	if c.Restart != "" {
		cfg.Restart = of(c.Restart).restart
	}
}
