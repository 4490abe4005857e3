package examples_test

// docs/migrating.md shows this package, and the tests of the documents compile what they show in this module.
import _ "sigs.k8s.io/container-object-storage-interface-provisioner-sidecar/pkg/provisioner"
