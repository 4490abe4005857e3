package gocosi

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/doomshrine/gocosi/internal/drivername"
	"github.com/doomshrine/gocosi/internal/endpoint"
	"github.com/doomshrine/gocosi/internal/redact"
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

// settings is what the environment, the author's defaults and the built-in ones come to.
type settings struct {
	endpoint        endpoint.Endpoint
	endpointFrom    string // the variable or option that says so
	perms           endpoint.Perms
	insecure        bool
	driverName      string // "": the name that the Identity server gives
	shutdownTimeout time.Duration
	rpcTimeout      time.Duration // 0: none
	requestRules    bool
	responseRules   bool
}

// variable is a setting: where its value may come from, and how its text is read.
type variable struct {
	env    string // the environment variable
	option string // the option that gives the author's default; "": there is none
	preset string // the built-in default; "": see meaning
	means  string
	parse  func(*settings, string) error
}

// variables lists every setting that the environment governs.
func variables() []variable {
	return []variable{
		{
			EnvCOSIEndpoint, "WithDefaultEndpoint", "unix:///var/lib/cosi/cosi.sock",
			"where to listen: unix:///path, unix:/path, /path or tcp://host:port",
			func(s *settings, text string) (err error) { s.endpoint, err = endpoint.Parse(text); return err },
		},
		{
			EnvCOSIEndpointPerms, "WithDefaultSocketPerms", "0755",
			"mode of the socket, in octal",
			func(s *settings, text string) (err error) { s.perms.Mode, err = endpoint.ParsePerms(text); return err },
		},
		{
			EnvCOSIEndpointUser, "WithDefaultSocketUser", "",
			"owner of the socket, by name or number; by default the process's user",
			func(s *settings, text string) (err error) { s.perms.UID, err = endpoint.ParseUser(text); return err },
		},
		{
			EnvCOSIEndpointGroup, "WithDefaultSocketGroup", "",
			"group of the socket, by name or number; by default the process's group",
			func(s *settings, text string) (err error) { s.perms.GID, err = endpoint.ParseGroup(text); return err },
		},
		{
			EnvCOSIEndpointInsecure, "", "false",
			"true allows TCP off loopback without transport credentials",
			func(s *settings, text string) (err error) { s.insecure, err = parseBool(text); return err },
		},
		{
			EnvCOSIDriverName, "", "",
			"the driver's name, for several instances in one cluster; by default the name given to NewIdentity",
			func(s *settings, text string) error { s.driverName = text; return drivername.Check(text) },
		},
		{
			EnvCOSIShutdownTimeout, "WithDefaultShutdownTimeout", "20s",
			"how long calls may go on after a stop was requested, before they are cut off",
			func(s *settings, text string) (err error) { s.shutdownTimeout, err = parseTimeout(text); return err },
		},
		{
			EnvCOSIRPCTimeout, "WithDefaultRPCTimeout", "2m0s",
			"deadline for a call that came without one; 0 sets none",
			func(s *settings, text string) (err error) { s.rpcTimeout, err = parseTimeout(text); return err },
		},
		{
			EnvCOSIRequestRules, "WithoutRequestRules", "true",
			"false lets requests pass that the specification does not allow",
			func(s *settings, text string) (err error) { s.requestRules, err = parseBool(text); return err },
		},
		{
			EnvCOSIResponseRules, "WithoutResponseRules", "true",
			"false lets answers pass that the specification does not allow",
			func(s *settings, text string) (err error) { s.responseRules, err = parseBool(text); return err },
		},
	}
}

// resolve settles every variable: the built-in default gives way to the author's, and that to the environment. It
// returns all problems at once, and a line for each default that the environment overrode.
func resolve(defaults map[string]string, lookup func(string) (string, bool)) (s settings, overrode []string, err error) {
	s.perms.UID, s.perms.GID = endpoint.Keep, endpoint.Keep
	var problems []error
	read := func(v variable, source, text string) {
		if v.env == EnvCOSIEndpoint {
			s.endpointFrom = source
		}
		if err := v.parse(&s, text); err != nil {
			problems = append(problems, fmt.Errorf("%s=%q: %w", source, redact.Text(text, nil), err))
		}
	}
	for _, v := range variables() {
		preset := v.preset
		if preset != "" {
			read(v, v.env, preset)
		}
		if text := defaults[v.env]; text != "" {
			read(v, v.option, text)
			preset = text
		}
		if text, ok := lookup(v.env); ok && text != "" {
			read(v, v.env, text)
			if text != preset {
				overrode = append(overrode, fmt.Sprintf("%s=%s (default %q)", v.env, text, preset))
			}
		}
	}
	return s, overrode, errors.Join(problems...)
}

func parseBool(text string) (bool, error) {
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, errors.New("accepted are true and false")
	}
	return value, nil
}

func parseTimeout(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errors.New("accepted are durations such as 90s or 2m30s, and 0")
	}
	return d, nil
}
