package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// grantable are the cases without which no access can be had.
func grantable() []string {
	return extend(creatable(), "GRANT-4", "GRANT-16", "GRANT-6", "GRANT-7", "GRANT-8", "GRANT-9", "GRANT-10")
}

func grantCases() []Case {
	answers := extend(creatable(), "GRANT-4", "GRANT-16", "GRANT-6")
	return []Case{
		newCase("GRANT-4", grantTypes, creatable()...),
		newCase("GRANT-16", grantSidecarName, extend(creatable(), "GRANT-4")...),
		newCase("GRANT-6", grantAnswer("GRANT-6"), extend(creatable(), "GRANT-4", "GRANT-16")...),
		newCase("GRANT-7", grantAnswer("GRANT-7"), answers...),
		newCase("GRANT-8", grantAnswer("GRANT-8"), extend(answers, "GRANT-7")...),
		newCase("GRANT-9", grantAnswer("GRANT-9"), extend(answers, "GRANT-7", "GRANT-8")...),
		newCase("GRANT-10", grantAnswer("GRANT-10"), extend(answers, "GRANT-7", "GRANT-8")...),
		advised("GRANT-9 region", grantRegion, grantable()...),
		newCase("GRANT-1", grantNoBucket, answers...),
		newCase("GRANT-2", grantNoName, answers...),
		newCase("GRANT-3", grantBadType, answers...),
		newCase("GRANT-5", grantAgain, grantable()...),
		newCase("GRANT-12", grantUnknownBucket, answers...),
		newCase("GRANT-13", grantNoParameters, grantable()...),
		advised("GRANT-13 unknown", grantUnknownParameter, grantable()...),
		newCase("GRANT-14", grantTwo, grantable()...),
		newCase("GRANT-17", grantIAM, grantable()...),
	}
}

// grantTypes tries both types. It also tells the other cases which one to use.
func grantTypes(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	key, keyErr := t.tryType(ctx, b, cosi.AuthenticationType_Key)
	iam, iamErr := t.tryType(ctx, b, cosi.AuthenticationType_IAM)
	switch {
	case key:
		t.supported = cosi.AuthenticationType_Key
	case iam:
		t.supported = cosi.AuthenticationType_IAM
	}
	if _, unsupported := errors.AsType[unsupportedError](iamErr); unsupported {
		return iamErr // after Key, so Key was no better
	}
	return cmp.Or(wrongRefusal(t.cfg, cosi.AuthenticationType_Key, keyErr), wrongRefusal(t.cfg, cosi.AuthenticationType_IAM, iamErr),
		neither(key || iam, keyErr, iamErr))
}

// tryType grants access by the type. When the sidecar's name for it is refused, another is tried: names are GRANT-16's.
func (t *trial) tryType(ctx context.Context, b bucket, method cosi.AuthenticationType) (works bool, err error) {
	for _, name := range []string{accountName(), "ba" + bucketName()[len("bucket-"):][:8]} {
		request := t.request(b, name)
		request.AuthenticationType = method
		if _, err = t.give(ctx, request); err == nil {
			return true, nil
		}
		if status.Code(err) != codes.InvalidArgument {
			break
		}
	}
	return false, err
}

// wrongRefusal is how a type that is not supported must not be refused, and one that is not at all.
func wrongRefusal(cfg Config, method cosi.AuthenticationType, err error) error {
	switch {
	case err == nil:
		return nil
	case gone(err):
		return fmt.Errorf("%s is not answered: %w", method, err)
	case slices.Contains(cfg.AuthenticationTypes, method):
		return fmt.Errorf("%s, which AuthenticationTypes has, is refused: %w", method, err)
	case status.Code(err) == codes.InvalidArgument || !canonical(status.Code(err)):
		return nil
	}
	return fmt.Errorf("%s is neither supported nor refused with INVALID_ARGUMENT: %s", method, status.Convert(err).String())
}

func neither(works bool, key, iam error) error {
	if works {
		return nil
	}
	return errors.New("neither Key nor IAM is supported: " + key.Error() + "; " + iam.Error())
}

func grantSidecarName(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	name := accountName()
	_, err = t.give(ctx, t.request(b, name))
	return granted("the name "+name, err)
}

// grantAnswer looks at the answer of a grant for what breaks one rule.
func grantAnswer(rule string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		b, err := t.bucket(ctx)
		if err != nil {
			return err
		}
		request := t.request(b, accountName())
		response, err := t.give(ctx, request)
		if err != nil {
			return missed("access cannot be granted", err)
		}
		if v := rules.Response(request, response); v != nil && v.Rule == rule {
			return v
		}
		if other, ok := map[string]string{"GRANT-9": "s3", "GRANT-10": "azure"}[rule]; ok && response.GetCredentials()[other] == nil {
			return skipError("the credentials are not for " + other)
		}
		return nil
	}
}

func grantRegion(ctx context.Context, t *trial) error {
	_, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	if a.credentials["s3"] == nil {
		return skipError("the credentials are not for s3")
	}
	if a.credentials["s3"].GetSecrets()["region"] == "" {
		return errors.New("region is empty")
	}
	return nil
}

// grantWithout expects a refusal of a request that lacks something.
func grantWithout(ctx context.Context, t *trial, what string, spoil func(*cosi.DriverGrantBucketAccessRequest)) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	request := t.request(b, accountName())
	spoil(request)
	_, err = t.give(ctx, request)
	return refused(what, err, codes.InvalidArgument)
}

func grantNoBucket(ctx context.Context, t *trial) error {
	return grantWithout(ctx, t, "a request without bucket_id", func(r *cosi.DriverGrantBucketAccessRequest) { r.BucketId = "" })
}

func grantNoName(ctx context.Context, t *trial) error {
	return grantWithout(ctx, t, "a request without a name", func(r *cosi.DriverGrantBucketAccessRequest) { r.Name = "" })
}

func grantBadType(ctx context.Context, t *trial) error {
	for _, method := range []cosi.AuthenticationType{0, 99} {
		err := grantWithout(ctx, t, fmt.Sprintf("authentication_type %d", method),
			func(r *cosi.DriverGrantBucketAccessRequest) { r.AuthenticationType = method })
		if err != nil {
			return err
		}
	}
	return nil
}

// accounts counts the store's accounts; 0 when there is no hook for that.
func (t *trial) accounts(ctx context.Context) (int, error) {
	if t.cfg.CountAccounts == nil {
		return 0, nil
	}
	n, err := t.cfg.CountAccounts(ctx)
	return n, missed("the hook CountAccounts", err)
}

func grantUnknownBucket(ctx context.Context, t *trial) error {
	before, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	_, err = t.give(ctx, t.request(bucket{id: bucketName()}, accountName()))
	if err := refused("a bucket that never was", err, codes.NotFound); err != nil {
		return err
	}
	after, err := t.accounts(ctx)
	if err == nil && after != before {
		return fmt.Errorf("the refused call left %d accounts behind", after-before)
	}
	return err
}

func grantNoParameters(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	request := t.request(b, accountName())
	request.Parameters = nil
	_, err = t.give(ctx, request)
	return accepted("a request without parameters", err)
}

func grantUnknownParameter(ctx context.Context, t *trial) error {
	return grantWithout(ctx, t, "an unknown parameter",
		func(r *cosi.DriverGrantBucketAccessRequest) { r.Parameters = withUnknown(r.GetParameters()) })
}

func grantTwo(ctx context.Context, t *trial) error {
	b, first, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	second, err := t.access(ctx, b)
	if err == nil && first.account == second.account {
		return fmt.Errorf("the names %s and %s have the same account_id %q", first.name, second.name, first.account)
	}
	return err
}

// grantAgain repeats a grant: nothing in the answer may change, and no account may be added.
func grantAgain(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	request := t.request(b, accountName())
	first, err := t.give(ctx, request)
	if err != nil {
		return missed("access cannot be granted", err)
	}
	before, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	for range t.cfg.Repeat {
		again, err := t.give(ctx, request)
		if err := cmp.Or(granted("a repeat", err), sameGrant(first, again)); err != nil {
			return err
		}
	}
	after, err := t.accounts(ctx)
	if err == nil && after != before {
		return fmt.Errorf("the store had %d accounts before the repeats and has %d after them", before, after)
	}
	return err
}

// sameGrant expects two answers to one grant to be the same.
func sameGrant(first, again *cosi.DriverGrantBucketAccessResponse) error {
	if again.GetAccountId() != first.GetAccountId() {
		return fmt.Errorf("the repeat answers account_id %q, the first call answered %q", again.GetAccountId(), first.GetAccountId())
	}
	if !proto.Equal(first, again) {
		return errors.New("the repeat answers other credentials: the Secret keeps the first ones, and each retry leaves a key behind")
	}
	return nil
}

// grantIAM holds the answer to a grant by IAM against the rules that go for every type.
func grantIAM(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	request := t.request(b, accountName())
	request.AuthenticationType = cosi.AuthenticationType_IAM
	response, err := t.give(ctx, request)
	if status.Code(err) == codes.InvalidArgument || !canonical(status.Code(err)) {
		return skipError("the driver does not support IAM")
	}
	if err != nil {
		return missed("access cannot be granted", err)
	}
	if v := rules.Response(request, response); v != nil && v.Rule != sizeLimits {
		return v
	}
	return nil
}
