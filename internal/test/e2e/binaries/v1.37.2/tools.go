//go:build binaries

// Package binaries pins the API server, the kubelet and etcd that the stories use. It has a module of its own, so that the
// requirements of these programs stay out of all other modules.
package binaries

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
