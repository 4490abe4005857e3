package hook

import (
	"context"

	"github.com/doomshrine/gocosi/cositest"
)

type accessRequest struct {
	BucketName  string                       `json:"bucketName"`
	BucketID    string                       `json:"bucketID"`
	Credentials map[string]map[string]string `json:"credentials"` // by protocol, as they were granted
	Expect      cositest.Expectation         `json:"expect"`
	Keep        bool                         `json:"keep"`
}

// access asks whether credentials do on the store what is expected.
func (c command) access(ctx context.Context, use cositest.Use) (bool, error) {
	request := accessRequest{use.BucketName, use.BucketID, map[string]map[string]string{}, use.Expect, use.Keep}
	for protocol, details := range use.Credentials {
		request.Credentials[protocol] = details.GetSecrets()
	}
	r, err := c.run(ctx, request)
	return r.yes, err
}
