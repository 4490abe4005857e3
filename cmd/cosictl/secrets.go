package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/redact"
)

// secrets are the values that must not be printed. Safe for concurrent use, but for shown.
type secrets struct {
	shown bool // print them all the same

	mu     sync.Mutex
	values []string
}

// add remembers values, also as they look when a text quotes them, or shows a line of them.
func (s *secrets) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range values {
		s.values = append(s.values, value)
		if strings.Contains(value, "\n") { // the end of a text may begin within it
			s.values = append(s.values, strings.Split(value, "\n")...)
		}
		if quoted := strconv.Quote(value); quoted != `"`+value+`"` {
			s.values = append(s.values, quoted[1:len(quoted)-1])
		}
	}
}

// mask returns the text without secrets.
func (s *secrets) mask(text string) string {
	if s.shown {
		return text
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return redact.Text(text, s.values)
}

// hidden are the values that must not be printed; nil when all may be.
func (s *secrets) hidden() []string {
	if s.shown {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values)
}

// public says whether the value of a credential's key may be shown. Keys that nobody knows hold secrets.
func public(key string) bool {
	switch key {
	case "endpoint", "region", "accessKeyID", "expiryTs":
		return true
	}
	return false
}

// learn is an interceptor that remembers the secrets that a driver grants: an error may hold them later.
func (s *secrets) learn(
	ctx context.Context, method string, request, response any, conn *grpc.ClientConn, next grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	err := next(ctx, method, request, response, conn, options...)
	granted, _ := response.(*cosi.DriverGrantBucketAccessResponse)
	s.add(secretsOf(granted.GetCredentials())...)
	return err
}

// credentials renders what was granted. An empty value is shown as it is: it is a fault, and no secret.
func (s *secrets) credentials(granted map[string]*cosi.CredentialDetails) result {
	hidden := secretsOf(granted)
	all := result{}
	for protocol, details := range granted {
		one := result{}
		for key, value := range details.GetSecrets() {
			switch {
			case s.shown || value == "":
				one[key] = value
			case public(key):
				one[key] = redact.Text(value, hidden) // the values of parameters may stand here: a region does
			default:
				one[key] = redact.Mask
			}
		}
		all[protocol] = one
	}
	return all
}

// secretsOf are the values that may not be shown.
func secretsOf(granted map[string]*cosi.CredentialDetails) []string {
	var found []string
	for _, details := range granted {
		for key, value := range details.GetSecrets() {
			if !public(key) {
				found = append(found, value)
			}
		}
	}
	return found
}
