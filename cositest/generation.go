package cositest

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// later are the methods by which a driver of another generation is recognised. Their requests have no fields.
func later() []struct{ generation, method string } {
	return []struct{ generation, method string }{
		{"v1alpha2", "/sigs.k8s.io.cosi.v1alpha2.Identity/DriverGetInfo"},
	}
}

// otherGeneration says whether the driver speaks another version of COSI alone, and notes which.
func (r *runner) otherGeneration(ctx context.Context, conn grpc.ClientConnInterface) bool {
	r.client.begin()
	if _, err := r.client.getInfo(ctx); !missing(err) {
		return false
	}
	_, err := r.client.create(ctx, &cosi.DriverCreateBucketRequest{})
	r.nothing = missing(err)
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	for _, one := range later() {
		err := conn.Invoke(ctx, one.method, &emptypb.Empty{}, &emptypb.Empty{})
		if !missing(err) && ctx.Err() == nil && status.Code(err) != codes.Unavailable {
			r.report.Generation = one.generation
			return true
		}
	}
	return false
}

// missing says that a server does not have a method.
func missing(err error) bool {
	return status.Code(err) == codes.Unimplemented && unknownMethod(status.Convert(err).Message())
}

// unknownMethod tells the answer of a gRPC server that does not know a method from that of a driver that does not
// support it.
func unknownMethod(message string) bool {
	for _, words := range []string{
		"unknown service", "unknown method", "not served", "Method not found", "does not implement the method", "not implemented by the server",
	} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}
