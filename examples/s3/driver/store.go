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

// store is the client of the store's S3 service. The clients of its users are in what implements accounts.
type store struct {
	s3   *s3.Client
	ids  *ids
	pace pace
}

// connections is how many a driver has to each service at most: as many as the sidecar makes calls at once.
const connections = 80

// newStore returns a client that tries a request again when the store has a bad moment, as all of them can be repeated.
func newStore(settings Settings) store {
	checksums := aws.RequestChecksumCalculationWhenRequired
	if settings.Checksums {
		checksums = aws.RequestChecksumCalculationWhenSupported
	}
	p, names := settings.bounds(), &ids{}
	recognition := withRecognition(settings, names, newMeasure(settings, settings.Endpoint))
	return store{pace: p, ids: names, s3: s3.New(s3.Options{
		BaseEndpoint: aws.String(settings.Endpoint), Region: settings.Region, UsePathStyle: !settings.VirtualHosted,
		Credentials: settings.credentials(), HTTPClient: settings.client, Retryer: newRetryer(p),
		RequestChecksumCalculation: checksums, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		// Not every store knows the newer checksums.
		APIOptions: []func(*middleware.Stack) error{recognition, smithyhttp.AddContentChecksumMiddleware},
	})}
}

// iamRegion is the one that IAM requests are signed for: the service has no regions.
const iamRegion = "us-east-1"

// newIAM returns a client of IAM as newStore does one of S3. One request must not be repeated: see createKey.
func newIAM(settings Settings) *iam.Client {
	p := settings.bounds()
	return iam.New(iam.Options{
		BaseEndpoint: aws.String(settings.IAMEndpoint), Region: iamRegion,
		Credentials: settings.credentials(), HTTPClient: settings.client, Retryer: newRetryer(p),
		APIOptions: []func(*middleware.Stack) error{withRecognition(settings, &ids{}, newMeasure(settings, settings.IAMEndpoint))},
	})
}

// bounds is how long the driver waits for its store, and for how much.
func (s Settings) bounds() pace {
	p := s.pace
	p.patience, p.answer = cmp.Or(p.patience, patienceAnswer), cmp.Or(p.answer, longestAnswer)
	return p
}

func (s Settings) credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, "")
}

// connected returns settings with which all clients share their connections.
func (s Settings) connected() Settings {
	if s.client == nil {
		s.client = newHTTPClient()
	}
	return s
}

// newHTTPClient follows no redirect: the store's own mean that the region is another one, and anybody else's would be sent
// a signed request.
func newHTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http's own
	transport.MaxConnsPerHost = connections
	transport.MaxIdleConnsPerHost = connections
	transport.MaxIdleConns = 2 * connections
	transport.DisableCompression = true // answers are bounded as they travel
	transport.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{ // calls end by their context
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
