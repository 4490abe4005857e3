package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/cositest/report"
	"github.com/doomshrine/gocosi/internal/bound"
)

// complete adds to the kit's report what this command alone knows.
func (v *invocation) complete(r *cositest.Report) *cositest.Report {
	r.Endpoint = v.endpoint
	for _, one := range []struct{ flag, value string }{
		{"-run", v.checks.run}, {"-skip", v.checks.skip}, {"-config", v.checks.config.name},
	} {
		if one.value != "" {
			r.Settings = append(r.Settings, cositest.Setting{Name: one.flag, Value: one.value})
		}
	}
	return r
}

// onResult writes a line for a case that has ended. Those that a signal left over are in the summary alone.
func (v *invocation) onResult(ctx context.Context) func(cositest.Result) {
	if v.format == formatJSON {
		return nil
	}
	return func(one cositest.Result) {
		if one.Outcome != cositest.NotReached || ctx.Err() == nil {
			fmt.Fprintln(v.stdout, report.Line(one))
		}
	}
}

// printReport writes what all cases come to; each has a line already.
func (v *invocation) printReport(r *cositest.Report) error {
	switch {
	case v.format == formatJSON:
		return report.JSON(v.stdout, r)
	case r.Generation != "":
		_, err := fmt.Fprintln(v.stdout, report.Verdict(r))
		return err
	}
	return report.Summary(v.stdout, r)
}

// shortfall is why the command fails; nil when it does not.
func shortfall(ctx context.Context, r *cositest.Report) error {
	switch {
	case r.OK():
		return nil
	case r.Generation != "":
		return generationError{errSaid}
	case ctx.Err() != nil:
		return errInterrupted
	case r.Strict && r.Count(cositest.Failed) == 0 && r.Count(cositest.NotReached) == 0:
		return fmt.Errorf("-strict: of what the specification demands, this was not checked: %s", bound.Join(unchecked(r)))
	}
	return errSaid
}

// unchecked names the demands that were not checked. The report says what they need.
func unchecked(r *cositest.Report) []string {
	names := r.Unchecked()
	for i, one := range names {
		names[i], _, _ = strings.Cut(one, " (")
	}
	return names
}
