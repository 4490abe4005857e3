// Package v1alpha1 describes COSI v1alpha1 to the library: its methods, what may be shown of its messages, and its rules.
package v1alpha1

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/methods"
	"github.com/doomshrine/gocosi/internal/rules"
)

// The services.
const (
	Identity    = "cosi.v1alpha1.Identity"
	Provisioner = "cosi.v1alpha1.Provisioner"
)

// Generation describes v1alpha1. Its peers may know more fields than the bindings: upstream has another set, which adds some.
func Generation() methods.Generation {
	return methods.Generation{
		Name: "v1alpha1", Methods: ruled(table()), Fields: Fields,
		Request: rules.Request, Response: rules.Response, Advice: rules.Advice,
	}
}

// ruled names the rules that can refuse the methods' requests and answers.
func ruled(all map[string]*methods.Method) map[string]*methods.Method {
	for _, m := range all {
		m.RequestRules, m.ResponseRules = rules.RequestRules(m.Name), rules.ResponseRules(m.Name)
	}
	return all
}

func table() map[string]*methods.Method {
	return map[string]*methods.Method{
		"/" + Identity + "/DriverGetInfo": {
			Name:    "DriverGetInfo",
			Handler: methods.HandlerOf(cosi.IdentityServer.DriverGetInfo),
			Result:  methods.Label{Key: "driver", Value: methods.Of((*cosi.DriverGetInfoResponse).GetName)},
		},
		"/" + Provisioner + "/DriverCreateBucket": {
			Name:      "DriverCreateBucket",
			Handler:   methods.HandlerOf(cosi.ProvisionerServer.DriverCreateBucket),
			Secrets:   methods.Secrets((*cosi.DriverCreateBucketRequest).GetParameters),
			Changes:   true,
			Bucket:    methods.Of((*cosi.DriverCreateBucketRequest).GetName),
			Result:    methods.Label{Key: "bucket_id", Value: methods.Of((*cosi.DriverCreateBucketResponse).GetBucketId)},
			Serialize: methods.ByName,
		},
		"/" + Provisioner + "/DriverDeleteBucket": {
			Name:      "DriverDeleteBucket",
			Handler:   methods.HandlerOf(cosi.ProvisionerServer.DriverDeleteBucket),
			Secrets:   methods.Secrets((*cosi.DriverDeleteBucketRequest).GetDeleteContext),
			Changes:   true,
			Bucket:    methods.Of((*cosi.DriverDeleteBucketRequest).GetBucketId),
			Serialize: methods.ByID,
			Translation: methods.Translation{
				Rule: "DELETE-2", From: codes.NotFound, To: codes.OK,
				Reply: func() any { return &cosi.DriverDeleteBucketResponse{} },
			},
		},
		"/" + Provisioner + "/DriverGrantBucketAccess": {
			Name:        "DriverGrantBucketAccess",
			Handler:     methods.HandlerOf(cosi.ProvisionerServer.DriverGrantBucketAccess),
			Secrets:     methods.Secrets((*cosi.DriverGrantBucketAccessRequest).GetParameters),
			Kept:        keepType,
			Own:         methods.Clone,
			Changes:     true,
			Bucket:      methods.Of((*cosi.DriverGrantBucketAccessRequest).GetBucketId),
			Account:     methods.Of((*cosi.DriverGrantBucketAccessRequest).GetName),
			Result:      methods.Label{Key: "account_id", Value: methods.Of((*cosi.DriverGrantBucketAccessResponse).GetAccountId)},
			Serialize:   methods.ByID,
			Translation: methods.Translation{Rule: "GRANT-11", From: codes.AlreadyExists, To: codes.FailedPrecondition, Always: true},
		},
		"/" + Provisioner + "/DriverRevokeBucketAccess": {
			Name:      "DriverRevokeBucketAccess",
			Handler:   methods.HandlerOf(cosi.ProvisionerServer.DriverRevokeBucketAccess),
			Secrets:   methods.Secrets((*cosi.DriverRevokeBucketAccessRequest).GetRevokeAccessContext),
			Changes:   true,
			Bucket:    methods.Of((*cosi.DriverRevokeBucketAccessRequest).GetBucketId),
			Account:   methods.Of((*cosi.DriverRevokeBucketAccessRequest).GetAccountId),
			Serialize: methods.ByID,
			Translation: methods.Translation{
				Rule: "REVOKE-4", From: codes.NotFound, To: codes.OK,
				Reply: func() any { return &cosi.DriverRevokeBucketAccessResponse{} },
			},
		},
	}
}

// keepType keeps what decides on a grant's credentials.
func keepType(request any) any {
	r, _ := request.(*cosi.DriverGrantBucketAccessRequest)
	return &cosi.DriverGrantBucketAccessRequest{AuthenticationType: r.GetAuthenticationType()}
}

// Services describes the services. The bindings keep their own descriptions to themselves.
func Services() (identity, provisioner *grpc.ServiceDesc) {
	const file = "sigs.k8s.io/container-object-storage-interface-spec/cosi.proto"
	all := methods.Table([]methods.Generation{Generation()})
	return methods.Describe(Identity, file, (*cosi.IdentityServer)(nil), all),
		methods.Describe(Provisioner, file, (*cosi.ProvisionerServer)(nil), all)
}
