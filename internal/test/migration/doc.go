// Package migration holds docs/migrating.md against a driver that was migrated: before is on plain gRPC, after on gocosi,
// and both keep their buckets in one kind of store.
package migration
