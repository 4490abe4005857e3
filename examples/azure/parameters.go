package main

import (
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi"
)

// What a BucketClass, and a BucketAccessClass, may say.
const (
	emptyOnDelete = "emptyOnDelete" // true: deleting the bucket deletes what is in it

	accessMode = "access"
	lifetime   = "lifetime"
)

// deleteUnowned, in the parameters of a Bucket that an administrator entered, allows to delete a container that this
// driver did not make. No class can say that.
const deleteUnowned = "deleteUnowned"

// bucketParameters are what a BucketClass says.
type bucketParameters struct {
	emptyOnDelete bool
}

func readBucketParameters(m map[string]string) (bucketParameters, error) {
	m, err := gocosi.Parameters(m, emptyOnDelete)
	if err != nil {
		return bucketParameters{}, err
	}
	empty, err := readBool(m, emptyOnDelete)
	return bucketParameters{emptyOnDelete: empty}, err
}

// deleteContext is what is known of a bucket when it is deleted.
type deleteContext struct {
	emptyOnDelete, deleteUnowned bool
}

// readDeleteContext is lenient on unknown keys: what was accepted once must be possible to delete.
func readDeleteContext(m map[string]string) (deleteContext, error) {
	empty, err := readBool(m, emptyOnDelete)
	if err != nil {
		return deleteContext{}, err
	}
	unowned, err := readBool(m, deleteUnowned)
	return deleteContext{emptyOnDelete: empty, deleteUnowned: unowned}, err
}

// What a parameter says that is either so or not.
const (
	yes = "true"
	no  = "false"
)

func readBool(m map[string]string, key string) (bool, error) {
	switch m[key] {
	case yes:
		return true, nil
	case no, "":
		return false, nil
	}
	return false, status.Errorf(codes.InvalidArgument, "parameter %s: want %s or %s", key, yes, no)
}

// accessParameters are what a bucket access class says.
type accessParameters struct {
	permission string        // in Azure's letters
	lifetime   time.Duration // 0: no end
}

// permissions are the letters of each mode, in the order in which Azure wants them.
func permissions(mode string) (letters string, ok bool) {
	switch mode {
	case "readwrite", "":
		return "racwdl", true // read, add, create, write, delete, list
	case "readonly":
		return "rl", true
	case "writeonly":
		return "acw", true
	}
	return "", false
}

// shortest is a lifetime that outlasts the time until a policy takes effect.
const shortest = time.Minute

func readAccessParameters(m map[string]string) (accessParameters, error) {
	m, err := gocosi.Parameters(m, accessMode, lifetime)
	if err != nil {
		return accessParameters{}, err
	}
	letters, ok := permissions(m[accessMode])
	if !ok {
		return accessParameters{}, status.Errorf(codes.InvalidArgument, "parameter %s: want readwrite, readonly or writeonly", accessMode)
	}
	length, err := readLifetime(m[lifetime])
	return accessParameters{permission: letters, lifetime: length}, err
}

func readLifetime(value string) (time.Duration, error) {
	if value == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < shortest || d != d.Truncate(time.Second) {
		return 0, status.Errorf(codes.InvalidArgument, "parameter %s: accepted is a duration of whole seconds such as 720h, %v at least", lifetime, shortest)
	}
	return d, nil
}
