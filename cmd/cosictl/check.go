package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/hook"
	sock "github.com/doomshrine/gocosi/internal/socket"
)

// checkFlags holds the flags of check alone.
type checkFlags struct {
	config                                                    file
	access, incompatible, incompatibleAccess, unprovisionable parameterSet

	badName           string
	parallel, repeat  int
	run, skip         string
	reasons           map[string]string // why cases are left out, by their names or their rules' IDs
	list              bool
	html, json, junit file

	hooks               hook.Commands
	log                 file
	socketFolder        file
	destructive, strict bool
}

func (v *invocation) checkFlags(set *flag.FlagSet) {
	v.parameterFlags(set)
	c := &v.checks
	set.Var(&c.config, "config", "`FILE` with values of these flags: a JSON object of their names without dash; the command line wins")
	set.Var(&c.access, "access-parameters", "`FILE` with the parameters of the access class to test with")
	set.Var(&c.incompatible, "incompatible-parameters", "`FILE` with parameters that a bucket with -parameters cannot have as well; {}: there are none")
	set.Var(&c.incompatibleAccess, "incompatible-access-parameters",
		"`FILE` with parameters that an access with -access-parameters cannot have as well; {}: there are none")
	set.Var(&c.unprovisionable, "unprovisionable-parameters", "`FILE` with parameters that the driver cannot provision; {}: there are none")
	set.StringVar(&c.badName, "bad-name", "", "`NAME` that the store cannot use for a bucket")
	set.Func("auth", "authentication type that the driver supports: `key|iam` (default: the kit tries both)", v.setAuth)
	set.IntVar(&c.parallel, "parallel", 0, "how many calls run side by side (default: the kit's)")
	set.IntVar(&c.repeat, "repeat", 0, "how often the kit repeats a call (default: the kit's)")
	set.StringVar(&c.run, "run", "", "run only the cases whose names match `REGEXP`")
	set.StringVar(&c.skip, "skip", "", "leave out the cases whose names match `REGEXP`")
	set.BoolVar(&c.list, "list", false, "list the cases, without connecting")
	set.Var(&c.junit, "junit", "`FILE` to write the report to as JUnit XML as well")
	set.Var(&c.html, "html", "`FILE` to write the report to as an HTML page as well")
	set.Var(&c.json, "json", "`FILE` to write the report to as JSON as well")
	set.Var(&c.log, "log", "`FILE` that the driver logs to: the check searches what it adds meanwhile for secrets")
	set.Var(&c.socketFolder, "socket-folder",
		"`FOLDER` of the driver's socket (default: the endpoint's); -: the driver is not on a Unix socket")
	set.BoolVar(&c.destructive, "destructive", false,
		"send requests that could destroy other buckets of the store if the driver does not refuse them as it must")
	set.BoolVar(&c.strict, "strict", false,
		"also fail when something that the specification demands was not checked, which -run and -skip cause")
	v.hookFlags(set)
}

// check checks the driver against the specification.
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
	files, err := v.reportFiles()
	if err != nil {
		return err
	}
	conn, err := v.reach(ctx)
	if err != nil {
		none := v.complete(&cositest.Report{Problem: err.Error(), Kit: cositest.Kit(), Begin: time.Now()})
		return errors.Join(err, files.write(none))
	}
	defer conn.Close()
	cfg.OnResult = v.onResult(ctx)
	r := v.complete(cositest.Check(ctx, conn, cfg))
	if err := errors.Join(v.printReport(r), files.write(r)); err != nil {
		return err
	}
	return shortfall(ctx, r)
}

// reach connects to what speaks gRPC.
func (v *invocation) reach(ctx context.Context) (*grpc.ClientConn, error) {
	conn, err := v.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := v.speaks(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// config returns what the flags tell the kit.
func (v *invocation) config() (cositest.Config, error) {
	c := v.checks
	cfg := cositest.Config{
		BadBucketName: c.badName, Repeat: c.repeat, Parallel: c.parallel, Timeout: v.timeout, Destructive: c.destructive,
		Strict: c.strict, Skip: c.reasons,
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
	if err := lookBeside(c.socketFolder, where, &cfg); err != nil {
		return cfg, usageError{fmt.Errorf("-socket-folder: %w", err)}
	}
	if cfg.Log, err = followLog(c.log); err != nil {
		return cfg, usageError{fmt.Errorf("-log: %w", err)}
	}
	cfg.Secrets = v.secrets.hidden()
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
		set  parameterSet
		to   *map[string]string
	}{
		{"access-parameters", c.access, &cfg.AccessParameters},
		{"incompatible-parameters", c.incompatible, &cfg.IncompatibleBucketParameters},
		{"incompatible-access-parameters", c.incompatibleAccess, &cfg.IncompatibleAccessParameters},
		{"unprovisionable-parameters", c.unprovisionable, &cfg.UnprovisionableParameters},
	} {
		if *source.to, err = v.readSet(source.flag, source.set); err != nil {
			return err
		}
	}
	return nil
}

// lookBeside lets the kit look into the socket's folder: the one that is given, or the endpoint's, if that is the driver's
// own. What lies in a shared one may be anybody's.
func lookBeside(given file, where address.Endpoint, cfg *cositest.Config) error {
	if given.given {
		cfg.SocketFolder = given.name
		if given.name == cositest.NoSocketFolder {
			return nil
		}
		_, err := os.ReadDir(given.name)
		return err
	}
	folder := sock.Folder(where.Address)
	info, err := os.Stat(folder)
	_, unreadable := os.ReadDir(folder)
	switch {
	case where.Network != address.Unix:
		cfg.SocketFolder = cositest.NoSocketFolder
	case errors.Join(err, unreadable) == nil && info.Mode()&os.ModeSticky == 0:
		cfg.SocketFolder = folder
	}
	return nil
}
