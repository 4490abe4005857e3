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
		newCase("INFO-2", infoNotEmpty),
		newCase("INFO-3", infoValid),
		newCase("INFO-4", infoDomain),
		newCase("INFO-5", infoStable),
		advised("INFO-6", infoLabels),
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

// validName is the driver's name, if that is one at all.
func (t *trial) validName(ctx context.Context) (string, error) {
	name, err := t.name(ctx)
	if err == nil && drivername.Check(name) != nil {
		return name, missed("the name is none, which INFO-2 or INFO-3 reports", drivername.Check(name))
	}
	return name, err
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
	if name == "" {
		return missed("the name is empty", errors.New("INFO-2 reports that"))
	}
	if err := drivername.Check(name); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}

func infoDomain(ctx context.Context, t *trial) error {
	name, err := t.validName(ctx)
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
	name, err := t.validName(ctx)
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
