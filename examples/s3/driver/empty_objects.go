package driver

import (
	"context"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// objects is what a bucket has of versions and delete markers.
type objects struct {
	s3     *s3.Client
	bucket string
	plain  bool // the store refuses to list encoded keys
	alone  bool // the store refuses to delete many with one request
}

// maxBatch is how many objects one request may delete.
const maxBatch = 1000

func (o *objects) noun() string { return "object" }
func (o *objects) verb() string { return "delete object" }

func (o *objects) list(ctx context.Context, from place) (page, error) {
	out, err := o.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{
		Bucket: &o.bucket, KeyMarker: optional(from.key), VersionIdMarker: optional(from.id), EncodingType: encoding(o.plain),
	})
	if !o.plain && answered(err, refusesEncoding...) {
		o.plain = true
		return o.list(ctx, from)
	}
	if err != nil {
		return page{}, failed("list the bucket's objects", err)
	}
	p := page{more: aws.ToBool(out.IsTruncated), next: nextPlace(out.NextKeyMarker, out.NextVersionIdMarker, out.EncodingType)}
	p.items = make([]item, 0, len(out.Versions)+len(out.DeleteMarkers))
	for _, v := range out.Versions {
		p.items = append(p.items, readItem(v.Key, v.VersionId, out.EncodingType))
	}
	for _, m := range out.DeleteMarkers {
		p.items = append(p.items, readItem(m.Key, m.VersionId, out.EncodingType))
	}
	return p, p.check("list the bucket's objects")
}

// batch leaves out keys that XML cannot carry.
func (o *objects) batch(items []item) func(context.Context) (map[item]refusal, error) {
	var batch []item
	for _, i := range items {
		if inXML(i.key) && len(batch) < maxBatch {
			batch = append(batch, i)
		}
	}
	if o.alone || len(batch) == 0 {
		return nil
	}
	return func(ctx context.Context) (map[item]refusal, error) { return o.deleteBatch(ctx, batch) }
}

func (o *objects) deleteBatch(ctx context.Context, batch []item) (map[item]refusal, error) {
	asked := make([]types.ObjectIdentifier, 0, len(batch))
	for _, i := range batch {
		asked = append(asked, types.ObjectIdentifier{Key: aws.String(i.key), VersionId: optional(i.id)})
	}
	out, err := o.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &o.bucket, Delete: &types.Delete{Objects: asked}})
	if answered(err, "MalformedXML", "MethodNotAllowed", "NotImplemented") {
		o.alone = true
		return map[item]refusal{}, nil
	}
	if err != nil {
		return nil, failed("delete objects", err)
	}
	return matchAnswers(batch, out), nil
}

// matchAnswers gives each item its answer. What names an item that was not asked for is ignored, but for an error: it goes
// for all items that have no other answer. An answer that names no item at all is taken for a success of all, as the list
// shows what became of them.
func matchAnswers(batch []item, out *s3.DeleteObjectsOutput) map[item]refusal {
	asked := make(map[place]item, len(batch))
	for _, i := range batch {
		asked[place{i.key, i.id}] = i
	}
	answers := make(map[item]refusal, len(batch))
	for _, d := range out.Deleted {
		if i, ok := asked[place{aws.ToString(d.Key), aws.ToString(d.VersionId)}]; ok {
			answers[i] = nil
		}
	}
	var stray refusal
	for _, e := range out.Errors {
		if i, ok := asked[place{aws.ToString(e.Key), aws.ToString(e.VersionId)}]; ok {
			answers[i] = refusalOf(e)
		} else {
			stray = refusalOf(e)
		}
	}
	if stray == nil && len(answers) > 0 {
		return answers
	}
	for _, i := range batch {
		if _, ok := answers[i]; !ok {
			answers[i] = stray
		}
	}
	return answers
}

func refusalOf(e types.Error) refusal {
	switch aws.ToString(e.Code) {
	case "NoSuchKey", "NoSuchVersion":
		return nil
	}
	return func(trying string) error { return itemFailed(trying, e) }
}

func (o *objects) deleteOne(ctx context.Context, i item) error {
	_, err := o.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &o.bucket, Key: &i.key, VersionId: optional(i.id)})
	if answered(err, "NoSuchKey", "NoSuchVersion") {
		return nil
	}
	return err
}

// inXML says whether XML 1.0 has all characters of a key.
func inXML(key string) bool {
	return utf8.ValidString(key) && !strings.ContainsFunc(key, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\ufffe' || c == '\uffff'
	})
}

// refusesEncoding is what a store may answer that does not know how to encode keys.
var refusesEncoding = []string{"InvalidArgument", "InvalidRequest", "NotImplemented"} //nolint:gochecknoglobals // nothing changes it

// encoding asks for a list in which a key can have any character. Stores may ignore it.
func encoding(plain bool) types.EncodingType {
	if plain {
		return ""
	}
	return types.EncodingTypeUrl
}

// readItem reads an item of a list. In an encoded key, a plus stands for a space, but not every store knows.
func readItem(key, id *string, encoded types.EncodingType) item {
	i := item{key: readKey(key, encoded), id: aws.ToString(id)}
	if encoded == types.EncodingTypeUrl {
		if other, err := url.PathUnescape(aws.ToString(key)); err == nil && other != i.key {
			i.other = other
		}
	}
	return i
}

func readKey(key *string, encoded types.EncodingType) string {
	text := aws.ToString(key)
	if encoded == types.EncodingTypeUrl {
		if plain, err := url.QueryUnescape(text); err == nil {
			return plain
		}
	}
	return text
}

func nextPlace(key, id *string, encoded types.EncodingType) place {
	return place{key: readKey(key, encoded), id: aws.ToString(id)}
}

// check refuses a list of things without a key: a request for one would be a request for the bucket.
func (p page) check(trying string) error {
	for _, i := range p.items {
		if i.key == "" {
			return status.Errorf(codes.Unavailable, "%s: not the store's answer: it lists one without a key", trying)
		}
	}
	return nil
}

// optional leaves out what is not there.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
