package gocosi

import (
	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// method is what the runtime knows of one RPC of the specification; the chain works from these tables alone.
type method struct {
	name    string // as logs and messages show it
	changes bool   // a successful call is worth a line in the log

	bucket  func(request any) string
	account func(request any) string
	result  label // what the answer names

	serialize   space       // in which calls for one bucket take turns
	translation translation // of the handler's status code
}

// label is a key of a log line, and how its value is found.
type label struct {
	key   string
	value func(response any) string
}

// translation turns a code into the one that the released sidecar understands.
type translation struct {
	rule string
	from codes.Code
	to   codes.Code
	// always: whoever the status comes from, wrapped or not. Otherwise only one that the handler itself returned counts.
	always bool
	// reply is the answer when to is OK.
	reply func() any
}

// space is one of names: the same one in two spaces may be two buckets.
type space int

const (
	sideBySide space = iota // calls take no turns
	byName                  // Create knows only the bucket's name
	byID                    // the other calls only its id
	spaces
)

// methods is the table of v1alpha1, by full method name.
func methods() map[string]*method {
	return map[string]*method{
		"/cosi.v1alpha1.Identity/DriverGetInfo": {
			name:    "DriverGetInfo",
			bucket:  nothing,
			account: nothing,
			result:  label{"driver", of((*cosi.DriverGetInfoResponse).GetName)},
		},
		"/cosi.v1alpha1.Provisioner/DriverCreateBucket": {
			name:      "DriverCreateBucket",
			changes:   true,
			bucket:    of((*cosi.DriverCreateBucketRequest).GetName),
			account:   nothing,
			result:    label{"bucket_id", of((*cosi.DriverCreateBucketResponse).GetBucketId)},
			serialize: byName,
		},
		"/cosi.v1alpha1.Provisioner/DriverDeleteBucket": {
			name:      "DriverDeleteBucket",
			changes:   true,
			bucket:    of((*cosi.DriverDeleteBucketRequest).GetBucketId),
			account:   nothing,
			serialize: byID,
			translation: translation{
				rule: "DELETE-2", from: codes.NotFound, to: codes.OK,
				reply: func() any { return &cosi.DriverDeleteBucketResponse{} },
			},
		},
		"/cosi.v1alpha1.Provisioner/DriverGrantBucketAccess": {
			name:        "DriverGrantBucketAccess",
			changes:     true,
			bucket:      of((*cosi.DriverGrantBucketAccessRequest).GetBucketId),
			account:     of((*cosi.DriverGrantBucketAccessRequest).GetName),
			result:      label{"account_id", of((*cosi.DriverGrantBucketAccessResponse).GetAccountId)},
			serialize:   byID,
			translation: translation{rule: "GRANT-11", from: codes.AlreadyExists, to: codes.FailedPrecondition, always: true},
		},
		"/cosi.v1alpha1.Provisioner/DriverRevokeBucketAccess": {
			name:      "DriverRevokeBucketAccess",
			changes:   true,
			bucket:    of((*cosi.DriverRevokeBucketAccessRequest).GetBucketId),
			account:   of((*cosi.DriverRevokeBucketAccessRequest).GetAccountId),
			serialize: byID,
			translation: translation{
				rule: "REVOKE-4", from: codes.NotFound, to: codes.OK,
				reply: func() any { return &cosi.DriverRevokeBucketAccessResponse{} },
			},
		},
	}
}

// of makes a getter of a message one of any message; of another message it finds "".
func of[T any](get func(T) string) func(any) string {
	return func(message any) string {
		m, _ := message.(T)
		return get(m)
	}
}

func nothing(any) string { return "" }
