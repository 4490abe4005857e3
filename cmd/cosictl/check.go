package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/hook"
	sock "github.com/doomshrine/gocosi/internal/socket"
)

// checkFlags are what check alone needs to know.
type checkFlags struct {
	access, incompatible, incompatibleAccess, unprovisionable file

	badName          string
	parallel, repeat int
	run, skip        string
	list             bool
	junit            file

	hooks               hook.Commands
	log                 file
	destructive, strict bool
}

func (v *invocation) checkFlags(set *flag.FlagSet) {
	v.parameterFlags(set)
	c := &v.checks
	set.Var(&c.access, "access-parameters", "`FILE` with the parameters of the access class to test with")
	set.Var(&c.incompatible, "incompatible-parameters", "`FILE` with parameters that a bucket with -parameters cannot have as well; {}: there are none")
	set.Var(&c.incompatibleAccess, "incompatible-access-parameters",
		"`FILE` with parameters that an access with -access-parameters cannot have as well; {}: there are none")
	set.Var(&c.unprovisionable, "unprovisionable-parameters", "`FILE` with parameters that cannot be provisioned; {}: there are none")
	set.StringVar(&c.badName, "bad-name", "", "`NAME` that the store cannot take for a bucket")
	set.Func("auth", "authentication type that the driver supports: `key|iam` (default: both are tried)", v.setAuth)
	set.IntVar(&c.parallel, "parallel", 0, "how many calls run side by side (default: the kit's)")
	set.IntVar(&c.repeat, "repeat", 0, "how often a call is repeated (default: the kit's)")
	set.StringVar(&c.run, "run", "", "look at the cases alone whose names match `REGEXP`")
	set.StringVar(&c.skip, "skip", "", "leave out the cases whose names match `REGEXP`")
	set.BoolVar(&c.list, "list", false, "list the cases, without connecting")
	set.Var(&c.junit, "junit", "`FILE` to write the report to as JUnit XML as well")
	set.Var(&c.log, "log", "`FILE` that the driver writes its log to: what it adds during the check is searched for secrets")
	set.BoolVar(&c.destructive, "destructive", false,
		"send requests that could destroy other buckets of the store, should the driver not refuse them as it must")
	set.BoolVar(&c.strict, "strict", false, "fail also when something that the specification demands was not checked")
	v.hookFlags(set)
}

// check holds the driver against the specification.
func (v *invocation) check(ctx context.Context, _ []string) error {
	chosen, err := v.checks.selection()
	if err != nil {
		return usageError{err}
	}
	if v.checks.list {
		return v.list(chosen)
	}
	cfg, err := v.config()
	if err != nil {
		return err
	}
	cfg.Only = chosen.only
	junit, err := createJUnit(v.checks.junit)
	if err != nil {
		return usageError{fmt.Errorf("-junit: %w", err)}
	}
	conn, name, err := v.reach(ctx)
	if err != nil {
		return errors.Join(err, junit.write(unconnected(v.endpoint, err)))
	}
	defer conn.Close()
	cfg.OnResult = v.onResult(ctx)
	rep := v.report(name, chosen, cositest.Check(ctx, conn, cfg))
	if err := errors.Join(v.printReport(rep), junit.write(rep.junit())); err != nil {
		return err
	}
	return rep.failure(ctx)
}

// reach connects, and asks who is there.
func (v *invocation) reach(ctx context.Context) (*grpc.ClientConn, string, error) {
	conn, err := v.connect(ctx)
	if err != nil {
		return nil, "", err
	}
	name, err := v.driverName(ctx, conn)
	if err != nil {
		return nil, "", errors.Join(err, conn.Close())
	}
	return conn, name, nil
}

// config is what the flags tell the kit.
func (v *invocation) config() (cositest.Config, error) {
	c := v.checks
	cfg := cositest.Config{
		BadBucketName: c.badName, Repeat: c.repeat, Parallel: c.parallel, Timeout: v.timeout, Destructive: c.destructive,
	}
	if c.parallel < 0 || c.repeat < 0 {
		return cfg, usageError{errors.New("-parallel and -repeat cannot be negative")}
	}
	if v.auth != 0 {
		cfg.AuthenticationTypes = []cosi.AuthenticationType{v.auth}
	}
	if err := v.readClasses(&cfg); err != nil {
		return cfg, err
	}
	where, err := v.where()
	if err != nil {
		return cfg, usageError{err}
	}
	lookBeside(where, &cfg)
	if cfg.Log, err = followLog(c.log); err != nil {
		return cfg, usageError{fmt.Errorf("-log: %w", err)}
	}
	return cfg, v.useHooks(&cfg)
}

// readClasses reads the parameters of the classes to test with.
func (v *invocation) readClasses(cfg *cositest.Config) (err error) {
	if cfg.BucketParameters, err = v.readParameters(); err != nil {
		return err
	}
	c := v.checks
	for _, source := range []struct {
		flag string
		file file
		to   *map[string]string
	}{
		{"access-parameters", c.access, &cfg.AccessParameters},
		{"incompatible-parameters", c.incompatible, &cfg.IncompatibleBucketParameters},
		{"incompatible-access-parameters", c.incompatibleAccess, &cfg.IncompatibleAccessParameters},
		{"unprovisionable-parameters", c.unprovisionable, &cfg.UnprovisionableParameters},
	} {
		if *source.to, err = v.readFile(source.flag, source.file); err != nil {
			return err
		}
	}
	return nil
}

// lookBeside lets the kit look into the socket's folder, if that is the driver's own: what lies in a shared one may be
// anybody's.
func lookBeside(where address.Endpoint, cfg *cositest.Config) {
	folder := sock.Folder(where.Address)
	info, err := os.Stat(folder)
	_, unreadable := os.ReadDir(folder)
	switch {
	case where.Network != address.Unix:
		cfg.SocketFolder = cositest.NoSocketFolder
	case errors.Join(err, unreadable) == nil && info.Mode()&os.ModeSticky == 0:
		cfg.SocketFolder = folder
	}
}
