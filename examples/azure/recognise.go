package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
)

// request is one of the requests that the driver sends, and what the store's own answer to it looks like.
type request struct {
	name    string
	api     string // as the store's documentation and logs name it
	method  string
	restype string // the query says which of a container's parts is asked for
	comp    string
	success int      // the one HTTP status that is success
	headers []string // what a success must have in addition to storeHeaders
	root    string   // the XML element that a success consists of; empty: a success has no body
	absence bool     // the store's code ContainerNotFound is an answer about the container
}

// storeHeaders are in every success of Azure's.
func storeHeaders() []string { return []string{"X-Ms-Version", "Date"} }

// requests are all that the driver sends.
func requests() []request {
	changed := []string{"Etag", "Last-Modified"} // an answer about a container that exists has these
	list := []request{
		{name: "create container", api: "CreateContainer", method: http.MethodPut, success: http.StatusCreated, headers: changed},
		{name: "look at container", api: "GetContainerProperties", method: http.MethodGet, success: http.StatusOK, headers: changed, absence: true},
		{name: "list container", api: "ListBlobs", method: http.MethodGet, comp: "list", success: http.StatusOK, root: "EnumerationResults", absence: true},
		{name: "delete container", api: "DeleteContainer", method: http.MethodDelete, success: http.StatusAccepted, absence: true},
		{
			name: "read policies", api: "GetContainerACL", method: http.MethodGet, comp: "acl", success: http.StatusOK,
			headers: changed, root: "SignedIdentifiers", absence: true,
		},
		{name: "write policies", api: "SetContainerACL", method: http.MethodPut, comp: "acl", success: http.StatusOK, headers: changed, absence: true},
		{
			name: proveAbsence, api: "RenewContainerLease", method: http.MethodPut, comp: "lease", success: http.StatusOK,
			headers: append(changed, "X-Ms-Lease-Id"), absence: true,
		},
	}
	for i := range list {
		list[i].restype = "container"
	}
	return append(list, request{
		name: "ask for the store's properties", api: "GetBlobServiceProperties", method: http.MethodGet, restype: "service", comp: "properties",
		success: http.StatusOK, root: "StorageServiceProperties",
	})
}

const proveAbsence = "prove absence"

// operation names the request in the metrics.
func (q request) operation() string { return "Blob/" + q.api }

// requestOf finds what was sent.
func requestOf(r *http.Request) (request, bool) {
	query := r.URL.Query()
	all := requests()
	i := slices.IndexFunc(all, func(each request) bool {
		return each.method == r.Method && each.restype == query.Get("restype") && each.comp == query.Get("comp")
	})
	if i < 0 {
		return request{}, false
	}
	return all[i], true
}

// mostAnswer is what is read of an answer, in bytes. The longest that the driver asks for has a few thousand.
const mostAnswer = 1 << 20

// recogniser sends requests, and lets through only answers that the store itself gave. It reads each answer within the
// request's time and within mostAnswer, before the SDK, which has no bound, sees it.
type recogniser struct{ client *http.Client }

func (c recogniser) Do(r *http.Request) (*http.Response, error) {
	r, err := withOwnBody(r)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := readAnswer(response)
	if err != nil {
		return nil, &url.Error{Op: r.Method, URL: r.URL.Redacted(), Err: err}
	}
	sent, known := requestOf(r)
	if !known || len(body) > mostAnswer || !sent.recognise(response, &body) {
		return nil, strange(response, body)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	return response, nil
}

// withOwnBody gives a try a body that no later try reads, too: what sends a request may still read its body when the answer
// is there already, and the SDK then rewinds that same body for the next try.
func withOwnBody(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, nil
}

func readAnswer(response *http.Response) ([]byte, error) {
	defer response.Body.Close()
	return io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
}

// headerErrorCode holds the store's error code; a proxy before the store has none.
const headerErrorCode = "X-Ms-Error-Code"

// recognise says whether the answer is the store's. A failure without the store's code is one only where the HTTP status
// says enough by itself; its body is dropped then, so that nobody finds a code in it.
func (q request) recognise(response *http.Response, body *[]byte) bool {
	if response.StatusCode == q.success {
		return q.isSuccess(response.Header, *body)
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return false
	}
	switch code := errorCode(response.Header, *body); bloberror.Code(code) {
	case "":
	case bloberror.ContainerNotFound:
		return q.absence && response.StatusCode == http.StatusNotFound
	case bloberror.ContainerBeingDeleted:
		return response.StatusCode == http.StatusConflict
	default:
		return true
	}
	response.Header.Del(headerErrorCode)
	*body = nil
	return speaksForItself(response.StatusCode)
}

func (q request) isSuccess(header http.Header, body []byte) bool {
	for _, name := range slices.Concat(storeHeaders(), q.headers) {
		value := header.Get(name)
		if value == "" {
			return false
		}
		if _, err := time.Parse(time.RFC1123, value); err != nil && (name == "Date" || name == "Last-Modified") {
			return false
		}
	}
	if q.root == "" {
		return len(bytes.TrimSpace(body)) == 0
	}
	return isDocument(body, q.root)
}

var codeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{2,79}$`)

// errorCode is the store's code of a failure: in a header, or in the store's XML. The SDK finds it in the header then.
func errorCode(header http.Header, body []byte) string {
	code := header.Get(headerErrorCode)
	if code == "" && isDocument(body, "Error") {
		var said struct {
			Code string `xml:"Code"`
		}
		if xml.Unmarshal(trimMark(body), &said) == nil {
			code = said.Code
		}
	}
	if !codeForm.MatchString(code) {
		return ""
	}
	header.Set(headerErrorCode, code)
	return code
}

// speaksForItself says whether a failure's HTTP status is an answer without the store's code. That something is not found,
// in conflict or malformed is not: a gateway says that of its own affairs.
func speaksForItself(httpStatus int) bool {
	switch httpStatus {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return httpStatus >= http.StatusInternalServerError
}

// deepest is how deep the elements of an answer may be nested. Azure's are six deep.
const deepest = 32

func trimMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) }

// isDocument says whether the text is one whole XML element of that name.
func isDocument(text []byte, root string) bool {
	decoder := xml.NewDecoder(bytes.NewReader(trimMark(text)))
	depth, roots := 0, 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return depth == 0 && roots == 1
		}
		if err != nil || depth > deepest {
			return false
		}
		switch element := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				if roots++; element.Name.Local != root {
					return false
				}
			}
			depth++
		case xml.EndElement:
			depth--
		}
	}
}

// foreignError is an answer that the store did not give. It is not tried again at once: who stands in the store's place
// stays there for a while.
type foreignError struct {
	what       string
	httpStatus int
}

func (e *foreignError) Error() string { return "not the store's answer: " + e.what }

// NonRetriable tells the SDK not to try again.
func (*foreignError) NonRetriable() {}

func strange(response *http.Response, body []byte) error {
	what := fmt.Sprintf("HTTP %d, type %q", response.StatusCode, show(response.Header.Get("Content-Type"), 40))
	switch {
	case len(body) > mostAnswer:
		what += fmt.Sprintf(", more than %d bytes", mostAnswer)
	case len(body) == 0:
		what += ", no body"
	}
	if len(body) > 0 {
		begin := string(body[:min(len(body), 512)])
		if len(body) > len(begin) {
			begin = cutToken.ReplaceAllString(begin, "***")
		}
		what += fmt.Sprintf(", begins %q", show(begin, 60))
	}
	return &foreignError{what, response.StatusCode}
}

// tokenLike is a run of characters that may be a key, a signature or a part of one.
var tokenLike = regexp.MustCompile(`[A-Za-z0-9+/=_%&#;~.:-]{12,}`)

// cutToken is what the end of a text cut short: half a secret is one, too.
var cutToken = regexp.MustCompile(`[A-Za-z0-9+/=_%&#;~.:-]+$`)

// show cuts foreign text, and masks in it what may be secret. It masks first: half a secret is one, too.
func show(text string, length int) string {
	text = tokenLike.ReplaceAllString(strings.ToValidUTF8(text, "?"), "***")
	if letters := []rune(text); len(letters) > length {
		text = string(letters[:length]) + "..."
	}
	return text
}
