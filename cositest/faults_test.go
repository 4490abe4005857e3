package cositest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// hides says whether what a fault makes in the store cannot be known to the kit, and so is left there unreported.
func (f fault) hides() bool {
	return slices.Contains([]string{
		"one id for all", "an account is left behind", "the same answer, but another account in the store", "each repeat answers another id",
		"another id", "NOT_FOUND for a bucket that is gone", "ids get mixed up at once",
	}, f.how)
}

// faults are at least one way to break each rule that the kit can tell. Three rules it cannot: GEN-1 is about the
// process's environment and its socket's path, GEN-13 about the names of its variables, GEN-14 about how it starts.
func faults() []fault {
	return slices.Concat(infoFaults(), createFaults(), deleteFaults(), grantFaults(), accessFaults(), revokeFaults(), generalFaults(),
		isolationFaults(), outageFaults(), nextFaults())
}

func infoFaults() []fault {
	return []fault{
		{"INFO-1", "INFO-1", "UNIMPLEMENTED", func(d *driver) { d.info = refuse(d.info, codes.Unimplemented, func(*infoQ) bool { return true }) }},
		{"INFO-1", "INFO-1", "INTERNAL", func(d *driver) { d.info = refuse(d.info, codes.Internal, func(*infoQ) bool { return true }) }},
		{"INFO-2", "INFO-2", "an empty name", named("")},
		{"GEN-16", "INFO-2", "a nil response", func(d *driver) {
			d.info = func(context.Context, *infoQ) (*infoR, error) { return nil, nil }
		}},
		{"INFO-3", "INFO-3", "an underscore", named("s3_driver.example.com")},
		{"INFO-3", "INFO-3", "64 characters", named(strings.Repeat("a", 60) + ".com")},
		{"INFO-4", "INFO-4", "no domain", named("s3")},
		{"INFO-5", "INFO-5", "another name on each call", func(d *driver) {
			var calls atomic.Int32
			d.info = func(context.Context, *infoQ) (*infoR, error) {
				return &infoR{Name: fmt.Sprintf("s%d.example.com", calls.Add(1))}, nil
			}
		}},
		{"INFO-6", "INFO-6", "an upper case letter", named("S3.example.com")},
		{"INFO-6", "INFO-6", "a label that starts with a digit", named("3par.example.com")},
	}
}

func createFaults() []fault {
	return []fault{
		{"CREATE-1", "CREATE-1", "UNIMPLEMENTED", func(d *driver) {
			d.create = refuse(d.create, codes.Unimplemented, func(*createQ) bool { return true })
		}},
		{"GEN-2", "CREATE-1", "Identity alone on the address", func(d *driver) {
			d.register = func(s *grpc.Server) { cosi.RegisterIdentityServer(s, d) }
		}},
		{"CREATE-10", "CREATE-10", "names of 40 characters at most", func(d *driver) {
			d.create = refuse(d.create, codes.InvalidArgument, func(r *createQ) bool { return len(r.GetName()) > 40 })
		}},
		{"CREATE-5", "CREATE-5", "an empty id", func(d *driver) {
			d.create = reply(d.create, func(_ *createQ, r *createR) { r.BucketId = "" })
		}},
		{"CREATE-5", "CREATE-5", "one id for all", func(d *driver) {
			d.create = reply(d.create, func(_ *createQ, r *createR) { r.BucketId = "id-all" })
		}},
		{"GEN-16", "CREATE-5", "a nil response", func(d *driver) {
			d.create = func(context.Context, *createQ) (*createR, error) { return nil, nil }
		}},
		{"CREATE-2", "CREATE-2", "an empty name gets a name", func(d *driver) {
			d.create = ask(d.create, func(r *createQ) {
				if r.GetName() == "" {
					r.Name = "unnamed"
				}
			})
		}},
		{"GEN-7", "CREATE-2", "FAILED_PRECONDITION for an empty name", func(d *driver) {
			d.create = refuse(d.create, codes.FailedPrecondition, func(r *createQ) bool { return r.GetName() == "" })
		}},
		{"CREATE-3", "CREATE-3", "another id", func(d *driver) {
			var s seen
			d.create = reply(d.create, func(q *createQ, r *createR) {
				if s.before(q.GetName()) {
					r.BucketId = "id-" + rand.Text()
				}
			})
		}},
		{"CREATE-3", "CREATE-3", "INTERNAL", func(d *driver) {
			var s seen
			d.create = refuse(d.create, codes.Internal, func(r *createQ) bool { return r.GetName() != "" && s.before(r.GetName()) })
		}},
		{"CREATE-12", "CREATE-3", "ALREADY_EXISTS", func(d *driver) {
			d.create = refuse(d.create, codes.AlreadyExists, func(r *createQ) bool { return d.ref.has(r.GetName()) })
		}},
		{"CREATE-4", "CREATE-4", "OK", func(d *driver) {
			d.create = ask(d.create, func(r *createQ) {
				if r.GetParameters()["region"] == "elsewhere" {
					r.Parameters["region"] = "here"
				}
			})
		}},
		{"CREATE-4", "CREATE-4", "INVALID_ARGUMENT", func(d *driver) {
			d.create = refuse(d.create, codes.InvalidArgument, func(r *createQ) bool {
				return r.GetParameters()["region"] == "elsewhere" && d.ref.has(r.GetName())
			})
		}},
		{"CREATE-4", "CREATE-4", "UNIMPLEMENTED, although other creates are answered", func(d *driver) {
			d.create = refuse(d.create, codes.Unimplemented, func(r *createQ) bool {
				return r.GetParameters()["region"] == "elsewhere" && d.ref.has(r.GetName())
			})
		}},
		{"CREATE-6", "CREATE-6", "mends the name", func(d *driver) {
			d.create = ask(d.create, func(r *createQ) {
				if strings.Contains(r.GetName(), " ") {
					r.Name = strings.ToLower(strings.ReplaceAll(r.GetName(), " ", "-"))
				}
			})
		}},
		{"CREATE-6", "CREATE-6", "INTERNAL", func(d *driver) {
			d.create = refuse(d.create, codes.Internal, func(r *createQ) bool { return strings.Contains(r.GetName(), " ") })
		}},
		{"CREATE-7", "CREATE-7", "OK", func(d *driver) {
			d.create = ask(d.create, func(r *createQ) {
				if r.GetParameters()["region"] == "nowhere" {
					r.Parameters["region"] = "here"
				}
			})
		}},
		{"CREATE-7", "CREATE-7", "INVALID_ARGUMENT", func(d *driver) {
			d.create = recode(d.create, codes.OutOfRange, codes.InvalidArgument)
		}},
		{"CREATE-8", "CREATE-8", "wants parameters", func(d *driver) {
			d.create = refuse(d.create, codes.InvalidArgument, func(r *createQ) bool { return len(r.GetParameters()) == 0 })
		}},
		{"CREATE-8", "CREATE-8 unknown", "ignores unknown parameters", func(d *driver) {
			d.create = ask(d.create, func(r *createQ) {
				maps.DeleteFunc(r.GetParameters(), func(k, _ string) bool { return k != "region" })
			})
		}},
		{"CREATE-9", "CREATE-9", "no bucket_info", func(d *driver) {
			d.create = reply(d.create, func(_ *createQ, r *createR) { r.BucketInfo = nil })
		}},
		{"CREATE-9", "CREATE-9", "an empty bucket_info", func(d *driver) {
			d.create = reply(d.create, func(_ *createQ, r *createR) { r.BucketInfo = &cosi.Protocol{} })
		}},
		{"CREATE-11", "CREATE-11", "a name of its own in the store", func(d *driver) {
			d.create = ask(d.create, func(r *createQ) {
				if after, ok := strings.CutPrefix(r.GetName(), "bucket-"); ok {
					r.Name = "mine-" + after
				}
			})
		}},
		{"CREATE-13", "CREATE-13", "adopts it", func(d *driver) {
			d.create = instead(d.create, func(r *createQ) (*createR, error) {
				if strings.HasPrefix(r.GetName(), "foreign-") {
					return created(r.GetName()), nil
				}
				return nil, nil
			})
		}},
		{"CREATE-13", "CREATE-13", "makes another one beside it", func(d *driver) {
			d.create = ask(d.create, func(r *createQ) {
				if strings.HasPrefix(r.GetName(), "foreign-") {
					r.Name += "-2"
				}
			})
		}},
		{"CREATE-13", "CREATE-13", "refuses, and removes it", func(d *driver) {
			next := d.create
			d.create = func(ctx context.Context, r *createQ) (*createR, error) {
				response, err := next(ctx, r)
				if err != nil && strings.HasPrefix(r.GetName(), "foreign-") {
					d.ref.drop(r.GetName())
				}
				return response, err
			}
		}},
	}
}

func deleteFaults() []fault {
	return []fault{
		{"DELETE-1", "DELETE-1", "OK without an id", func(d *driver) {
			d.delete = forgive(d.delete, codes.InvalidArgument, nothing[deleteQ, deleteR])
		}},
		{"DELETE-2", "DELETE-2", "NOT_FOUND for a bucket that is gone", func(d *driver) {
			var s seen
			d.delete = reply(d.delete, func(r *deleteQ, _ *deleteR) { s.before(r.GetBucketId()) })
			d.delete = refuse(d.delete, codes.NotFound, func(r *deleteQ) bool { return s.has(r.GetBucketId()) })
		}},
		{"DELETE-2", "DELETE-2 shape", "NOT_FOUND for a bucket that never existed", func(d *driver) {
			var s seen
			d.create = reply(d.create, func(_ *createQ, r *createR) { s.before(r.GetBucketId()) })
			d.delete = refuse(d.delete, codes.NotFound, func(r *deleteQ) bool {
				return r.GetBucketId() != "" && !s.has(r.GetBucketId()) && !d.ref.has(nameOf(r.GetBucketId()))
			})
		}},
		{"DELETE-3", "DELETE-3", "wants delete_context", func(d *driver) {
			d.delete = refuse(d.delete, codes.InvalidArgument, func(r *deleteQ) bool { return r.GetBucketId() != "" && len(r.GetDeleteContext()) == 0 })
		}},
		{"DELETE-3", "DELETE-3", "refuses an unknown key", func(d *driver) {
			d.delete = refuse(d.delete, codes.InvalidArgument, func(r *deleteQ) bool { return len(r.GetDeleteContext()) > 1 })
		}},
		{"DELETE-4", "DELETE-4", "busy for ever after a create that was cut short", func(d *driver) {
			var half seen
			d.create = halfWay(d, &half, (*createQ).GetName, d.create)
			d.delete = refuse(d.delete, codes.FailedPrecondition, func(r *deleteQ) bool { return half.has(nameOf(r.GetBucketId())) })
		}},
		{"DELETE-4", "DELETE-4", "no create after the delete of one that was cut short", func(d *driver) {
			var half, deleted seen
			d.create = halfWay(d, &half, (*createQ).GetName, d.create)
			d.delete = reply(d.delete, func(r *deleteQ, _ *deleteR) { deleted.before(nameOf(r.GetBucketId())) })
			d.create = refuse(d.create, codes.Internal, func(r *createQ) bool { return half.has(r.GetName()) && deleted.has(r.GetName()) })
		}},
		{"DELETE-5", "DELETE-5", "INVALID_ARGUMENT", func(d *driver) {
			d.delete = refuse(d.delete, codes.InvalidArgument, func(r *deleteQ) bool { return strings.HasPrefix(r.GetBucketId(), "id-foreign-") })
		}},
		{"DELETE-5", "DELETE-5", "OK, but the bucket stays", func(d *driver) {
			d.delete = instead(d.delete, func(r *deleteQ) (*deleteR, error) {
				if strings.HasPrefix(r.GetBucketId(), "id-foreign-") {
					return &deleteR{}, nil
				}
				return nil, nil
			})
		}},
		{"DELETE-6", "DELETE-6", "deletes a full bucket", func(d *driver) {
			next := d.delete
			d.delete = func(ctx context.Context, r *deleteQ) (*deleteR, error) {
				response, err := next(ctx, r)
				if status.Code(err) == codes.FailedPrecondition {
					d.ref.drop(nameOf(r.GetBucketId()))
					return &deleteR{}, nil
				}
				return response, err
			}
		}},
		{"DELETE-6", "DELETE-6", "INTERNAL", func(d *driver) { d.delete = recode(d.delete, codes.FailedPrecondition, codes.Internal) }},
	}
}

func grantFaults() []fault {
	return []fault{
		{"GRANT-4", "GRANT-4", "no type at all", func(d *driver) {
			d.grant = refuse(d.grant, codes.InvalidArgument, func(*grantQ) bool { return true })
		}},
		{"GRANT-4", "GRANT-4", "UNIMPLEMENTED for one type", func(d *driver) {
			d.grant = refuse(d.grant, codes.Unimplemented, func(r *grantQ) bool { return r.GetAuthenticationType() == cosi.AuthenticationType_Key })
		}},
		{"GRANT-4", "GRANT-4", "INTERNAL for the other type", func(d *driver) {
			d.grant = refuse(d.grant, codes.Internal, func(r *grantQ) bool { return r.GetAuthenticationType() == cosi.AuthenticationType_IAM })
		}},
		{"GRANT-16", "GRANT-16", "names of 30 characters at most", func(d *driver) {
			d.grant = refuse(d.grant, codes.InvalidArgument, func(r *grantQ) bool { return len(r.GetName()) > 30 })
		}},
		{"GRANT-1", "GRANT-1", "OK without a bucket", func(d *driver) {
			d.grant = instead(d.grant, func(r *grantQ) (*grantR, error) {
				if r.GetBucketId() == "" {
					return &grantR{AccountId: "account", Credentials: keys()}, nil
				}
				return nil, nil
			})
		}},
		{"GRANT-1", "GRANT-1", "NOT_FOUND", func(d *driver) {
			d.grant = refuse(d.grant, codes.NotFound, func(r *grantQ) bool { return r.GetBucketId() == "" })
		}},
		{"GRANT-2", "GRANT-2", "an empty name gets a name", func(d *driver) {
			d.grant = ask(d.grant, func(r *grantQ) {
				if r.GetName() == "" {
					r.Name = "unnamed"
				}
			})
		}},
		{"GRANT-3", "GRANT-3", "0 counts as Key", func(d *driver) {
			d.grant = ask(d.grant, func(r *grantQ) {
				if r.GetAuthenticationType() == 0 {
					r.AuthenticationType = cosi.AuthenticationType_Key
				}
			})
		}},
		{"GEN-8", "GRANT-3", "anything counts as Key, but 0", func(d *driver) {
			d.grant = ask(d.grant, func(r *grantQ) {
				if r.GetAuthenticationType() > cosi.AuthenticationType_IAM {
					r.AuthenticationType = cosi.AuthenticationType_Key
				}
			})
		}},
		{"GRANT-5", "GRANT-5", "other credentials", func(d *driver) {
			d.grant = d.onRepeat(func(r *grantR) { r.Credentials = keys() })
		}},
		{"GRANT-5", "GRANT-5", "another account_id", func(d *driver) {
			d.grant = d.onRepeat(func(r *grantR) { r.AccountId += "-again" })
		}},
		{"GRANT-5", "GRANT-5 accounts", "the same answer, but another account in the store", func(d *driver) {
			d.grant = d.onRepeat(func(*grantR) { d.ref.leak() })
		}},
		{"GRANT-5", "GRANT-5", "INTERNAL", func(d *driver) {
			again := d.again()
			d.grant = refuse(d.grant, codes.Internal, func(r *grantQ) bool { return r.GetParameters()["access"] == "readwrite" && again(r) })
		}},
		{"GRANT-11", "GRANT-11", "ALREADY_EXISTS for a repeat", func(d *driver) {
			d.grant = refuse(d.grant, codes.AlreadyExists, d.again())
		}},
		{"GRANT-11", "GRANT-11", "ALREADY_EXISTS for a conflict", func(d *driver) {
			d.grant = recode(d.grant, codes.FailedPrecondition, codes.AlreadyExists)
		}},
		{"GRANT-11", "GRANT-11", "ALREADY_EXISTS after a revoke", func(d *driver) {
			var s seen
			d.revoke = reply(d.revoke, func(r *revokeQ, _ *revokeR) { s.before(r.GetAccountId()) })
			d.grant = refuse(d.grant, codes.AlreadyExists, func(r *grantQ) bool { return s.has(accountOf(r.GetBucketId(), r.GetName())) })
		}},
		{"GRANT-11", "GRANT-11 conflict", "what was granted for other parameters", func(d *driver) {
			d.grant = ask(d.grant, func(r *grantQ) {
				if r.GetParameters()["access"] == "readonly" {
					r.Parameters["access"] = "readwrite"
				}
			})
		}},
		{"GRANT-11", "GRANT-11 conflict", "INTERNAL", func(d *driver) {
			d.grant = recode(d.grant, codes.FailedPrecondition, codes.Internal)
		}},
		{"GRANT-12", "GRANT-12", "OK", func(d *driver) {
			d.grant = forgive(d.grant, codes.NotFound, func(*grantQ) *grantR { return &grantR{AccountId: "account", Credentials: keys()} })
		}},
		{"GRANT-12", "GRANT-12", "an account is left behind", func(d *driver) {
			d.grant = refuse(d.grant, codes.NotFound, func(r *grantQ) bool {
				unknown := r.GetBucketId() != "" && !d.ref.has(nameOf(r.GetBucketId()))
				if unknown {
					d.ref.leak()
				}
				return unknown
			})
		}},
		{"GRANT-12", "GRANT-12", "INTERNAL", func(d *driver) { d.grant = recode(d.grant, codes.NotFound, codes.Internal) }},
		{"GRANT-13", "GRANT-13", "wants parameters", func(d *driver) {
			d.grant = refuse(d.grant, codes.InvalidArgument, func(r *grantQ) bool { return len(r.GetParameters()) == 0 })
		}},
		{"GRANT-13", "GRANT-13 unknown", "ignores unknown parameters", func(d *driver) {
			d.grant = ask(d.grant, func(r *grantQ) {
				maps.DeleteFunc(r.GetParameters(), func(k, _ string) bool { return k != "access" })
			})
		}},
		{"GRANT-14", "GRANT-14", "one account for a bucket", func(d *driver) {
			d.grant = reply(d.grant, func(q *grantQ, r *grantR) { r.AccountId = "account@" + q.GetBucketId() })
		}},
		{"GRANT-15", "GRANT-15", "an update is lost", func(d *driver) { d.grant = d.loseUpdates("GRANT-15", parallel) }},
		{"GRANT-15", "GRANT-15", "INTERNAL for grants at once", func(d *driver) {
			next, all := d.grant, newMeeting(parallel)
			var once seen
			d.grant = func(ctx context.Context, r *grantQ) (*grantR, error) {
				if !d.in("GRANT-15") || !all.meet(ctx) {
					return next(ctx, r)
				}
				if once.before("first") {
					return nil, status.Error(codes.Internal, "two changed one policy")
				}
				return next(ctx, r)
			}
		}},
	}
}

// again returns what tells a repeat from the first grant, or from the first one after a revoke.
func (d *driver) again() func(*grantQ) bool {
	granted := &seen{}
	d.revoke = reply(d.revoke, func(r *revokeQ, _ *revokeR) { granted.forget(r.GetAccountId()) })
	return func(r *grantQ) bool {
		return d.ref.checkGrant(r) == nil && d.ref.has(nameOf(r.GetBucketId())) && granted.before(accountOf(r.GetBucketId(), r.GetName()))
	}
}

// onRepeat changes the answer to repeats.
func (d *driver) onRepeat(change func(*grantR)) handler[grantQ, grantR] {
	again := d.again()
	return reply(d.grant, func(q *grantQ, r *grantR) {
		if again(q) && q.GetParameters()["access"] == "readwrite" {
			change(r)
		}
	})
}

// leak leaves an account behind.
func (s *store) leak() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[rand.Text()] = &account{}
}

// loseUpdates reads a bucket's policy, and writes it back with one more account, without a lock between, when so many
// calls meet in a case.
func (d *driver) loseUpdates(in string, calls int) handler[grantQ, grantR] {
	next, all := d.grant, newMeeting(calls)
	return func(ctx context.Context, r *grantQ) (*grantR, error) {
		if !d.in(in) {
			return next(ctx, r)
		}
		// The policy is read before the others write theirs.
		a, b, err := d.ref.enrol(ctx, r)
		if err != nil {
			return nil, err
		}
		id := accountOf(r.GetBucketId(), r.GetName())
		d.ref.mu.Lock()
		policy := slices.Clone(b.policy)
		d.ref.mu.Unlock()
		if !all.meet(ctx) {
			return next(ctx, r)
		}
		d.ref.mu.Lock()
		b.policy = slices.Concat(policy, []string{id})
		d.ref.mu.Unlock()
		return &grantR{AccountId: id, Credentials: d.ref.credentials(a, r.GetAuthenticationType())}, nil
	}
}

// accessFaults are about the answer to a grant.
func accessFaults() []fault {
	answer := func(change func(*grantQ, *grantR)) func(*driver) {
		return func(d *driver) { d.grant = reply(d.grant, change) }
	}
	signature := func(change func(map[string]string)) func(*driver) {
		return func(d *driver) {
			d.ref.azure = true
			d.grant = reply(d.grant, func(_ *grantQ, r *grantR) { change(secrets(r)) })
		}
	}
	without := func(key string) func(*driver) {
		return answer(func(_ *grantQ, r *grantR) { delete(secrets(r), key) })
	}
	return []fault{
		{"GRANT-6", "GRANT-6", "no account_id", answer(func(_ *grantQ, r *grantR) { r.AccountId = "" })},
		{"GEN-16", "GRANT-6", "a nil response", func(d *driver) {
			d.grant = func(context.Context, *grantQ) (*grantR, error) { return nil, nil }
		}},
		{"GRANT-7", "GRANT-7", "no credentials", answer(func(_ *grantQ, r *grantR) { r.Credentials = nil })},
		{"GRANT-7", "GRANT-7", "two entries", answer(func(_ *grantQ, r *grantR) { r.Credentials["azure"] = r.GetCredentials()["s3"] })},
		{"GRANT-8", "GRANT-8", "S3 in upper case", answer(func(_ *grantQ, r *grantR) {
			r.Credentials = map[string]*cosi.CredentialDetails{"S3": r.GetCredentials()["s3"]}
		})},
		{"GRANT-9", "GRANT-9", "no key", without("accessKeyID")},
		{"GRANT-9", "GRANT-9", "no secret", without("accessSecretKey")},
		{"GRANT-9", "GRANT-9", "no endpoint", without("endpoint")},
		{"GRANT-9", "GRANT-9 region", "no region", without("region")},
		{"GRANT-10", "GRANT-10", "an expiry by RFC 3339", signature(func(s map[string]string) { s["expiryTs"] = "2031-02-03T04:05:06Z" })},
		{"GRANT-10", "GRANT-10", "no token", signature(func(s map[string]string) { delete(s, "accessToken") })},
		{"GRANT-17", "GRANT-17", "no account_id, for want of a ServiceAccount", answer(func(q *grantQ, r *grantR) {
			if q.GetAuthenticationType() == cosi.AuthenticationType_IAM {
				r.AccountId = ""
			}
		})},
	}
}

func revokeFaults() []fault {
	return []fault{
		{"REVOKE-1", "REVOKE-1", "OK without a bucket", func(d *driver) {
			d.revoke = instead(d.revoke, func(r *revokeQ) (*revokeR, error) {
				if r.GetBucketId() == "" {
					return &revokeR{}, nil
				}
				return nil, nil
			})
		}},
		{"REVOKE-2", "REVOKE-2", "OK without an account", func(d *driver) {
			d.revoke = instead(d.revoke, func(r *revokeQ) (*revokeR, error) {
				if r.GetAccountId() == "" && r.GetBucketId() != "" {
					return &revokeR{}, nil
				}
				return nil, nil
			})
		}},
		{"REVOKE-3", "REVOKE-3", "nothing is done", func(d *driver) {
			d.revoke = instead(d.revoke, func(r *revokeQ) (*revokeR, error) {
				if r.GetBucketId() != "" && r.GetAccountId() != "" {
					return &revokeR{}, nil
				}
				return nil, nil
			})
		}},
		{"REVOKE-3", "REVOKE-3", "everybody loses access", func(d *driver) {
			d.revoke = reply(d.revoke, func(r *revokeQ, _ *revokeR) { d.ref.bar(nameOf(r.GetBucketId())) })
		}},
		{"REVOKE-4", "REVOKE-4", "NOT_FOUND for an access that is gone", func(d *driver) {
			var s seen
			d.revoke = refuse(d.revoke, codes.NotFound, func(r *revokeQ) bool {
				return r.GetAccountId() != "" && r.GetBucketId() != "" && d.in("REVOKE-4") && s.before(r.GetAccountId())
			})
		}},
		{"REVOKE-4", "REVOKE-4", "NOT_FOUND for an access that never was", func(d *driver) {
			d.revoke = refuse(d.revoke, codes.NotFound, func(r *revokeQ) bool {
				return d.ref.has(nameOf(r.GetBucketId())) && r.GetAccountId() != "" && !strings.HasSuffix(r.GetAccountId(), "@"+nameOf(r.GetBucketId()))
			})
		}},
		{"REVOKE-4", "REVOKE-4", "INTERNAL for every access", func(d *driver) {
			d.revoke = refuse(d.revoke, codes.Internal, func(r *revokeQ) bool { return r.GetAccountId() != "" && r.GetBucketId() != "" })
		}},
		{"REVOKE-5", "REVOKE-5", "wants revoke_access_context", func(d *driver) {
			d.revoke = refuse(d.revoke, codes.InvalidArgument, func(r *revokeQ) bool { return len(r.GetRevokeAccessContext()) == 0 })
		}},
		{"REVOKE-6", "REVOKE-6", "INVALID_ARGUMENT for ids that it cannot read", func(d *driver) {
			d.revoke = refuse(d.revoke, codes.InvalidArgument, func(r *revokeQ) bool { return strings.Contains(r.GetBucketId(), "/") })
		}},
		{"REVOKE-6", "REVOKE-6", "NOT_FOUND for any bucket that it does not know", func(d *driver) {
			d.revoke = refuse(d.revoke, codes.NotFound, func(r *revokeQ) bool {
				return r.GetBucketId() != "" && r.GetAccountId() != "" && !d.ref.has(nameOf(r.GetBucketId()))
			})
		}},
		{"REVOKE-7", "REVOKE-7", "NOT_FOUND", func(d *driver) {
			var s seen
			d.delete = reply(d.delete, func(r *deleteQ, _ *deleteR) { s.before(r.GetBucketId()) })
			d.revoke = refuse(d.revoke, codes.NotFound, func(r *revokeQ) bool { return s.has(r.GetBucketId()) })
		}},
		{"REVOKE-8", "REVOKE-8", "INTERNAL", func(d *driver) {
			var s seen
			d.revoke = reply(d.revoke, func(r *revokeQ, _ *revokeR) { s.before(r.GetAccountId()) })
			d.grant = refuse(d.grant, codes.Internal, func(r *grantQ) bool { return s.has(accountOf(r.GetBucketId(), r.GetName())) })
		}},
		{"REVOKE-8", "REVOKE-8", "credentials that do not work", func(d *driver) {
			var s seen
			d.revoke = reply(d.revoke, func(r *revokeQ, _ *revokeR) { s.before(r.GetAccountId()) })
			d.grant = reply(d.grant, func(_ *grantQ, r *grantR) {
				if s.has(r.GetAccountId()) {
					r.Credentials = keys()
				}
			})
		}},
	}
}

// bar takes everybody's access to a bucket away.
func (s *store) bar(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.buckets[name]; ok {
		b.policy = nil
	}
}

func generalFaults() []fault {
	return []fault{
		{"GEN-3", "GEN-3", "a method is missing", func(d *driver) {
			d.register = func(s *grpc.Server) {
				cosi.RegisterIdentityServer(s, d)
				s.RegisterService(&grpc.ServiceDesc{ServiceName: "cosi.v1alpha1.Provisioner", Methods: []grpc.MethodDesc{
					method("DriverCreateBucket", d.create), method("DriverDeleteBucket", d.delete), method("DriverGrantBucketAccess", d.grant),
				}}, nil)
			}
		}},
		{"GEN-4", "GEN-4", "bare errors", func(d *driver) {
			d.answer = onError(func(err error) error { return errors.New(status.Convert(err).Message()) })
		}},
		{"GEN-4", "GEN-4", "bare errors, for a type that is not supported too", func(d *driver) {
			d.ref.only = cosi.AuthenticationType_Key
			d.answer = onError(func(err error) error { return errors.New(status.Convert(err).Message()) })
		}},
		{"GEN-4", "GEN-4", "a code that is none", func(d *driver) {
			d.answer = onError(func(err error) error { return status.Error(77, status.Convert(err).Message()) })
		}},
		{"GEN-5", "GEN-5", "no message", func(d *driver) {
			d.answer = onError(func(err error) error { return status.Error(status.Code(err), "") })
		}},
		{"GEN-6", "GEN-6", "details", func(d *driver) {
			d.answer = onError(func(err error) error {
				st, _ := status.Convert(err).WithDetails(&emptypb.Empty{})
				return st.Err()
			})
		}},
		{"GEN-9", "GEN-9", "a long name is cut to 63 characters", func(d *driver) {
			d.create = ask(d.create, func(r *createQ) {
				if len(r.GetName()) > 63 {
					r.Name = r.GetName()[:63]
				}
			})
		}},
		{"GEN-9", "GEN-9", "a long name is answered by a long id that does not hold it", func(d *driver) {
			d.create = instead(d.create, func(r *createQ) (*createR, error) {
				if len(r.GetName()) > 63 {
					return created(strings.Repeat(rand.Text(), 6)), nil
				}
				return nil, nil
			})
		}},
		{"GEN-9", "GEN-9 answers", "an account_id of 200 bytes", func(d *driver) {
			d.grant = reply(d.grant, func(_ *grantQ, r *grantR) { r.AccountId += strings.Repeat("-", 200-len(r.GetAccountId())) })
			d.revoke = ask(d.revoke, func(r *revokeQ) { r.AccountId = strings.TrimRight(r.GetAccountId(), "-") })
		}},
		{"GEN-9", "GEN-9 answers", "credentials of more than 4 KiB", func(d *driver) {
			d.grant = reply(d.grant, func(_ *grantQ, r *grantR) { secrets(r)["certificate"] = strings.Repeat("x", 4096) })
		}},
		{"GEN-10", "GEN-10", "two buckets for one name", func(d *driver) {
			next, all := d.create, newMeeting(parallel)
			d.create = func(ctx context.Context, r *createQ) (*createR, error) {
				if !d.in("GEN-10") || d.ref.has(r.GetName()) || !all.meet(ctx) {
					return next(ctx, r)
				}
				return created(rand.Text()), nil
			}
		}},
		{"GEN-10", "GEN-10", "INTERNAL for all but one", func(d *driver) {
			next, all := d.create, newMeeting(parallel)
			var once seen
			d.create = func(ctx context.Context, r *createQ) (*createR, error) {
				if !d.in("GEN-10") || !all.meet(ctx) {
					return next(ctx, r)
				}
				if once.before("first") {
					return nil, status.Error(codes.Internal, "the store says that there is such a bucket")
				}
				return next(ctx, r)
			}
		}},
		{"GEN-11", "GEN-11 log", "answers in the log", func(d *driver) {
			d.grant = reply(d.grant, func(_ *grantQ, r *grantR) { d.log.add(r.String()) })
		}},
		{"GEN-11", "GEN-11", "a secret in an error", func(d *driver) {
			var secret atomic.Value
			d.grant = reply(d.grant, func(_ *grantQ, r *grantR) { secret.CompareAndSwap(nil, secrets(r)["accessSecretKey"]) })
			d.answer = onError(func(err error) error {
				return status.Errorf(status.Code(err), "%s (%v)", status.Convert(err).Message(), secret.Load())
			})
		}},
		{"GEN-12", "GEN-12", "a lock file", func(d *driver) {
			d.info = reply(d.info, func(*infoQ, *infoR) { d.litter("driver.lock") })
		}},
		{"GEN-12", "GEN-12", "a temporary folder during calls", func(d *driver) {
			next := d.create
			d.create = func(ctx context.Context, r *createQ) (*createR, error) {
				if d.in("GEN-12") {
					remove := d.litter("tmp")
					defer remove()
					_ = wait(ctx, 300*time.Millisecond)
				}
				return next(ctx, r)
			}
		}},
		{"GEN-15", "GEN-15", "a repeat fails", func(d *driver) {
			var half seen
			d.create = halfWay(d, &half, (*createQ).GetName, d.create)
			d.create = refuse(d.create, codes.Internal, func(r *createQ) bool { return half.has(r.GetName()) })
		}},
		{"GEN-15", "GEN-15", "each repeat answers another id", func(d *driver) {
			var half seen
			d.create = halfWay(d, &half, (*createQ).GetName, d.create)
			d.create = reply(d.create, func(q *createQ, r *createR) {
				if half.has(q.GetName()) {
					r.BucketId = idOf(rand.Text())
				}
			})
		}},
		{"GEN-15", "GEN-15 delete", "a repeat fails", func(d *driver) {
			var half seen
			d.delete = halfWay(d, &half, (*deleteQ).GetBucketId, d.delete)
			d.delete = refuse(d.delete, codes.Internal, func(r *deleteQ) bool { return half.has(r.GetBucketId()) })
		}},
		{"GEN-15", "GEN-15 delete", "the name is never free again", func(d *driver) {
			var half, cut seen
			d.delete = halfWay(d, &half, (*deleteQ).GetBucketId, d.delete)
			d.delete = reply(d.delete, func(r *deleteQ, _ *deleteR) {
				if half.has(r.GetBucketId()) {
					cut.before(nameOf(r.GetBucketId()))
				}
			})
			d.create = refuse(d.create, codes.Internal, func(r *createQ) bool { return cut.has(r.GetName()) })
		}},
		{"GEN-15", "GEN-15 revoke", "a repeat fails", func(d *driver) {
			var half seen
			d.revoke = halfWay(d, &half, (*revokeQ).GetAccountId, d.revoke)
			d.revoke = refuse(d.revoke, codes.Internal, func(r *revokeQ) bool { return half.has(r.GetAccountId()) })
		}},
		{"GEN-15", "GEN-15 revoke", "a repeat takes it for done", func(d *driver) {
			var half seen
			d.revoke = halfWay(d, &half, (*revokeQ).GetAccountId, d.revoke)
			d.revoke = instead(d.revoke, func(r *revokeQ) (*revokeR, error) {
				if half.has(r.GetAccountId()) {
					return &revokeR{}, nil
				}
				return nil, nil
			})
		}},
		{"GEN-15", "GEN-15 grant", "a repeat fails", func(d *driver) {
			var half seen
			d.grant = halfWay(d, &half, (*grantQ).GetName, d.grant)
			d.grant = refuse(d.grant, codes.Internal, func(r *grantQ) bool { return half.has(r.GetName()) })
		}},
		{"GEN-15", "GEN-15 grant", "each repeat answers other credentials", func(d *driver) {
			var half seen
			d.grant = halfWay(d, &half, (*grantQ).GetName, d.grant)
			d.grant = reply(d.grant, func(q *grantQ, r *grantR) {
				if half.has(q.GetName()) {
					r.Credentials = keys()
				}
			})
		}},
	}
}

// onError changes errors alone.
func onError(change func(error) error) func(any, error) (any, error) {
	return func(response any, err error) (any, error) {
		if err != nil {
			return nil, change(err)
		}
		return response, nil
	}
}

// litter makes a folder beside the socket, and returns how it is removed.
func (d *driver) litter(name string) func() {
	path := filepath.Join(d.folder, name)
	_ = os.Mkdir(path, 0o700)
	return func() { _ = os.Remove(path) }
}

// wait waits, unless the context ends before.
func wait(ctx context.Context, duration time.Duration) error {
	select {
	case <-time.After(duration):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// method describes a method as generated code does.
func method[Q, R any](name string, handle handler[Q, R]) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		r := new(Q)
		if err := decode(r); err != nil {
			return nil, err
		}
		return handle(ctx, r)
	}}
}
