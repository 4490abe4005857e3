package gocosi

import (
	"context"
	"fmt"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/drivername"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/redact"
)

// NewIdentity returns the Identity server that every driver needs: its DriverGetInfo returns the name.
//
// The name follows domain notation and holds the vendor's domain, such as "s3.example.com": at most 63 characters, all
// of them alphanumeric, "-" or ".", with an alphanumeric one at both ends (requirements INFO-2 to INFO-4). [New] checks
// it. The operator may override it with X_COSI_DRIVER_NAME. Safe for concurrent use.
func NewIdentity(name string) cosi.IdentityServer {
	return &identity{name: name}
}

// Versions returns the line that a driver's -version prints: the program and its version, then those of gocosi and Go. ""
// means the version that the go command recorded in the program, as in [WithVersion]. Safe for concurrent use.
func Versions(version string) string { return buildinfo.Versions(version) }

type identity struct {
	name string
}

func (i *identity) DriverGetInfo(context.Context, *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return &cosi.DriverGetInfoResponse{Name: i.name}, nil
}

// nameIdentity checks the Identity server, and gives one made by NewIdentity the name that the operator wants.
func nameIdentity(server cosi.IdentityServer, override string) (cosi.IdentityServer, error) {
	if err := checkServer("identity", server); err != nil {
		return nil, err
	}
	own, ok := server.(*identity)
	switch {
	case !ok && override != "":
		return nil, fmt.Errorf("%s: cannot rename this Identity server; want one made by NewIdentity", EnvCOSIDriverName)
	case !ok:
		return server, nil
	case override != "":
		return &identity{name: override}, nil
	}
	return own, drivername.Check(own.name)
}

// askName asks an Identity server for its name, in process, and checks it. It does not wait longer than ctx, whatever
// the server does.
func askName(ctx context.Context, server cosi.IdentityServer) (string, error) {
	names := make(chan string, 1)
	answered := foreign.Go(func() error {
		info, err := server.DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{})
		names <- info.GetName()
		return err
	})
	select {
	case err := <-answered:
		if err != nil {
			stack, _ := foreign.Stack(err)
			return "", fmt.Errorf("DriverGetInfo: %s\n%s", redact.Text(err.Error(), nil), bound.Cut(stack, bound.Stack))
		}
	case <-ctx.Done():
		return "", fmt.Errorf("DriverGetInfo: %w", ctx.Err())
	}
	name := <-names
	if err := drivername.Check(name); err != nil {
		return "", fmt.Errorf("DriverGetInfo answered %q: %w", bound.Printable(name, bound.Name), err)
	}
	return name, nil
}
