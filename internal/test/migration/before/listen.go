package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

func listen(ctx context.Context, cfg *config) (net.Listener, error) {
	u, err := url.Parse(cfg.endpoint)
	if err != nil {
		return nil, fmt.Errorf("parse endpoint: %w", err)
	}
	if u.Scheme != "unix" {
		return nil, fmt.Errorf("unsupported scheme %q", u.Scheme)
	}
	if err := os.MkdirAll(filepath.Dir(u.Path), 0o755); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "unix", u.Path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(u.Path, cfg.perms); err != nil {
		return nil, fmt.Errorf("set permissions: %w", err)
	}
	if err := chown(u.Path, cfg); err != nil {
		return nil, fmt.Errorf("set owner: %w", err)
	}
	return listener, nil
}

func chown(path string, cfg *config) error {
	if cfg.user == "" || cfg.group == "" {
		return nil
	}
	u, err := user.Lookup(cfg.user)
	if err != nil {
		return err
	}
	g, err := user.LookupGroup(cfg.group)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}
