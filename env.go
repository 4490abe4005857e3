package gocosi

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/drivername"
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/socket"
)

// The environment variables by which an operator configures a driver. COSI_ENDPOINT is the specification's own; the
// prefix COSI_ belongs to it, so all others start with X_COSI_. A variable that is set to "" counts as unset. See the
// package documentation for meanings and defaults.
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
}

// variable describes a setting: where its value may come from, and how its text is read.
type variable struct {
	env    string // the environment variable
	option string // the option that gives the author's default; "": there is none
	preset string // the built-in default; "": see unset
	unset  string // what holds without a preset, for the documentation
	means  string // for the documentation
	parse  func(*settings, string) error
}

// variables lists every setting that the environment governs. The tables of README.md and doc.go say the same; a test
// compares them.
func variables() []variable {
	return []variable{
		{
			EnvCOSIEndpoint, "WithDefaultEndpoint", address.Default, "",
			"where to listen: unix:///path, unix:/path, /path or tcp://host:port, port 0 for any",
			func(s *settings, text string) (err error) { s.endpoint, err = address.Parse(text); return err },
		},
		{
			EnvCOSIEndpointPerms, "WithDefaultSocketPerms", "0755", "",
			"mode of the socket, octal with or without 0 or 0o; the owner keeps read and write",
			func(s *settings, text string) (err error) { s.perms.Mode, err = parseMode(text); return err },
		},
		{
			EnvCOSIEndpointUser, "WithDefaultSocketUser", "", "the process's",
			"owner of the socket, by name or number; needs CAP_CHOWN, and to write to it afterwards",
			func(s *settings, text string) (err error) { s.perms.UID, err = parseUser(text); return err },
		},
		{
			EnvCOSIEndpointGroup, "WithDefaultSocketGroup", "", "the process's",
			"group of the socket, by name or number; needs CAP_CHOWN, or to be a member",
			func(s *settings, text string) (err error) { s.perms.GID, err = parseGroup(text); return err },
		},
		{
			EnvCOSIEndpointInsecure, "", "false", "",
			"true allows TCP off loopback without transport credentials",
			func(s *settings, text string) (err error) { s.insecure, err = parseBool(text); return err },
		},
		{
			EnvCOSIDriverName, "", "", "the name given to NewIdentity",
			"name of the driver, for several instances in one cluster",
			func(s *settings, text string) error { s.driverName = text; return drivername.Check(text) },
		},
		{
			EnvCOSIShutdownTimeout, "WithDefaultShutdownTimeout", "20s", "",
			"how long calls may go on after a stop was requested",
			func(s *settings, text string) (err error) { s.shutdownTimeout, err = parseTimeout(text); return err },
		},
		{
			EnvCOSIRPCTimeout, "WithDefaultRPCTimeout", "2m", "",
			"deadline for a call that came without one; 0 sets none",
			func(s *settings, text string) (err error) { s.rpcTimeout, err = parseTimeout(text); return err },
		},
		{
			EnvCOSIRequestRules, "WithoutRequestRules", "true", "",
			"false lets requests pass that the specification does not allow",
			func(s *settings, text string) (err error) { s.requestRules, err = parseBool(text); return err },
		},
		{
			EnvCOSIResponseRules, "WithoutResponseRules", "true", "",
			"false lets answers pass that the specification does not allow",
			func(s *settings, text string) (err error) { s.responseRules, err = parseBool(text); return err },
		},
	}
}

// settle resolves every variable and checks the settings against each other. It returns all problems at once.
func (c *config) settle() (settings, error) {
	s := settings{secured: c.secures(), perms: socket.Perms{UID: socket.Keep, GID: socket.Keep}}
	var problems []error
	for _, v := range variables() {
		problems = append(problems, c.resolve(v, &s)...)
	}
	return s, errors.Join(append(problems, s.checkEndpoint())...)
}

// resolve settles a variable: the built-in default gives way to the author's, and that to the environment. Each is checked,
// even if overridden.
func (c *config) resolve(v variable, s *settings) (problems []error) {
	read := func(source, text string) {
		if v.env == EnvCOSIEndpoint {
			s.endpointFrom = source
		}
		if err := v.parse(s, text); err != nil {
			problems = append(problems, fmt.Errorf("%s=%q: %w", source, redact.Text(text, nil), err))
		}
	}
	preset := v.preset
	if preset != "" {
		read(v.env, preset)
	}
	if text := c.defaults[v.env]; text != "" {
		read(v.option, text)
		preset = text
	}
	if text, ok := c.lookup(v.env); ok && text != "" {
		read(v.env, text)
		if text != preset {
			s.overridden = append(s.overridden, fmt.Sprintf("%s=%s (default %q)", v.env, text, preset))
		}
	}
	return problems
}

func parseBool(text string) (bool, error) {
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, errors.New("want true or false")
	}
	return value, nil
}

func parseTimeout(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errors.New("want a duration such as 90s or 2m30s, or 0")
	}
	return d, nil
}
