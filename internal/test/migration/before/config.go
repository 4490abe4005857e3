package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

const (
	defaultEndpoint = "unix:///var/lib/cosi/cosi.sock"
	defaultPerms    = "0755"
	defaultHealth   = ":8080"
)

type config struct {
	endpoint      string
	perms         fs.FileMode
	user, group   string
	driverName    string
	healthAddress string
	otlpEndpoint  string
	folder        string
	storeEndpoint string
	adminURL      string
}

func configFromEnv() (*config, error) {
	perms, err := strconv.ParseUint(getenv("X_COSI_ENDPOINT_PERMS", defaultPerms), 0, 32)
	if err != nil {
		return nil, fmt.Errorf("parse permissions: %w", err)
	}
	cfg := &config{
		endpoint:      getenv("COSI_ENDPOINT", defaultEndpoint),
		perms:         fs.FileMode(perms),
		user:          os.Getenv("X_COSI_ENDPOINT_USER"),
		group:         os.Getenv("X_COSI_ENDPOINT_GROUP"),
		driverName:    getenv("DRIVER_NAME", "files.example.com"),
		healthAddress: getenv("HEALTH_ADDRESS", defaultHealth),
		otlpEndpoint:  os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"),
		folder:        os.Getenv("STORE_FOLDER"),
		storeEndpoint: getenv("STORE_ENDPOINT", "https://files.example.com"),
		adminURL:      os.Getenv("STORE_ADMIN_URL"),
	}
	if cfg.folder == "" {
		return nil, errors.New("STORE_FOLDER is required")
	}
	return cfg, nil
}

func getenv(name, preset string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return preset
}
