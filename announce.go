package gocosi

import (
	"strings"

	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/drivername"
)

// announce writes the line at start, and a warning for everything that is allowed but unwise.
func (d *Driver) announce(name string, t *telemetry) {
	log, s := d.config.log, d.settings
	fields := append([]any{
		"driver", name, "address", d.addr.Network() + "://" + d.addr.String(),
		"version", buildinfo.Program(), "gocosi", buildinfo.Library(),
	}, t.why...)
	if d.addr.Network() == address.Unix {
		fields = append(fields, permsFields(s.perms)...)
	}
	log.Info("driver listening", append(fields, "overridden", s.overridden)...)
	for _, warning := range d.warnings(name) {
		log.Info("warning", "reason", warning)
	}
}

func (d *Driver) warnings(name string) []string {
	warnings := drivername.Warnings(name)
	if d.addr.Network() != address.Unix {
		return warnings
	}
	if !strings.HasSuffix(d.addr.String(), ".sock") {
		warnings = append(warnings, "GEN-1: the socket's name does not end in .sock; later sidecars refuse that")
	}
	if d.settings.perms.Mode&0o002 != 0 {
		warnings = append(warnings, EnvCOSIEndpointPerms+": every user of this machine may use the socket")
	}
	return warnings
}
