package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi"
)

// readLevel reads LOG_LEVEL. Each level shows what those before it show, and more.
func readLevel(name string) (level slog.Level, known bool) {
	switch name {
	case "error": // failed calls, and what the driver could not do
		return slog.LevelError, true
	case "", "info": // calls that changed something, start, end, and changes of the driver's state
		return slog.LevelInfo, true
	case "debug": // all other calls
		return slog.LevelDebug, true
	case "trace": // requests and responses, without secrets
		return slog.LevelDebug - 1, true
	}
	return slog.LevelInfo, false
}

// newLogger returns a logger as LOG_LEVEL and LOG_FORMAT say. With an error comes the one for neither.
func newLogger(getenv func(string) string, w io.Writer) (logr.Logger, error) {
	level, known := readLevel(strings.ToLower(getenv("LOG_LEVEL")))
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: nameLevel}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	var faults []error
	if !known {
		faults = append(faults, fmt.Errorf("LOG_LEVEL: %.40q is no level; want error, info, debug or trace", getenv("LOG_LEVEL")))
	}
	switch format := strings.ToLower(getenv("LOG_FORMAT")); format {
	case "", "json":
	case "text":
		handler = slog.NewTextHandler(w, options)
	default:
		faults = append(faults, fmt.Errorf("LOG_FORMAT: %.40q is no format; want json or text", format))
	}
	return logr.FromSlogHandler(handler), errors.Join(faults...)
}

// nameLevel gives the levels in between, which logr's verbosity makes, the names of LOG_LEVEL.
func nameLevel(_ []string, a slog.Attr) slog.Attr {
	level, ok := a.Value.Any().(slog.Level)
	switch {
	case a.Key != slog.LevelKey || !ok:
	case level < slog.LevelDebug:
		a.Value = slog.StringValue("TRACE")
	case level < slog.LevelInfo:
		a.Value = slog.StringValue("DEBUG")
	}
	return a
}

// exitCode returns the code that the process ends with. It writes each problem on a line: gocosi.New tells all of them at once.
func exitCode(log logr.Logger, err error) int {
	if err == nil {
		return 0
	}
	for problem := range strings.Lines(err.Error()) {
		log.Error(nil, "failed", "reason", strings.TrimSpace(problem))
	}
	return 1
}

// version is the driver's. The build sets it, as the Dockerfile does: -ldflags="-X main.version=v1.2.3". Without that, the one
// counts that the go command recorded.
var version string

// showVersions prints the versions of the driver, of gocosi and of Go, and ends the process.
func showVersions(string) error {
	if _, err := fmt.Fprintln(os.Stdout, gocosi.Versions(version)); err != nil {
		return err
	}
	os.Exit(0)
	return nil
}
