// Package migration checks docs/migrating.md with a migrated driver. Before uses plain gRPC, after uses gocosi, and
// both keep their buckets in the same kind of store.
package migration
