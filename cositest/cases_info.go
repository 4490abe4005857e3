package cositest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/drivername"
)

func infoCases() []Case {
	return []Case{
		newCase("INFO-1", infoImplemented),
		newCase("INFO-2", infoNotEmpty, "INFO-1"),
		newCase("INFO-3", infoValid, "INFO-1", "INFO-2"),
		newCase("INFO-4", infoDomain, "INFO-1", "INFO-2", "INFO-3"),
		newCase("INFO-5", infoStable, "INFO-1", "INFO-2"),
		advised("INFO-6", infoLabels, "INFO-1", "INFO-2", "INFO-3"),
	}
}

func infoImplemented(ctx context.Context, t *trial) error {
	_, err := t.getInfo(ctx)
	if status.Code(err) == codes.Unimplemented {
		return errors.New("is not implemented: " + status.Convert(err).Message())
	}
	return accepted("DriverGetInfo", err)
}

// name is the driver's name.
func (t *trial) name(ctx context.Context) (string, error) {
	info, err := t.getInfo(ctx)
	return info.GetName(), missed("DriverGetInfo", err)
}

func infoNotEmpty(ctx context.Context, t *trial) error {
	name, err := t.name(ctx)
	if err == nil && name == "" {
		return errors.New("the name is empty")
	}
	return err
}

func infoValid(ctx context.Context, t *trial) error {
	name, err := t.name(ctx)
	if err != nil {
		return err
	}
	if err := drivername.Check(name); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}

func infoDomain(ctx context.Context, t *trial) error {
	name, err := t.name(ctx)
	if err == nil && !strings.Contains(name, ".") {
		return fmt.Errorf("%q has no dot", name)
	}
	return err
}

func infoStable(ctx context.Context, t *trial) error {
	first, err := t.name(ctx)
	if err != nil {
		return err
	}
	for range t.cfg.Repeat {
		again, err := t.name(ctx)
		if err != nil {
			return err
		}
		if again != first {
			return fmt.Errorf("answered %q, and then %q", first, again)
		}
	}
	return nil
}

func infoLabels(ctx context.Context, t *trial) error {
	name, err := t.name(ctx)
	if err != nil {
		return err
	}
	for _, warning := range drivername.Warnings(name) {
		if strings.HasPrefix(warning, "INFO-6") {
			return fmt.Errorf("%q: %s", name, warning)
		}
	}
	return nil
}
