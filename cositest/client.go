package cositest

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// client makes calls, each with a deadline, and remembers how they failed and which secrets were granted.
type client struct {
	identity    cosi.IdentityClient
	provisioner cosi.ProvisionerClient
	timeout     time.Duration

	supported cosi.AuthenticationType // found by GRANT-4

	mu       sync.Mutex
	failures []failure
	secrets  []string
}

// failure is an error that the driver answered.
type failure struct {
	rpc    string
	status *status.Status
}

func newClient(conn grpc.ClientConnInterface, timeout time.Duration) *client {
	return &client{
		identity: cosi.NewIdentityClient(conn), provisioner: cosi.NewProvisionerClient(conn), timeout: timeout,
	}
}

// ask makes one call.
func ask[Q, R any](ctx context.Context, c *client, rpc string, call func(context.Context, Q, ...grpc.CallOption) (R, error), request Q) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := call(ctx, request)
	if err != nil {
		c.remember(rpc, err)
	}
	return response, err
}

// remember keeps a failure that the driver answered; those of a call that this side ended are not the driver's.
func (c *client) remember(rpc string, err error) {
	st := status.Convert(err)
	if gone(st.Code()) || st.Code() == codes.Canceled {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, failure{rpc, st})
}

// seen returns the failures so far.
func (c *client) seen() []failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]failure(nil), c.failures...)
}

// secretsSeen returns the secrets that were granted so far.
func (c *client) secretsSeen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.secrets...)
}

// ping says why the driver does not answer; nil when it does, with whatever.
func (c *client) ping(ctx context.Context) error {
	_, err := c.getInfo(ctx)
	if gone(status.Code(err)) {
		return err
	}
	return nil
}

func (c *client) getInfo(ctx context.Context) (*cosi.DriverGetInfoResponse, error) {
	return ask(ctx, c, "DriverGetInfo", c.identity.DriverGetInfo, &cosi.DriverGetInfoRequest{})
}

func (c *client) create(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return ask(ctx, c, "DriverCreateBucket", c.provisioner.DriverCreateBucket, r)
}

func (c *client) delete(ctx context.Context, r *cosi.DriverDeleteBucketRequest) error {
	_, err := ask(ctx, c, "DriverDeleteBucket", c.provisioner.DriverDeleteBucket, r)
	return err
}

func (c *client) grant(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	response, err := ask(ctx, c, "DriverGrantBucketAccess", c.provisioner.DriverGrantBucketAccess, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, details := range response.GetCredentials() {
		for _, key := range []string{"accessSecretKey", "accessToken"} {
			if secret := details.GetSecrets()[key]; secret != "" {
				c.secrets = append(c.secrets, secret)
			}
		}
	}
	return response, err
}

func (c *client) revoke(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) error {
	_, err := ask(ctx, c, "DriverRevokeBucketAccess", c.provisioner.DriverRevokeBucketAccess, r)
	return err
}
