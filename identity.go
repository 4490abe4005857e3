package gocosi

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// NewIdentity returns the Identity server that every driver writes alike: it answers DriverGetInfo with the name.
//
// The name follows domain notation and holds the vendor's domain, such as "s3.example.com": at most 63 characters, all
// of them alphanumeric, "-" or ".", with an alphanumeric one at both ends (requirements INFO-2 to INFO-4). [New] checks
// it. The operator may override it with X_COSI_DRIVER_NAME. Safe for concurrent use.
func NewIdentity(name string) cosi.IdentityServer {
	return &identity{name: name}
}

type identity struct {
	name string
}

func (i *identity) DriverGetInfo(context.Context, *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return &cosi.DriverGetInfoResponse{Name: i.name}, nil
}

const maxNameLength = 63 // INFO-3

var (
	driverName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$`) // INFO-3
	nameLabels = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$`)     // INFO-6
)

// checkDriverName holds a name against INFO-2 and INFO-3.
func checkDriverName(name string) error {
	switch {
	case name == "":
		return errors.New("INFO-2: the driver's name is empty; accepted is a name such as s3.example.com")
	case len(name) > maxNameLength:
		return fmt.Errorf("INFO-3: the driver's name has %d characters, %d are accepted", len(name), maxNameLength)
	case !driverName.MatchString(name):
		return errors.New(`INFO-3: the driver's name may hold alphanumerics, "-" and ".", ` +
			`and begins and ends with an alphanumeric, such as s3.example.com`)
	}
	return nil
}

// warnDriverName says what is allowed but unwise about a name: INFO-4 and INFO-6.
func warnDriverName(name string) []string {
	var warnings []string
	if !strings.Contains(name, ".") {
		warnings = append(warnings, "INFO-4: the driver's name has no domain, so that of another vendor may equal it")
	}
	if !nameLabels.MatchString(name) {
		warnings = append(warnings, "INFO-6: not every label of the driver's name is lower case and starts with a letter; "+
			"later sidecars refuse that")
	}
	return warnings
}

// askName asks an Identity server for its name, in process, and checks it. It does not wait longer than ctx, whatever
// the server does.
func askName(ctx context.Context, server cosi.IdentityServer) (string, error) {
	type answer struct {
		name string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		name, err := callDriverGetInfo(ctx, server)
		answered <- answer{name, err}
	}()
	select {
	case a := <-answered:
		return a.name, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("DriverGetInfo: %w", ctx.Err())
	}
}

func callDriverGetInfo(ctx context.Context, server cosi.IdentityServer) (name string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("DriverGetInfo: panic: %v\n%s", p, debug.Stack())
		}
	}()
	info, err := server.DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{})
	if err != nil {
		return "", fmt.Errorf("DriverGetInfo: %w", err)
	}
	if err := checkDriverName(info.GetName()); err != nil {
		return "", fmt.Errorf("DriverGetInfo answered %q: %w", info.GetName(), err)
	}
	return info.GetName(), nil
}
