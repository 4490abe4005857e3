package driver

import (
	"cmp"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// store holds the clients of the store's two services.
type store struct {
	s3   *s3.Client
	iam  *iam.Client
	pace pace
}

// iamRegion is the one that IAM requests are signed for: the service has no regions.
const iamRegion = "us-east-1"

// connections is how many a driver has to each service at most: as many as the sidecar makes calls at once.
const connections = 80

// newStore returns clients that try a request again when the store has a bad moment, as all of them can be repeated but
// one: see makeKey.
func newStore(settings Settings) store {
	keys := credentials.NewStaticCredentialsProvider(settings.AccessKey, settings.SecretKey, "")
	client := settings.client
	if client == nil {
		client = newHTTPClient()
	}
	p := settings.pace
	p.patience, p.answer = cmp.Or(p.patience, patienceAnswer), cmp.Or(p.answer, longestAnswer)
	options := []func(*middleware.Stack) error{withRecognition(p)}
	checksums := aws.RequestChecksumCalculationWhenRequired
	if settings.Checksums {
		checksums = aws.RequestChecksumCalculationWhenSupported
	}
	return store{
		pace: p,
		s3: s3.New(s3.Options{
			BaseEndpoint: aws.String(settings.Endpoint), Region: settings.Region, UsePathStyle: !settings.VirtualHosted,
			Credentials: keys, HTTPClient: client, Retryer: newRetryer(p),
			RequestChecksumCalculation: checksums, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
			APIOptions: append(options, smithyhttp.AddContentChecksumMiddleware), // not every store knows the newer checksums
		}),
		iam: iam.New(iam.Options{
			BaseEndpoint: aws.String(settings.IAMEndpoint), Region: iamRegion,
			Credentials: keys, HTTPClient: client, Retryer: newRetryer(p), APIOptions: options,
		}),
	}
}

// newHTTPClient follows no redirect: the store's own mean that the region is another one, and anybody else's would be sent
// a signed request.
func newHTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http's own
	transport.MaxConnsPerHost = connections
	transport.MaxIdleConnsPerHost = connections
	transport.DisableCompression = true // answers are bounded as they travel
	transport.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{ // calls end by their context
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
