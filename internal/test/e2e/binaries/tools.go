//go:build binaries

// Package binaries pins the API server and etcd that the stories run against. It is a module of its own, for only
// programs are built from it: what they require stays out of everything else.
package binaries

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
