package main

import (
	"context"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

type identity struct {
	cosi.UnimplementedIdentityServer

	name string
}

func (i *identity) DriverGetInfo(context.Context, *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return &cosi.DriverGetInfoResponse{Name: i.name}, nil
}
