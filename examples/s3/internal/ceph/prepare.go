package ceph

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// Names of the three, as Ceph calls them.
const (
	monitor = "a"
	osd     = "0"
	gateway = "client.rgw.a"
)

// network holds the addresses of a cluster, host and port. The OSD finds free ports by itself.
type network struct{ monitorV2, monitorV1, gateway string }

//go:embed ceph.conf.tmpl
var configText string

// config is the path of the cluster's configuration.
func (c *Cluster) config() string { return filepath.Join(c.folder, "ceph.conf") }

// prepare makes what the processes start from: a configuration, keys, and the first maps of monitors and OSDs. The map knows
// the OSD already, so that nobody needs to tell the monitor of it.
func (c *Cluster) prepare(ctx context.Context, n network) error {
	for _, name := range []string{"mon", "osd", "rgw"} {
		if err := os.Mkdir(filepath.Join(c.folder, name), 0o700); err != nil {
			return err
		}
	}
	id := newUUID()
	if err := c.writeConfig(id, n); err != nil {
		return err
	}
	if err := c.writeKeys(ctx); err != nil {
		return err
	}
	monitors := fmt.Sprintf("[v2:%s,v1:%s]", n.monitorV2, n.monitorV1)
	for _, step := range [][]string{
		{"monmaptool", "--create", "--fsid", id, "--addv", monitor, monitors, "monmap"},
		{"osdmaptool", "--createsimple", "1", "osdmap"},
		{"ceph-mon", "--mkfs", "-i", monitor, "--monmap", "monmap", "--osdmap", "osdmap"},
		{"ceph-osd", "--mkfs", "-i", osd, "--no-mon-config", "--osd-uuid", newUUID()},
	} {
		if _, err := c.run(ctx, step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// writeKeys makes a key for each of the three, and says what its holder may do.
func (c *Cluster) writeKeys(ctx context.Context) error {
	keyring := filepath.Join(c.folder, "keyring")
	if err := os.WriteFile(keyring, nil, 0o600); err != nil {
		return err
	}
	for _, key := range [][]string{
		{"mon.", "mon=allow *"},
		{"osd." + osd, "mon=allow profile osd", "osd=allow *"},
		{gateway, "mon=allow rw", "osd=allow rwx"},
	} {
		args := []string{keyring, "--gen-key", "-n", key[0]}
		for _, allowed := range key[1:] {
			service, what, _ := strings.Cut(allowed, "=")
			args = append(args, "--cap", service, what)
		}
		if _, err := c.run(ctx, "ceph-authtool", args...); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) writeConfig(id string, n network) error {
	if strings.ContainsAny(c.folder+c.programs.lib, "#;$\"'\n") {
		return errors.New("a path has characters that mean something in Ceph's configuration, want none of #, ;, $ and quotes")
	}
	config, err := template.New("ceph.conf").Parse(configText)
	if err != nil {
		return err
	}
	var text strings.Builder
	err = config.Execute(&text, map[string]string{
		"ID": id, "Folder": c.folder, "Lib": c.programs.lib,
		"MonitorV2": n.monitorV2, "MonitorV1": n.monitorV1, "Gateway": n.gateway,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(c.config(), []byte(text.String()), 0o600)
}

func newUUID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4, variant 1
	text := hex.EncodeToString(id)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}
