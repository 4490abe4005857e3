package gocosi

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/drivername"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/setting"
	"github.com/doomshrine/gocosi/internal/socket"
)

// The environment variables by which an operator configures a driver. COSI_ENDPOINT is the specification's own; the
// prefix COSI_ belongs to it, so all others start with X_COSI_. White space at the ends of a value is ignored, and a variable
// without any other text counts as unset. See the package documentation for meanings and defaults.
const (
	EnvCOSIEndpoint         = "COSI_ENDPOINT"
	EnvCOSIEndpointPerms    = "X_COSI_ENDPOINT_PERMS"
	EnvCOSIEndpointUser     = "X_COSI_ENDPOINT_USER"
	EnvCOSIEndpointGroup    = "X_COSI_ENDPOINT_GROUP"
	EnvCOSIEndpointInsecure = "X_COSI_ENDPOINT_INSECURE"
	EnvCOSIDriverName       = "X_COSI_DRIVER_NAME"
	EnvCOSIShutdownTimeout  = "X_COSI_SHUTDOWN_TIMEOUT"
	EnvCOSIRPCTimeout       = "X_COSI_RPC_TIMEOUT"
	EnvCOSIRequestRules     = "X_COSI_REQUEST_RULES"
	EnvCOSIResponseRules    = "X_COSI_RESPONSE_RULES"
)

// settings holds every resolved value.
type settings struct {
	endpoint        address.Endpoint
	endpointFrom    string // the variable or option that set it
	perms           socket.Perms
	insecure        bool
	secured         bool   // by transport credentials
	driverName      string // "": the name that the Identity server gives
	shutdownTimeout time.Duration
	rpcTimeout      time.Duration // 0: none
	requestRules    bool
	responseRules   bool
	overridden      []string // a line for each default that the environment overrode
	unknown         []setting.Unknown
}

// variable describes a setting: where its value may come from, and how its text is read.
type variable struct {
	env    string // the environment variable
	option string // the option that gives the author's default; "": there is none
	preset string // the built-in default; "": see unset
	unset  string // what holds without a preset, for the documentation
	means  string // for the documentation
	read   func(s *settings, source, text string) error
}

// into makes the read of a variable: it sets a field of the settings.
func into[T any](kind setting.Kind[T], field func(*settings) *T) func(*settings, string, string) error {
	return func(s *settings, source, text string) (err error) {
		*field(s), err = kind.Read(source, text)
		return err
	}
}

// variables lists every setting that the environment governs. The tables of docs/configuration.md and doc.go say the same; a test
// compares them.
func variables() []variable {
	return []variable{
		{
			EnvCOSIEndpoint, "WithDefaultEndpoint", address.Default, "",
			"where to listen: unix:///path, unix:/path, /path or tcp://host:port, port 0 for any",
			into(address.Kind(), func(s *settings) *address.Endpoint { return &s.endpoint }),
		},
		{
			EnvCOSIEndpointPerms, "WithDefaultSocketPerms", "0755", "",
			"mode of the socket, octal with or without 0 or 0o; the owner keeps read and write",
			into(socket.Mode(), func(s *settings) *fs.FileMode { return &s.perms.Mode }),
		},
		{
			EnvCOSIEndpointUser, "WithDefaultSocketUser", "", "the process's",
			"owner of the socket, by name or number; needs CAP_CHOWN, and to write to it afterwards",
			into(socket.User(), func(s *settings) *int { return &s.perms.UID }),
		},
		{
			EnvCOSIEndpointGroup, "WithDefaultSocketGroup", "", "the process's",
			"group of the socket, by name or number; needs CAP_CHOWN, or to be a member",
			into(socket.Group(), func(s *settings) *int { return &s.perms.GID }),
		},
		{
			EnvCOSIEndpointInsecure, "", "false", "",
			"true allows TCP off loopback without transport credentials",
			into(setting.Bool(), func(s *settings) *bool { return &s.insecure }),
		},
		{
			EnvCOSIDriverName, "", "", "the name given to NewIdentity",
			"name of the driver, for several instances in one cluster",
			into(drivername.Kind(), func(s *settings) *string { return &s.driverName }),
		},
		{
			EnvCOSIShutdownTimeout, "WithDefaultShutdownTimeout", "20s", "",
			"how long calls may go on after a stop was requested",
			into(setting.Timeout(), func(s *settings) *time.Duration { return &s.shutdownTimeout }),
		},
		{
			EnvCOSIRPCTimeout, "WithDefaultRPCTimeout", "2m", "",
			"deadline for a call that came without one; 0 sets none",
			into(setting.Timeout(), func(s *settings) *time.Duration { return &s.rpcTimeout }),
		},
		{
			EnvCOSIRequestRules, "WithoutRequestRules", "true", "",
			"false lets requests pass that the specification does not allow",
			into(setting.Bool(), func(s *settings) *bool { return &s.requestRules }),
		},
		{
			EnvCOSIResponseRules, "WithoutResponseRules", "true", "",
			"false lets answers pass that the specification does not allow",
			into(setting.Bool(), func(s *settings) *bool { return &s.responseRules }),
		},
	}
}

// settle resolves every variable and checks the settings against each other. It returns all problems at once.
func (c *config) settle() (settings, error) {
	s := settings{secured: c.secures(), perms: socket.Perms{UID: socket.Keep, GID: socket.Keep}}
	var problems []error
	var known []string
	set, err := foreign.Ask(authorTimeout, c.environment)
	if err != nil {
		problems = append(problems, fmt.Errorf("WithEnvironment: %w", err))
	}
	for _, v := range variables() {
		known = append(known, v.env)
		problems = append(problems, c.resolve(v, set[v.env], &s)...)
	}
	s.unknown = setting.FindUnknown(c.environ(), known, "X_COSI_", "COSI_")
	return s, errors.Join(append(problems, s.checkEndpoint())...)
}

// environment looks up what the environment sets. It calls a function of the author's.
func (c *config) environment() map[string]string {
	set := map[string]string{}
	for _, v := range variables() {
		if text, ok := c.lookup(v.env); ok {
			set[v.env] = text
		}
	}
	return set
}

// resolve settles a variable: the built-in default gives way to the author's, and that to the environment. Each is checked,
// even if overridden.
func (c *config) resolve(v variable, set string, s *settings) (problems []error) {
	read := func(source, text string) {
		if v.env == EnvCOSIEndpoint {
			s.endpointFrom = source
		}
		if err := v.read(s, source, text); err != nil {
			problems = append(problems, err)
		}
	}
	preset := v.preset
	if preset != "" {
		read(v.env, preset)
	}
	if text := setting.Trim(c.defaults[v.env]); text != "" {
		read(v.option, text)
		preset = text
	}
	if text := setting.Trim(set); text != "" {
		read(v.env, text)
		if text != preset {
			s.overridden = append(s.overridden, fmt.Sprintf("%s=%s (default %q)", v.env, bound.Cut(text, bound.Name), bound.Cut(preset, bound.Name)))
		}
	}
	return problems
}
