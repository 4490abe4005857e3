package main

import (
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi"
)

// The parameters of a bucket class and of a bucket access class.
const (
	deleteNonEmpty = "deleteNonEmpty"
	deleteForeign  = "deleteForeign"

	accessMode = "access"
	lifetime   = "lifetime"
)

// bucketParameters are what a bucket class, or a bucket that an administrator entered, says.
type bucketParameters struct {
	deleteNonEmpty bool // a delete takes what is in the container with it
	deleteForeign  bool // a delete takes a container that this driver did not make
}

func readBucketParameters(m map[string]string) (bucketParameters, error) {
	m, err := gocosi.Parameters(m, deleteNonEmpty, deleteForeign)
	if err != nil {
		return bucketParameters{}, err
	}
	nonEmpty, err := readBool(deleteNonEmpty, m[deleteNonEmpty])
	if err != nil {
		return bucketParameters{}, err
	}
	foreign, err := readBool(deleteForeign, m[deleteForeign])
	return bucketParameters{deleteNonEmpty: nonEmpty, deleteForeign: foreign}, err
}

// readDeleteContext is lenient on unknown keys: what was accepted once must be possible to delete.
func readDeleteContext(m map[string]string) (bucketParameters, error) {
	known := map[string]string{}
	for _, key := range []string{deleteNonEmpty, deleteForeign} {
		if value, ok := m[key]; ok {
			known[key] = value
		}
	}
	return readBucketParameters(known)
}

// What a parameter says that is either so or not.
const (
	yes = "true"
	no  = "false"
)

func readBool(key, value string) (bool, error) {
	switch value {
	case yes:
		return true, nil
	case no, "":
		return false, nil
	}
	return false, status.Errorf(codes.InvalidArgument, "parameter %s: accepted are %s and %s", key, yes, no)
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
		return accessParameters{}, status.Errorf(codes.InvalidArgument, "parameter %s: accepted are readwrite, readonly and writeonly", accessMode)
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
