package driver

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// store holds the clients of the store's two services.
type store struct {
	s3  *s3.Client
	iam *iam.Client
}

// iamRegion is the one that IAM requests are signed for: the service has no regions.
const iamRegion = "us-east-1"

// The clients repeat nothing: the sidecar does, with a growing pause, and a repeated CreateAccessKey makes a second key.
func newStore(settings Settings) store {
	keys := credentials.NewStaticCredentialsProvider(settings.AccessKey, settings.SecretKey, "")
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http's own
	transport.MaxIdleConnsPerHost = 80                           // as many calls as the sidecar makes at once
	client := &http.Client{Transport: transport}                 // calls end by their context
	return store{
		s3: s3.New(s3.Options{
			BaseEndpoint: aws.String(settings.Endpoint), Region: settings.Region, UsePathStyle: true,
			Credentials: keys, HTTPClient: client, Retryer: aws.NopRetryer{},
		}),
		iam: iam.New(iam.Options{
			BaseEndpoint: aws.String(settings.IAMEndpoint), Region: iamRegion,
			Credentials: keys, HTTPClient: client, Retryer: aws.NopRetryer{},
		}),
	}
}
