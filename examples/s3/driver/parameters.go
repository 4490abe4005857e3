package driver

import (
	"cmp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi"
)

// What a BucketClass may say.
const (
	paramVersioning    = "versioning"    // "true": keep the versions of objects
	paramEmptyOnDelete = "emptyOnDelete" // "true": deleting the bucket deletes what is in it
)

// paramDeleteUnowned, in the parameters of a Bucket that an administrator entered, allows to delete a bucket that this
// driver did not make. No class can say that.
const paramDeleteUnowned = "deleteUnowned"

// paramAccess is what a BucketAccessClass may say.
const paramAccess = "access"

type bucketParameters struct {
	versioning    bool
	emptyOnDelete bool
	deleteUnowned bool
}

// createParameters reads a class strictly (requirement CREATE-8).
func createParameters(m map[string]string) (bucketParameters, error) {
	if _, err := gocosi.Parameters(m, paramVersioning, paramEmptyOnDelete); err != nil {
		return bucketParameters{}, err
	}
	return readBucketParameters(m)
}

// readBucketParameters ignores keys that it does not know, as a delete must: its parameters are a copy from long ago
// (requirement DELETE-3).
func readBucketParameters(m map[string]string) (p bucketParameters, err error) {
	for key, field := range map[string]*bool{
		paramVersioning: &p.versioning, paramEmptyOnDelete: &p.emptyOnDelete, paramDeleteUnowned: &p.deleteUnowned,
	} {
		switch m[key] {
		case "", "false":
		case "true":
			*field = true
		default:
			return p, status.Errorf(codes.InvalidArgument, "parameter %s is neither true nor false", key)
		}
	}
	return p, nil
}

// String is what the bucket's tag keeps, to tell whether a repeated call asks for the same.
func (p bucketParameters) String() string {
	text := paramVersioning + "=false"
	if p.versioning {
		text = paramVersioning + "=true"
	}
	if p.emptyOnDelete {
		text += " " + paramEmptyOnDelete + "=true"
	}
	return text
}

// accessParameters reads a BucketAccessClass strictly (requirement GRANT-13).
func accessParameters(m map[string]string) (access, error) {
	if _, err := gocosi.Parameters(m, paramAccess); err != nil {
		return "", err
	}
	a := cmp.Or(access(m[paramAccess]), readWrite)
	if a != readWrite && a != readOnly && a != writeOnly {
		return "", status.Errorf(codes.InvalidArgument, "parameter %s is none of %s, %s, %s", paramAccess, readWrite, readOnly, writeOnly)
	}
	return a, nil
}
