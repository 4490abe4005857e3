package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/rules"
)

func grantCases() []Case {
	return []Case{
		newCase("GRANT-4", grantTypes),
		newCase("GRANT-16", grantSidecarName),
		newCase("GRANT-6", grantAccount),
		newCase("GRANT-7", grantAnswer("GRANT-7")),
		newCase("GRANT-8", grantAnswer("GRANT-8")),
		newCase("GRANT-9", grantAnswer("GRANT-9")),
		newCase("GRANT-10", grantAnswer("GRANT-10")),
		advised("GRANT-9 region", grantRegion),
		newCase("GRANT-1", grantNoBucket),
		newCase("GRANT-2", grantNoName),
		newCase("GRANT-3", grantBadType),
		newCase("GRANT-5", grantAgain),
		newCase("GRANT-5 accounts", grantAgainAccounts),
		newCase("GRANT-12", grantUnknownBucket),
		newCase("GRANT-13", grantNoParameters),
		advised("GRANT-13 unknown", grantUnknownParameter),
		newCase("GRANT-14", grantTwo),
		newCase("GRANT-17", grantIAM),
	}
}

// grantTypes tries both types.
func grantTypes(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	_, keyErr := t.tryType(ctx, b, cosi.AuthenticationType_Key)
	_, iamErr := t.tryType(ctx, b, cosi.AuthenticationType_IAM)
	key, iam := keyErr == nil, iamErr == nil
	if unsupported(iamErr) {
		return iamErr // after Key, so Key was no better
	}
	if !key && !iam && len(t.cfg.AccessParameters) == 0 && refusal(keyErr) && refusal(iamErr) && !aboutType(keyErr) {
		t.advise("this driver seems to need parameters for access: give Config.AccessParameters (-access-parameters)")
		return missed("access cannot be granted", keyErr)
	}
	return cmp.Or(wrongRefusal(t.cfg, cosi.AuthenticationType_Key, keyErr), wrongRefusal(t.cfg, cosi.AuthenticationType_IAM, iamErr),
		neither(key || iam, keyErr, iamErr))
}

// aboutType says that a refusal speaks of the authentication type, as opposed to a parameter such as "authority".
func aboutType(err error) bool {
	return strings.Contains(strings.ToLower(status.Convert(err).Message()), "authentication")
}

// wrongRefusal returns an error for a refusal that a type must not get, whether the driver supports it or not.
func wrongRefusal(cfg Config, method cosi.AuthenticationType, err error) error {
	switch {
	case err == nil:
		return nil
	case gone(err):
		return fmt.Errorf("%s is not answered: %w", method, err)
	case slices.Contains(cfg.AuthenticationTypes, method):
		return fmt.Errorf("%s, which AuthenticationTypes has, is refused: %s", method, said(err))
	case status.Code(err) == codes.InvalidArgument || !canonical(status.Code(err)):
		return nil
	}
	return fmt.Errorf("%s is neither supported nor refused with INVALID_ARGUMENT: %s", method, said(err))
}

func neither(works bool, key, iam error) error {
	if works {
		return nil
	}
	return errors.New("neither Key nor IAM is supported: " + said(key) + "; " + said(iam))
}

func grantSidecarName(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	t.find(ctx)
	name := accountName()
	_, err = t.give(ctx, t.plainRequest(b, name))
	if !refusal(err) {
		return missed("access cannot be granted", err)
	}
	other := newName(shortAccess)
	if _, otherErr := t.give(ctx, t.plainRequest(b, other)); otherErr != nil {
		return missed("access cannot be granted", err)
	}
	return fmt.Errorf("%w; the name %s is taken", accepted("the name "+name, err), other)
}

// answer grants access, and returns what was asked and answered.
func (t *trial) answer(ctx context.Context) (*cosi.DriverGrantBucketAccessRequest, *cosi.DriverGrantBucketAccessResponse, error) {
	b, err := t.bucket(ctx)
	if err != nil {
		return nil, nil, err
	}
	request := t.request(ctx, b)
	response, err := t.give(ctx, request)
	return request, response, missed("access cannot be granted", err)
}

func grantAccount(ctx context.Context, t *trial) error {
	_, response, err := t.answer(ctx)
	if err == nil && response.GetAccountId() == "" {
		return errors.New("account_id is empty")
	}
	return err
}

// grantAnswer looks at the credentials of a grant for what breaks one rule.
func grantAnswer(rule string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		request, response, err := t.answer(ctx)
		if err != nil {
			return err
		}
		protocol := map[string]string{"GRANT-9": "s3", "GRANT-10": "azure"}[rule]
		answer := &cosi.DriverGrantBucketAccessResponse{AccountId: "any", Credentials: response.GetCredentials()} // the id is GRANT-6's
		if entry := response.GetCredentials()[protocol]; entry != nil {                                           // other entries are GRANT-7's
			answer.Credentials = map[string]*cosi.CredentialDetails{protocol: entry}
		}
		switch v := rules.Response(request, answer); {
		case v == nil || v.Rule == sizeLimits:
		case v.Rule == "GRANT-8" && rule == v.Rule:
			return fmt.Errorf("%w; it is called %q", v, t.shown(wrongEntry(response.GetCredentials())))
		case v.Rule == rule:
			return v
		case rule == "GRANT-7", rule == "GRANT-8" && v.Rule != "GRANT-7": // they are looked at first
		default:
			return missedError{fmt.Errorf("the answer breaks %s", v.Rule)}
		}
		if protocol != "" && response.GetCredentials()[protocol] == nil {
			return elsewhereError("the credentials are not for " + protocol)
		}
		return nil
	}
}

func grantRegion(ctx context.Context, t *trial) error {
	_, response, err := t.answer(ctx)
	if err != nil {
		return err
	}
	s3 := response.GetCredentials()["s3"]
	if s3 == nil {
		if name := wrongEntry(response.GetCredentials()); name != "" {
			return missedError{errors.New("the answer breaks GRANT-8")}
		}
		return elsewhereError("the credentials are not for s3")
	}
	if s3.GetSecrets()["region"] == "" {
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
	request := t.request(ctx, b)
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
	return n, missed("the hook Config.CountAccounts (-count-command)", err)
}

// grantUnknownBucket asks for a bucket that this driver made, and that is gone. An id of another shape may be refused with
// any code.
func grantUnknownBucket(ctx context.Context, t *trial) error {
	if _, _, err := t.bucketWithAccess(ctx); err != nil { // another bucket: not every driver deletes one that has accesses
		return err
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	gone, stranger := t.request(ctx, b), t.request(ctx, b)
	stranger.BucketId = strangers(bucketName())[2]
	if err := t.remove(ctx, b.id); err != nil {
		return missed("the bucket cannot be deleted", err)
	}
	if err := t.counting(ctx); err != nil && !uncountable(err) {
		return err
	}
	before, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	_, goneErr := t.give(ctx, gone)
	_, strangerErr := t.give(ctx, stranger)
	if strangerErr == nil {
		return fmt.Errorf("the id %q of a bucket that never existed is accepted; want NOT_FOUND", stranger.GetBucketId())
	}
	if err := refused("a bucket that is gone", goneErr, codes.NotFound); err != nil {
		return err
	}
	after, err := t.accounts(ctx)
	if err == nil && after != before {
		return fmt.Errorf("the refused calls left %d accounts behind", after-before)
	}
	return err
}

func grantNoParameters(ctx context.Context, t *trial) error {
	b, _, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	if _, err := t.access(ctx, b); err != nil {
		return err
	}
	request := t.request(ctx, b)
	request.Parameters = nil
	_, err = t.give(ctx, request)
	return t.withoutParameters(err, t.cfg.AccessParameters)
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
	if err != nil {
		return err
	}
	return apart(first, second)
}

// apart expects two accounts that have nothing in common.
func apart(first, second access) error {
	if first.account == second.account {
		return fmt.Errorf("the names %s and %s have the same account_id", first.name, second.name)
	}
	return ownSecret(first, second)
}

// ownSecret expects two accounts that have secrets of their own.
func ownSecret(first, second access) error {
	if secret := secretOf(first.credentials); secret != "" && secret == secretOf(second.credentials) {
		return fmt.Errorf("the accesses %s and %s have the same secret, so to revoke one ends the other as well, or neither", first.name, second.name)
	}
	return nil
}

// secretOf returns the secret of credentials; "" when they have none.
func secretOf(credentials map[string]*cosi.CredentialDetails) string {
	return cmp.Or(credentials["s3"].GetSecrets()["accessSecretKey"], credentials["azure"].GetSecrets()["accessToken"])
}

// grantAgain repeats a grant: nothing in the answer may change.
func grantAgain(ctx context.Context, t *trial) error {
	request, first, err := t.answer(ctx)
	if err != nil {
		return err
	}
	for range t.cfg.Repeat {
		again, err := t.give(ctx, request)
		if err := cmp.Or(granted("a repeat", err), t.sameGrant(first, again)); err != nil {
			return err
		}
	}
	return nil
}

// grantAgainAccounts counts accounts while a grant is repeated: none may be added.
func grantAgainAccounts(ctx context.Context, t *trial) error {
	if t.cfg.CountAccounts == nil {
		return needsError("the hook Config.CountAccounts (-count-command)")
	}
	if err := t.counting(ctx); err != nil {
		return err
	}
	request, _, err := t.answer(ctx)
	if err != nil {
		return err
	}
	before, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	for range t.cfg.Repeat {
		_, err := t.give(ctx, request)
		if err := missed("the grant cannot be repeated", err); err != nil {
			return err
		}
	}
	after, err := t.accounts(ctx)
	if err == nil && after != before {
		return fmt.Errorf("the store had %d accounts before %d repeats and has %d after them", before, t.cfg.Repeat, after)
	}
	return err
}

// differing names what two answers' credentials differ in; the values are secret.
func differing(first, again *cosi.DriverGrantBucketAccessResponse) string {
	var keys []string
	for _, pair := range [][2]*cosi.DriverGrantBucketAccessResponse{{first, again}, {again, first}} {
		for protocol, details := range pair[0].GetCredentials() {
			others := pair[1].GetCredentials()[protocol].GetSecrets()
			for key, value := range details.GetSecrets() {
				name := bound.Printable(protocol+"."+key, bound.Name)
				if other, ok := others[key]; (!ok || other != value) && !slices.Contains(keys, name) {
					keys = append(keys, name)
				}
			}
		}
	}
	if slices.Sort(keys); len(keys) > 0 {
		return bound.Join(keys)
	}
	return "the entries of the credentials"
}

// wrongEntry returns the name of an entry that is named after no protocol.
func wrongEntry(credentials map[string]*cosi.CredentialDetails) string {
	for name := range credentials {
		if name != "s3" && name != "azure" {
			return name
		}
	}
	return ""
}

// sameGrant expects two answers to one grant to be the same.
func (t *trial) sameGrant(first, again *cosi.DriverGrantBucketAccessResponse) error {
	if again.GetAccountId() != first.GetAccountId() {
		old, now := t.shown(first.GetAccountId()), t.shown(again.GetAccountId())
		if old == now {
			return errors.New("two answers to one grant have different account_ids; neither is shown: they are among the credentials too, by a key " +
				"that may hold a secret")
		}
		return fmt.Errorf("two answers to one grant have different account_ids: %q, and then %q", old, now)
	}
	if !proto.Equal(first, again) {
		return fmt.Errorf("two answers to one grant differ in %s", differing(first, again))
	}
	return nil
}

// grantIAM checks the response to a grant by IAM against the rules for every type.
func grantIAM(ctx context.Context, t *trial) error {
	plain, key, err := t.answer(ctx)
	if err != nil {
		return err
	}
	request := t.plainRequest(bucket{id: plain.GetBucketId()}, t.accessName())
	request.AuthenticationType = cosi.AuthenticationType_IAM
	response, err := t.give(ctx, request)
	if refusal(err) || status.Code(err) == codes.Unimplemented {
		return elsewhereError("the driver does not support IAM")
	}
	if err != nil {
		return missed("access cannot be granted", err)
	}
	v := rules.Response(request, response)
	if v == nil || v.Rule == sizeLimits {
		return nil
	}
	if other := rules.Response(plain, key); other != nil && other.Rule == v.Rule {
		return missed("the answer breaks a rule by any type", fmt.Errorf("%s reports it", v.Rule))
	}
	return fmt.Errorf("a grant by IAM breaks a rule for every grant: %w", v)
}
