package cositest

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// maxSilences is in how many cases an RPC may leave a call without an answer before it is called no more: a run ends
// after a few timeouts, whatever hangs.
const maxSilences = 2

// sizeLimits is the rule that goes for every answer, and has a case of its own.
const sizeLimits = "GEN-9"

// client makes calls as the sidecar does, without a deadline on the wire, but gives each up after a while. It remembers
// what the driver answered.
type client struct {
	identity    cosi.IdentityClient
	provisioner cosi.ProvisionerClient
	timeout     time.Duration

	supported cosi.AuthenticationType // found by GRANT-4

	mu       sync.Mutex
	answered map[string]bool // RPCs that answered something other than UNIMPLEMENTED
	silences map[string]int  // cases in which an RPC did not answer
	silent   map[string]bool // RPCs that did not answer in the case that runs
	failures []failure
	oversize []failure
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
		answered: map[string]bool{}, silences: map[string]int{}, silent: map[string]bool{},
	}
}

// begin is called before each case.
func (c *client) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.silent)
}

// ask makes one call.
func ask[Q, R any](ctx context.Context, c *client, rpc string, call func(context.Context, Q, ...grpc.CallOption) (R, error), request Q) (R, error) {
	if err := c.given(rpc); err != nil {
		var none R
		return none, err
	}
	calling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	timer := time.AfterFunc(c.timeout, cancel)
	defer timer.Stop()
	response, err := call(calling, request)
	switch {
	case err == nil:
		c.heard(rpc, rules.Response(request, response))
	case calling.Err() == nil:
		err = c.failed(rpc, err)
	case ctx.Err() == nil:
		err = c.unheard(rpc)
	}
	return response, err
}

// given returns an error for an RPC that did not answer often enough: once in this case, or in several before.
func (c *client) given(rpc string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silent[rpc] || c.silences[rpc] >= maxSilences {
		return silentError{rpc: rpc, timeout: c.timeout, uncalled: true}
	}
	return nil
}

// heard notes a success, and what about it is too large.
func (c *client) heard(rpc string, v *rules.Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered[rpc] = true
	if v != nil && v.Rule == sizeLimits {
		c.oversize = append(c.oversize, failure{rpc, status.New(codes.OK, v.Error())})
	}
}

// failed notes a failure that the driver answered. UNAVAILABLE may be the connection's, and is left out.
func (c *client) failed(rpc string, err error) error {
	st := status.Convert(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.Code() == codes.Unimplemented {
		if !c.answered[rpc] {
			err = unsupportedError{rpc, st}
		}
	} else if st.Code() != codes.Unavailable {
		c.answered[rpc] = true
	}
	if st.Code() != codes.Unavailable {
		c.failures = append(c.failures, failure{rpc, st})
	}
	return err
}

// unheard notes that a call was given up. Those that were made side by side count once.
func (c *client) unheard(rpc string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.silent[rpc] {
		c.silent[rpc] = true
		c.silences[rpc]++
	}
	return silentError{rpc: rpc, timeout: c.timeout}
}

// seen returns the failures so far.
func (c *client) seen() []failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failures)
}

// tooLarge returns what the answers so far had that was too large.
func (c *client) tooLarge() []failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.oversize)
}

// secretsSeen returns the secrets that were granted so far.
func (c *client) secretsSeen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.secrets)
}

// ping says why the driver does not answer; nil when it does, with whatever.
func (c *client) ping(ctx context.Context) error {
	if _, err := c.getInfo(ctx); gone(err) {
		return err
	}
	return nil
}

func (c *client) getInfo(ctx context.Context) (*cosi.DriverGetInfoResponse, error) {
	return ask(ctx, c, rules.GetInfo, c.identity.DriverGetInfo, &cosi.DriverGetInfoRequest{})
}

func (c *client) create(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return ask(ctx, c, rules.Create, c.provisioner.DriverCreateBucket, r)
}

func (c *client) delete(ctx context.Context, r *cosi.DriverDeleteBucketRequest) error {
	_, err := ask(ctx, c, rules.Delete, c.provisioner.DriverDeleteBucket, r)
	return err
}

func (c *client) grant(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	response, err := ask(ctx, c, rules.Grant, c.provisioner.DriverGrantBucketAccess, r)
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
	_, err := ask(ctx, c, rules.Revoke, c.provisioner.DriverRevokeBucketAccess, r)
	return err
}
