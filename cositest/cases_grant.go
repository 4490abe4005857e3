package cositest

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// granted are the cases without which no access can be had.
func granted() []string {
	return after(usual(), "GRANT-4", "GRANT-16", "GRANT-6", "GRANT-7", "GRANT-8", "GRANT-9", "GRANT-10")
}

func grantCases() []Case {
	return []Case{
		newCase("GRANT-4", grantTypes, usual()...),
		newCase("GRANT-16", grantSidecarName, after(usual(), "GRANT-4")...),
		newCase("GRANT-6", grantAnswer("GRANT-6"), after(usual(), "GRANT-4", "GRANT-16")...),
		newCase("GRANT-7", grantAnswer("GRANT-7"), after(usual(), "GRANT-4", "GRANT-16", "GRANT-6")...),
		newCase("GRANT-8", grantAnswer("GRANT-8"), after(usual(), "GRANT-4", "GRANT-16", "GRANT-6", "GRANT-7")...),
		newCase("GRANT-9", grantAnswer("GRANT-9"), after(usual(), "GRANT-4", "GRANT-16", "GRANT-6", "GRANT-7", "GRANT-8")...),
		newCase("GRANT-10", grantAnswer("GRANT-10"), after(usual(), "GRANT-4", "GRANT-16", "GRANT-6", "GRANT-7", "GRANT-8")...),
		advised("GRANT-9 region", grantRegion, granted()...),
		newCase("GRANT-1", grantNoBucket, usual()...),
		newCase("GRANT-2", grantNoName, usual()...),
		newCase("GRANT-3", grantBadType, usual()...),
		newCase("GRANT-5", grantAgain, granted()...),
		newCase("GRANT-12", grantUnknownBucket, "GRANT-4"),
		newCase("GRANT-13", grantNoParameters, granted()...),
		advised("GRANT-13 unknown", grantUnknownParameter, granted()...),
		newCase("GRANT-14", grantTwo, granted()...),
		newCase("GRANT-15", grantAtOnce, after(granted(), "GRANT-14")...),
		newCase("GRANT-17", grantIAM, after(usual(), "GRANT-4")...),
		newCase("GRANT-11", grantNeverExists, after(granted(), "GRANT-5")...),
	}
}

// grantTypes tries both types. It also tells the other cases which one to use.
func grantTypes(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	works := 0
	for _, method := range []cosi.AuthenticationType{cosi.AuthenticationType_Key, cosi.AuthenticationType_IAM} {
		request := t.request(b, accountName())
		request.AuthenticationType = method
		_, err := t.give(ctx, request)
		if status.Code(err) == codes.Unimplemented {
			return skipError("the driver does not grant access: " + err.Error())
		}
		if err != nil && status.Code(err) == codes.InvalidArgument || status.Code(err) == codes.Unknown {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s is neither supported nor refused with INVALID_ARGUMENT: %w", method, err)
		}
		if works++; works == 1 {
			t.supported = method
		}
	}
	if works == 0 {
		return errors.New("neither Key nor IAM is supported")
	}
	return nil
}

func grantSidecarName(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	name := accountName()
	_, err = t.give(ctx, t.request(b, name))
	return accepted("the name "+name, err)
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
	_, a, err := t.both(ctx)
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
		switch {
		case err != nil:
			if status.Code(err) == codes.AlreadyExists {
				return skipError("a repeat answers ALREADY_EXISTS, which GRANT-11 reports")
			}
			return accepted("a repeat", err)
		case again.GetAccountId() != first.GetAccountId():
			return fmt.Errorf("the repeat answers account_id %q, the first call answered %q", again.GetAccountId(), first.GetAccountId())
		case !sameCredentials(first.GetCredentials(), again.GetCredentials()):
			return errors.New("the repeat answers other credentials: the Secret keeps the first ones, and each retry leaves a key behind")
		}
	}
	after, err := t.accounts(ctx)
	if err == nil && after != before {
		return fmt.Errorf("the store had %d accounts before the repeats and has %d after them", before, after)
	}
	return err
}

// accounts counts the store's accounts; 0 when there is no hook for that.
func (t *trial) accounts(ctx context.Context) (int, error) {
	if t.cfg.CountAccounts == nil {
		return 0, nil
	}
	n, err := t.cfg.CountAccounts(ctx)
	return n, missed("the hook CountAccounts", err)
}

func sameCredentials(a, b map[string]*cosi.CredentialDetails) bool {
	return maps.EqualFunc(a, b, func(x, y *cosi.CredentialDetails) bool { return proto.Equal(x, y) })
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
		func(r *cosi.DriverGrantBucketAccessRequest) { r.Parameters = with(r.GetParameters()) })
}

func grantTwo(ctx context.Context, t *trial) error {
	b, first, err := t.both(ctx)
	if err != nil {
		return err
	}
	second, err := t.access(ctx, b)
	if err == nil && first.account == second.account {
		return fmt.Errorf("the names %s and %s have the same account_id %q", first.name, second.name, first.account)
	}
	return err
}

// grantAtOnce grants many accesses to one bucket side by side: all of them must work.
func grantAtOnce(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	all := make([]access, t.cfg.Parallel)
	for i, err := range atOnce(t.cfg.Parallel, func(i int) error {
		request := t.request(b, accountName())
		return t.patiently(ctx, func() error {
			response, err := t.give(ctx, request)
			all[i] = access{request.GetName(), response.GetAccountId(), response.GetCredentials()}
			return err
		})
	}) {
		if err != nil {
			return fmt.Errorf("grant %d of %d at once is refused: %w", i+1, t.cfg.Parallel, err)
		}
	}
	owner := map[string]string{}
	for _, a := range all {
		if other, taken := owner[a.account]; taken {
			return fmt.Errorf("granted at once, %s and %s have the same account_id %q", other, a.name, a.account)
		}
		owner[a.account] = a.name
		if t.cfg.Access == nil {
			continue
		}
		if err := t.use(ctx, b, a.credentials); err != nil {
			return fmt.Errorf("granted at once, the credentials of %s do not work: %w", a.name, err)
		}
	}
	return nil
}

// grantIAM holds the answer to a grant by IAM against the rules for it.
func grantIAM(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	request := t.request(b, accountName())
	request.AuthenticationType = cosi.AuthenticationType_IAM
	response, err := t.give(ctx, request)
	if status.Code(err) == codes.InvalidArgument || status.Code(err) == codes.Unknown {
		return skipError("the driver does not support IAM")
	}
	if err != nil {
		return missed("access cannot be granted", err)
	}
	if v := rules.Response(request, response); v != nil {
		return v
	}
	return nil
}

// grantNeverExists provokes a conflict, and looks at everything that grants have answered so far.
func grantNeverExists(ctx context.Context, t *trial) error {
	if t.cfg.IncompatibleAccessParameters != nil {
		b, err := t.bucket(ctx)
		if err != nil {
			return err
		}
		request := t.request(b, accountName())
		if _, err := t.give(ctx, request); err != nil {
			return missed("access cannot be granted", err)
		}
		request.Parameters = t.cfg.IncompatibleAccessParameters
		_, err = t.give(ctx, request)
		if status.Code(err) != codes.AlreadyExists {
			if err := refused("the same name with other parameters", err, codes.FailedPrecondition); err != nil {
				return err
			}
		}
	}
	for _, f := range t.seen() {
		if f.rpc == "DriverGrantBucketAccess" && f.status.Code() == codes.AlreadyExists {
			return fmt.Errorf("a grant answered ALREADY_EXISTS: %s", f.status.Message())
		}
	}
	return nil
}
