package driver

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// store holds the clients of the store's two services.
type store struct {
	s3  *s3.Client
	iam *iam.Client
}

// How often a request is tried, and how long the pause before the next time is at most. The sidecar repeats the call.
const (
	attempts = 3
	pause    = time.Second
)

// iamRegion is the one that IAM requests are signed for: the service has no regions.
const iamRegion = "us-east-1"

// newStore returns clients that try a request again when the store has a bad moment, as all of them can be repeated but
// one: see makeKey.
func newStore(settings Settings) store {
	keys := credentials.NewStaticCredentialsProvider(settings.AccessKey, settings.SecretKey, "")
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http's own
	transport.MaxIdleConnsPerHost = 80                           // as many calls as the sidecar makes at once
	client := &http.Client{Transport: transport}                 // calls end by their context
	patient := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, pause })
	return store{
		s3: s3.New(s3.Options{
			BaseEndpoint: aws.String(settings.Endpoint), Region: settings.Region, UsePathStyle: true,
			Credentials: keys, HTTPClient: client, Retryer: patient,
		}),
		iam: iam.New(iam.Options{
			BaseEndpoint: aws.String(settings.IAMEndpoint), Region: iamRegion,
			Credentials: keys, HTTPClient: client, Retryer: patient,
		}),
	}
}
