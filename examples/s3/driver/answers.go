package driver

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Nothing is read out of an answer that is not the store's: a page of a proxy that says 200 or 404 is neither a success nor
// the absence of anything. README.md has this table in words.

// proof is what the store's own answer to a request looks like.
type proof struct {
	root   string // the element that the XML of a success begins with; "": none
	other  string // what Ceph makes of it, if that differs
	empty  int    // the status of a success without a body; 0: there is none
	absent string // the codes, in an error of the store, that say that something is not there; "": none does
}

// proofs lists every request that the driver sends. One that is missing here cannot succeed.
//
//nolint:gochecknoglobals // a table that nothing changes
var proofs = map[string]proof{
	"ListBuckets":          {root: "ListAllMyBucketsResult"},
	"CreateBucket":         {root: "CreateBucketResult", empty: http.StatusOK}, // the tags that are read back prove it
	"DeleteBucket":         {empty: http.StatusNoContent, absent: noBucket},    // its repeat proves it
	"GetBucketTagging":     {root: "Tagging", absent: noBucket + ", " + noTags},
	"PutBucketTagging":     {empty: http.StatusOK}, // the tags that are read back prove it
	"PutBucketVersioning":  {empty: http.StatusOK}, // what is read back proves it
	"GetBucketVersioning":  {root: "VersioningConfiguration"},
	"ListObjectVersions":   {root: "ListVersionsResult", absent: noBucket},
	"DeleteObjects":        {root: "DeleteResult", absent: noBucket},
	"DeleteObject":         {empty: http.StatusNoContent, absent: noBucket},
	"ListMultipartUploads": {root: "ListMultipartUploadsResult", absent: noBucket},
	"AbortMultipartUpload": {empty: http.StatusNoContent, absent: noBucket + ", " + noUpload},

	"CreateUser":       {root: "CreateUserResponse"},
	"GetUser":          {root: "GetUserResponse", absent: noEntity},
	"ListUsers":        {root: "ListUsersResponse"},
	"DeleteUser":       {root: "DeleteUserResponse", absent: noEntity},
	"TagUser":          {root: "TagUserResponse"},
	"UntagUser":        {root: "UntagUserResponse"},
	"ListUserTags":     {root: "ListUserTagsResponse", absent: noEntity},
	"CreateAccessKey":  {root: "CreateAccessKeyResponse"},
	"ListAccessKeys":   {root: "ListAccessKeysResponse", absent: noEntity},
	"DeleteAccessKey":  {root: "DeleteAccessKeyResponse", absent: noEntity},
	"PutUserPolicy":    {root: "PutUserPolicyResponse"},
	"DeleteUserPolicy": {root: "DeleteUserPolicyResponse", other: "DeleteUserPoliciesResponse", absent: noEntity},
	"ListUserPolicies": {root: "ListUserPoliciesResponse", absent: noEntity},
}

// The codes by which the store says that something is not there.
const (
	noBucket = "NoSuchBucket"
	noTags   = "NoSuchTagSet"
	noUpload = "NoSuchUpload"
	noEntity = "NoSuchEntity"
)

// proves says whether an answer is the success that a request to the store has.
func (p proof) proves(httpStatus int, body []byte) bool {
	switch {
	case httpStatus < 200 || httpStatus > 299:
		return false
	case len(bytes.TrimSpace(body)) == 0:
		return p.empty != 0 && (httpStatus == p.empty || httpStatus == http.StatusNoContent)
	}
	root := document(body)
	return root != "" && (root == p.root || root == p.other)
}

// What an answer may cost.
const (
	longestAnswer  = 8 << 20          // bytes; a page of a thousand of the longest keys has about 4 MiB
	deepestAnswer  = 32               // elements inside of each other
	patienceAnswer = 15 * time.Second // from the request to the last byte
)

// strange is an answer that is not the store's, or none within the bounds.
type strange struct {
	httpStatus int // 0: none came
	what       string
	retryAfter string // the header
}

func (s *strange) Error() string { return s.what }

// HTTPStatusCode is for the SDK.
func (s *strange) HTTPStatusCode() int { return s.httpStatus }

// RetryableError tells the SDK to try again what passes by itself, and nothing that costs as much each time.
func (s *strange) RetryableError() bool { return busy(s.httpStatus) }

func busy(httpStatus int) bool {
	return httpStatus == http.StatusTooManyRequests || httpStatus == http.StatusRequestTimeout || httpStatus >= http.StatusInternalServerError
}

// ids knows whether the store names each of its answers. Answers that prove themselves by what is in them tell. On a store
// that does, a success without a body is the store's if it has a name, too; on any other it must be proven by another request.
type ids struct{ sent atomic.Bool }

// idHeader is the name of an answer of S3.
const idHeader = "X-Amz-Request-Id"

// learn looks at an answer that proved itself.
func (i *ids) learn(header http.Header) {
	if header.Get(idHeader) != "" {
		i.sent.Store(true)
	}
}

// prove says whether a success without a body is the store's, by what the SDK keeps of it.
func (i *ids) prove(answer middleware.Metadata) bool {
	id, _ := awsmiddleware.GetRequestIDMetadata(answer)
	return id != "" && i.sent.Load()
}

// recognize lets pass what the store answers, within bounds. It stands before everything of the SDK that reads an answer.
type recognize struct {
	patience time.Duration
	longest  int64 // bytes
	ids      *ids
	store    Kind
	measure  *measure
}

func (*recognize) ID() string { return "Recognize" }

func (r *recognize) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	if err := overdue(ctx); err != nil {
		return middleware.DeserializeOutput{}, middleware.Metadata{}, err
	}
	began := r.measure.begin(ctx)
	bounded, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	out, metadata, err := next.HandleDeserialize(bounded, in)
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if err == nil && ok {
		err = r.inspect(ctx, response)
	}
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		err = late(r.patience)
	}
	if !began.IsZero() {
		r.measure.end(ctx, began, bySDK(ctx, in, response, err))
	}
	return out, metadata, err
}

func late(patience time.Duration) error {
	return &strange{what: fmt.Sprintf("the store does not answer within %v", patience)}
}

// inspect reads an answer to its end, and returns an error if it is not the store's.
func (r *recognize) inspect(ctx context.Context, response *smithyhttp.Response) error {
	body, whole, err := readAnswer(response.Response, r.longest)
	if err != nil {
		return err
	}
	if r.store == Ceph {
		body = inCharacters(body)
	}
	operation := awsmiddleware.GetOperationName(ctx)
	if !whole || !proofs[operation].proves(response.StatusCode, body) && (response.StatusCode < 300 || !isError(body)) {
		return newStrange(response.Response, body, r.longest, operation == "CreateAccessKey")
	}
	if len(body) > 0 {
		r.ids.learn(response.Header)
	}
	if response.StatusCode >= 300 && awsmiddleware.GetServiceID(ctx) == iam.ServiceID {
		body = wrapError(body)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// reference matches a reference to a character by its number.
var reference = regexp.MustCompile(`&#(?:x[0-9A-Fa-f]{1,6}|[0-9]{1,7});`)

// inCharacters replaces references to characters that XML does not have, as no reader takes them. Ceph writes such where a
// list says at which key it goes on; the keys themselves it encodes.
func inCharacters(body []byte) []byte {
	if !bytes.Contains(body, []byte("&#")) {
		return body
	}
	return reference.ReplaceAllFunc(body, func(r []byte) []byte {
		digits, base := string(r[2:len(r)-1]), 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseInt(digits, base, 32); err != nil || !inXML(string(rune(n))) {
			return []byte("\uFFFD")
		}
		return r
	})
}

// wrapError gives an error the form in which the SDK expects it of IAM. Some stores answer in that of S3.
func wrapError(body []byte) []byte {
	if document(body) != "Error" {
		return body
	}
	if _, after, ok := bytes.Cut(body, []byte("?>")); ok {
		body = after
	}
	return slices.Concat([]byte("<ErrorResponse>"), body, []byte("</ErrorResponse>"))
}

// readAnswer reads an answer to its end, or a little more than is allowed, and says whether that is all of it.
func readAnswer(response *http.Response, longest int64) (body []byte, whole bool, err error) {
	body, err = io.ReadAll(io.LimitReader(response.Body, longest+1))
	_ = response.Body.Close()
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // such as a connection that was reset
		return nil, false, err
	}
	return body, err == nil && int64(len(body)) <= longest, nil
}

// document returns the name of the root of a whole XML document; "" for anything else. It looks at each token by itself, as
// a document may be nested so deeply that following it costs more than its length.
func document(body []byte) (root string) {
	tokens := xml.NewDecoder(bytes.NewReader(body))
	for depth := 0; ; {
		token, err := tokens.RawToken()
		if errors.Is(err, io.EOF) && depth == 0 {
			return root
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 && root != "" {
				return ""
			}
			if depth == 0 {
				root = t.Name.Local
			}
			depth++
		case xml.EndElement:
			depth--
		}
		if err != nil || depth < 0 || depth > deepestAnswer {
			return ""
		}
	}
}

// isError says whether a document is an error of S3 or of IAM, with a code.
func isError(body []byte) bool {
	switch document(body) {
	case "Error":
		var s3 struct {
			Code string `xml:"Code"`
		}
		return xml.Unmarshal(body, &s3) == nil && s3.Code != ""
	case "ErrorResponse":
		var iam struct {
			Code string `xml:"Error>Code"`
		}
		return xml.Unmarshal(body, &iam) == nil && iam.Code != ""
	}
	return false
}

func newStrange(response *http.Response, body []byte, longest int64, holdsKey bool) *strange {
	return &strange{
		httpStatus: response.StatusCode, retryAfter: response.Header.Get("Retry-After"),
		what: "not the store's answer: " + describe(response, body, longest, holdsKey),
	}
}

// describe says what came instead: enough to tell a proxy's page from a portal's, and nothing that could be a secret.
func describe(response *http.Response, body []byte, longest int64, holdsKey bool) string {
	text := fmt.Sprintf("HTTP %d", response.StatusCode)
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err == nil && len(kind) <= 40 {
		text += " " + kind
	}
	switch {
	case len(body) == 0:
		return text + ", nothing in it"
	case int64(len(body)) > longest:
		return text + fmt.Sprintf(", more than %d bytes", longest)
	case holdsKey: // which may be anywhere in it
		return text + fmt.Sprintf(", %d bytes", len(body))
	}
	const shown = 48
	begin := strings.ToValidUTF8(string(body[:min(len(body), 4*shown)]), "?")
	if len(body) > 4*shown {
		begin = cutWord.ReplaceAllString(begin, "…") // half a key is one, too
	}
	return text + fmt.Sprintf(", begins %.*q", shown, masked.ReplaceAllString(begin, "…"))
}

// cutWord is what the end of a text cut short.
var cutWord = regexp.MustCompile(`[A-Za-z0-9+/=_-]+$`)

// masked is what could be a part of a key.
var masked = regexp.MustCompile(`[A-Za-z0-9+/=_-]{16,}`)

// withRecognition adds the stage to each request of a client.
func withRecognition(settings Settings, i *ids, m *measure) func(*middleware.Stack) error {
	p := settings.bounds()
	return func(stack *middleware.Stack) error {
		stage := &recognize{patience: p.patience, longest: p.answer, ids: i, store: settings.Store, measure: m}
		return stack.Deserialize.Add(stage, middleware.After)
	}
}
