package cositest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/rules"
)

// Setting describes something that a run was given, by a field of [Config] or by a flag of cosictl.
type Setting struct {
	Name  string `json:"name"`           // of the field, such as Config.Access, or of the flag
	Flag  string `json:"flag,omitempty"` // the flag of cosictl check that does the same
	Value string `json:"value"`          // keys of parameters without their values
}

// Kit returns the name and the version of this module, as a report has them.
func Kit() string { return "gocosi " + buildinfo.Library() }

// revision says which rules a report is about, and what they were made from.
func revision() string {
	return fmt.Sprintf("%s, from specification %s and sidecar %s", rules.Revision(), rules.SpecificationVersion, rules.SidecarVersion)
}

// newReport returns an empty report that says what is run.
func newReport(conn grpc.ClientConnInterface, cfg Config) *Report {
	r := &Report{Kit: Kit(), Rules: revision(), Begin: time.Now().Round(0), Settings: settingsOf(cfg), Strict: cfg.Strict}
	if conn, ok := conn.(interface{ Target() string }); ok && !strings.HasPrefix(conn.Target(), "passthrough:") { // names nothing
		r.Endpoint = bound.Printable(conn.Target(), bound.Name)
	}
	return r
}

// settingsOf lists what differs from a Config of nothing, and the numbers that a run depends on.
func settingsOf(cfg Config) []Setting {
	var all []Setting
	add := func(name, flag, value string) {
		if value != "" {
			all = append(all, Setting{"Config." + name, flag, bound.Printable(value, bound.Text)})
		}
	}
	add("BucketParameters", "-parameters", keysOf(cfg.BucketParameters))
	add("AccessParameters", "-access-parameters", keysOf(cfg.AccessParameters))
	add("IncompatibleBucketParameters", "-incompatible-parameters", keysOf(cfg.IncompatibleBucketParameters))
	add("IncompatibleAccessParameters", "-incompatible-access-parameters", keysOf(cfg.IncompatibleAccessParameters))
	add("UnprovisionableParameters", "-unprovisionable-parameters", keysOf(cfg.UnprovisionableParameters))
	add("BadBucketName", "-bad-name", cfg.BadBucketName)
	var types []string
	for _, method := range cfg.AuthenticationTypes {
		types = append(types, method.String())
	}
	add("AuthenticationTypes", "-auth", strings.Join(types, ", "))
	add("Access", "-access-command", given(cfg.Access != nil))
	add("MakeForeignBucket", "-foreign-command", given(cfg.MakeForeignBucket != nil))
	add("CountAccounts", "-count-command", given(cfg.CountAccounts != nil))
	add("Outage", "-outage-command", given(cfg.Outage != nil))
	add("Restart", "-restart-command", given(cfg.Restart != nil))
	add("Log", "-log", given(cfg.Log != nil))
	add("SocketFolder", "-socket-folder", given(cfg.SocketFolder != "" && cfg.SocketFolder != NoSocketFolder))
	add("Destructive", "-destructive", truth(cfg.Destructive))
	add("Strict", "-strict", truth(cfg.Strict))
	add("Repeat", "-repeat", strconv.Itoa(cfg.Repeat))
	add("Parallel", "-parallel", strconv.Itoa(cfg.Parallel))
	add("Timeout", "-timeout", cfg.Timeout.String())
	for _, name := range slices.Sorted(maps.Keys(cfg.Skip)) {
		add("Skip", "", fmt.Sprintf("%s: %s", name, cfg.Skip[name]))
	}
	return all
}

// keysOf names parameters; their values may be secret.
func keysOf(parameters map[string]string) string {
	switch {
	case parameters == nil:
		return ""
	case len(parameters) == 0:
		return "{}: there are none"
	}
	return strings.Join(slices.Sorted(maps.Keys(parameters)), ", ")
}

func given(is bool) string {
	if is {
		return "given"
	}
	return ""
}

func truth(is bool) string {
	if is {
		return "true"
	}
	return ""
}
