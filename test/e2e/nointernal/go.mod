// The released sidecar's module requires a module that no registry serves. None of its packages is imported here, so an
// empty module stands in for it.
module sigs.k8s.io/container-object-storage-interface/internal

go 1.24.0
