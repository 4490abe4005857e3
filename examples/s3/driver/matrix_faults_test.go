package driver_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// matrixFault is something that comes between the driver and the store.
type matrixFault struct {
	name  string
	class class
	give  func(q seen, w http.ResponseWriter, r *http.Request)
	at    []string // the only operations that it concerns; nil: all
	only  service
	kind  driver.Kind // the only one of store; "": all
	away  bool        // nothing listens from then on
	slow  bool        // it takes as long as the driver allows
	fresh bool        // only a driver that has just started looks for it
}

// service is one of the store's.
type service int

const (
	anyService service = iota
	ofS3
	ofIAM
	ofAdmin // Ceph's users
)

// concerns says whether a request can meet the fault.
func (f matrixFault) concerns(operation string, of service) bool {
	return (f.at == nil || slices.Contains(f.at, operation)) && (f.only == anyService || f.only == of)
}

// meets says whether a request of a call can meet the fault.
func (f matrixFault) meets(c sidecarCall, q asked) bool {
	known := !c.check || f.class != anotherUser && f.class != keyless // a check does not know whom it asks for
	return known && (c.fresh || !f.fresh) && f.concerns(q.operation, q.service)
}

// modes says whether the fault comes once. What takes long is not tried twice, and who is away does not come back at once.
func (f matrixFault) modes() []bool {
	if f.away || f.slow {
		return []bool{false}
	}
	return []bool{false, true}
}

// matrixFaults lists all of them, for a kind of store. What stands at elsewhere must never be asked.
func matrixFaults(kind driver.Kind, elsewhere string) []matrixFault {
	all := slices.Concat(connections(), strangers(), redirects(elsewhere), refusals(), busyStores(), conflicts(), itemFaults(),
		otherUsers(), otherCephUsers(), droppers())
	return slices.DeleteFunc(all, func(f matrixFault) bool { return f.kind != "" && f.kind != kind })
}

func connections() []matrixFault {
	return []matrixFault{
		{name: "connection refused", class: noConnection, away: true},
		{name: "reset before the store acted", class: noConnection, give: func(_ seen, w http.ResponseWriter, _ *http.Request) { reset(w) }},
		{name: "reset after the store acted", class: noConnection, give: func(q seen, w http.ResponseWriter, r *http.Request) {
			q.answer(r)
			reset(w)
		}},
		{name: "answer that ends too early", class: cutAnswer, give: cutOff},
		{name: "body that dribbles", class: slowAnswer, give: dribble, slow: true},
	}
}

// strangers are answers that are not the store's.
func strangers() []matrixFault {
	const html, json = "text/html", "application/json"
	nothing := func(seen, *http.Request) string { return "" }
	text := func(text string) func(seen, *http.Request) string {
		return func(seen, *http.Request) string { return text }
	}
	list := []matrixFault{
		{name: "truncated XML", class: truncatedAnswer, give: truncate},
		{name: "endless body", class: tooMuch, give: neverEnding},
		{name: "gzip bomb", class: tooMuch, give: bomb},
		{name: "200 with deeply nested XML", class: notTheStore, give: nested},
		{name: "200 with nothing", class: silent, give: plain(200, "", nil, nothing)},
		{name: "204 with nothing", class: silent, give: plain(204, "", nil, nothing)},
	}
	for _, row := range []struct {
		name   string
		status int
		kind   string
		body   func(seen, *http.Request) string
	}{
		{"200 with HTML that repeats the request", 200, html, echo},
		{"200 with JSON", 200, json, text(`{"status":"ok","code":"NoSuchEntity"}`)},
		{"404 with HTML that repeats the request", 404, html, echo},
		{"404 with nothing", 404, "", nothing},
		{"404 with JSON", 404, json, text(`{"message":"no Route matched with those values"}`)},
		{"404 with the code in JSON", 404, json, func(q seen, _ *http.Request) string {
			code := "NoSuchBucket"
			switch q.service {
			case ofIAM:
				code = "NoSuchEntity"
			case ofAdmin:
				code = "NoSuchUser"
			default:
			}
			return fmt.Sprintf(`{"Code":%[1]q,"code":%[1]q,"__type":%[1]q,"Error":{"Code":%[1]q}}`, code)
		}},
		{"400 with HTML", 400, html, text("<html><body>400 Bad Request</body></html>")},
		{"409 with nothing", 409, "", nothing},
		{"409 with JSON", 409, json, text(`{"error":"conflict"}`)},
	} {
		list = append(list, matrixFault{name: row.name, class: notTheStore, give: plain(row.status, row.kind, nil, row.body)})
	}
	return list
}

func redirects(elsewhere string) []matrixFault {
	to := http.Header{"Location": {elsewhere + "/"}}
	nothing := func(seen, *http.Request) string { return "" }
	return []matrixFault{
		{name: "301 without a code", class: wrongRegion, give: plain(301, "", to, nothing)},
		{name: "301 PermanentRedirect", class: wrongRegion, give: coded(301, "PermanentRedirect", to)},
		{name: "307 without a code", class: wrongRegion, give: plain(307, "", to, nothing)},
		{name: "307 TemporaryRedirect", class: wrongRegion, give: coded(307, "TemporaryRedirect", to)},
		{name: "400 AuthorizationHeaderMalformed", class: wrongRegion, give: coded(400, "AuthorizationHeaderMalformed", nil)},
		{name: "400 IllegalLocationConstraintException", class: wrongRegion, only: ofS3, give: coded(400, "IllegalLocationConstraintException", nil)},
		{name: "302 to another host", class: sentAway, give: plain(302, "", to, nothing)},
	}
}

func refusals() []matrixFault {
	nothing := func(seen, *http.Request) string { return "" }
	return []matrixFault{
		{name: "401 without a code", class: keyRefused, give: plain(401, "", nil, nothing)},
		{name: "401 InvalidClientTokenId", class: keyRefused, give: coded(401, "InvalidClientTokenId", nil)},
		{name: "403 without a code", class: keyRefused, give: plain(403, "", nil, nothing)},
		{name: "403 with HTML that repeats the request", class: keyRefused, give: plain(403, "text/html", nil, echo)},
		{name: "403 AccessDenied", class: keyRefused, give: coded(403, "AccessDenied", nil)},
		{name: "403 SignatureDoesNotMatch", class: keyRefused, give: coded(403, "SignatureDoesNotMatch", nil)},
	}
}

func busyStores() []matrixFault {
	nothing := func(seen, *http.Request) string { return "" }
	later := func(when string) http.Header { return http.Header{"Retry-After": {when}} }
	return []matrixFault{
		{name: "408", class: busyUntold, give: plain(408, "", nil, nothing)},
		{name: "429", class: busyUntold, give: plain(429, "", nil, nothing)},
		{name: "429, Retry-After: 1", class: busyUntold, give: plain(429, "", later("1"), nothing)},
		{name: "429, Retry-After: 3600", class: busyUntold, give: plain(429, "", later("3600"), nothing)},
		{name: "429, Retry-After: a date", class: busyUntold, give: plain(429, "", later("Wed, 21 Oct 2065 07:28:00 GMT"), nothing)},
		{name: "500 without a code", class: busy, give: plain(500, "", nil, nothing)},
		{name: "500 InternalError", class: busy, give: coded(500, "InternalError", nil)},
		{name: "502 with HTML that repeats the request", class: busy, give: plain(502, "text/html", nil, echo)},
		{name: "503 SlowDown", class: busy, give: coded(503, "SlowDown", nil)},
		{name: "503 SlowDown, Retry-After: 3600", class: busyUntold, give: coded(503, "SlowDown", later("3600"))},
		{name: "400 Throttling", class: busy, give: coded(400, "Throttling", nil)},
	}
}

func conflicts() []matrixFault {
	return []matrixFault{
		{name: "409 BucketAlreadyExists", class: bucketExists, only: ofS3, give: coded(409, "BucketAlreadyExists", nil)},
		{name: "409 OperationAborted", class: inProgress, only: ofS3, give: coded(409, "OperationAborted", nil)},
		{name: "409 BucketNotEmpty", class: bucketNotEmpty, only: ofS3, give: coded(409, "BucketNotEmpty", nil)},
		{name: "409 DeleteConflict", class: deleteConflict, only: ofIAM, give: coded(409, "DeleteConflict", nil)},
		{name: "409 EntityAlreadyExists", class: userExists, only: ofIAM, give: coded(409, "EntityAlreadyExists", nil)},
		{name: "409 EntityTemporarilyUnmodifiable", class: unmodifiable, only: ofIAM, give: coded(409, "EntityTemporarilyUnmodifiable", nil)},
		{name: "409 ConcurrentModification", class: unmodifiable, only: ofIAM, give: coded(409, "ConcurrentModification", nil)},
		{name: "409 UserAlreadyExists", class: userExists, only: ofAdmin, give: coded(409, "UserAlreadyExists", nil)},
		{name: "409 KeyExists", class: userExists, only: ofAdmin, give: coded(409, "KeyExists", nil)},
		{name: "409 BucketAlreadyExists of a user", class: userHasBuckets, only: ofAdmin, give: coded(409, "BucketAlreadyExists", nil)},
		{name: "404 NoSuchUser", class: userMissing, only: ofAdmin, at: []string{"CreateUser", "GetUser"}, give: coded(404, "NoSuchUser", nil)},
		{name: "409 LimitExceeded", class: overQuota, only: ofIAM, give: coded(409, "LimitExceeded", nil)},
		{name: "400 TooManyBuckets", class: overQuota, at: []string{"CreateBucket"}, give: coded(400, "TooManyBuckets", nil)},
	}
}

// itemFaults are those of single objects in an answer about many.
func itemFaults() []matrixFault {
	var list []matrixFault
	for _, row := range []struct {
		name, code, message string
		class               class
	}{
		{"item: SlowDown", "SlowDown", "Please reduce your request rate.", itemBusy},
		{"item: InternalError", "InternalError", "We encountered an internal error.", itemBusy},
		{"item: AccessDenied", "AccessDenied", "Access Denied", itemDenied},
		{"item: AccessDenied, object lock", "AccessDenied", "Access Denied because object protected by object lock.", itemLocked},
		{"item: a code that nobody knows", "Whatever", "no", itemUnknown},
		{"item: success, but nothing is deleted", "", "", itemStays},
	} {
		list = append(list, matrixFault{name: row.name, class: row.class, at: []string{"DeleteObjects"}, give: items(row.code, row.message)})
	}
	return list
}

// otherUsers are successes for somebody else than was asked for, or for nobody.
func otherUsers() []matrixFault {
	at := []string{"CreateUser", "CreateAccessKey"}
	return []matrixFault{
		{name: "success for another user", class: anotherUser, only: ofIAM, at: at, give: func(q seen, w http.ResponseWriter, r *http.Request) {
			a, name := q.answer(r), q.form.Get("UserName")
			if a.status >= http.StatusMultipleChoices {
				a = answer{status: http.StatusOK, header: a.header, body: []byte("<CreateUserResponse><CreateUserResult><User><UserName>" + name +
					"</UserName></User></CreateUserResult></CreateUserResponse>")}
			}
			a.body = bytes.ReplaceAll(a.body, []byte("<UserName>"+name), []byte("<UserName>other"+name))
			rewritten(w, a)
		}},
		{name: "success without the key", class: anotherUser, only: ofIAM, at: at[1:], give: func(q seen, w http.ResponseWriter, r *http.Request) {
			a := q.answer(r)
			before, rest, _ := bytes.Cut(a.body, []byte("<AccessKey>"))
			_, after, _ := bytes.Cut(rest, []byte("</AccessKey>"))
			a.body = slices.Concat(before, after)
			rewritten(w, a)
		}},
		{name: "success without the secret", class: anotherUser, only: ofIAM, at: at[1:], give: func(q seen, w http.ResponseWriter, r *http.Request) {
			a := q.answer(r)
			before, rest, _ := bytes.Cut(a.body, []byte("<SecretAccessKey>"))
			_, after, _ := bytes.Cut(rest, []byte("</SecretAccessKey>"))
			a.body = slices.Concat(before, after)
			rewritten(w, a)
		}},
	}
}

// droppers answer with success and leave out a part of what was asked.
func droppers() []matrixFault {
	return []matrixFault{
		{name: "success that drops the tags of a bucket", kind: driver.AWS, class: dropsBucketTags, at: []string{"CreateBucket"}, fresh: true, give: func(q seen, w http.ResponseWriter, r *http.Request) {
			c := &captor{}
			_, _ = q.watch.store.administrator.s3.CreateBucket(r.Context(), &s3.CreateBucketInput{Bucket: aws.String(strings.Trim(r.URL.Path, "/"))},
				func(o *s3.Options) { o.HTTPClient = c })
			rewritten(w, c.answer)
		}},
		{name: "success that drops the tags of a user", kind: driver.AWS, class: dropsUserTags, at: []string{"CreateUser"}, give: func(q seen, w http.ResponseWriter, r *http.Request) {
			c := &captor{}
			_, _ = q.watch.store.administrator.iam.CreateUser(r.Context(), &iam.CreateUserInput{UserName: aws.String(q.form.Get("UserName")), Path: aws.String(q.form.Get("Path"))},
				func(o *iam.Options) { o.HTTPClient = c })
			rewritten(w, c.answer)
		}},
	}
}

func rewritten(w http.ResponseWriter, a answer) {
	a.header.Del("Content-Length")
	a.writeTo(w)
}

// plain answers without the store.
func plain(status int, kind string, header http.Header, body func(seen, *http.Request) string) func(seen, http.ResponseWriter, *http.Request) {
	return func(q seen, w http.ResponseWriter, r *http.Request) {
		a := answer{status: status, header: header.Clone(), body: []byte(body(q, r))}
		if a.header == nil {
			a.header = http.Header{}
		}
		if kind != "" {
			a.header.Set("Content-Type", kind)
		}
		a.writeTo(w)
	}
}

// coded answers as the store does when it fails.
func coded(status int, code string, header http.Header) func(seen, http.ResponseWriter, *http.Request) {
	inXML, inJSON := plain(status, "application/xml", header, codeXML(code)), plain(status, "application/json", header, codeJSON(code))
	return func(q seen, w http.ResponseWriter, r *http.Request) {
		if q.service == ofAdmin {
			inJSON(q, w, r)
			return
		}
		inXML(q, w, r)
	}
}

func codeJSON(code string) func(seen, *http.Request) string {
	return func(seen, *http.Request) string {
		return fmt.Sprintf(`{"Code":%q,"Message":"","RequestId":"tx1","HostId":"1-default-default"}`, code)
	}
}

// codeXML has the form that AWS gives it for IAM; Ceph gives it there the one of S3.
func codeXML(code string) func(seen, *http.Request) string {
	return func(q seen, _ *http.Request) string {
		text := "<Code>" + code + "</Code><Message>no</Message>"
		if q.service == ofIAM && q.watch.store.kind == driver.AWS {
			return `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>` + text +
				`</Error><RequestId>1</RequestId></ErrorResponse>`
		}
		return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error>" + text + "<RequestId>1</RequestId></Error>"
	}
}

// items fails every object of a request, or says that all are deleted.
func items(code, message string) func(seen, http.ResponseWriter, *http.Request) {
	return plain(200, "application/xml", nil, func(q seen, _ *http.Request) string {
		var text strings.Builder
		text.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
		for part := range strings.SplitSeq(string(q.body), "<Key>") {
			key, _, ok := strings.Cut(part, "</Key>")
			if ok && code != "" {
				fmt.Fprintf(&text, "<Error><Key>%s</Key><Code>%s</Code><Message>%s</Message></Error>", key, code, message)
			}
		}
		text.WriteString("</DeleteResult>")
		return text.String()
	})
}

// echo is the page of a gateway that shows what it was asked, secrets and all.
func echo(q seen, r *http.Request) string {
	if r == nil {
		return "echo"
	}
	return "<html>" + r.Header.Get("Authorization") + " " + string(q.body) + "</html>"
}

func reset(w http.ResponseWriter) {
	conn := hijack(w)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	return conn
}

// cutOff lets the store act, and ends its answer in the middle.
func cutOff(q seen, w http.ResponseWriter, r *http.Request) {
	a := q.answer(r)
	w.Header().Set("Content-Type", a.header.Get("Content-Type"))
	w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	if len(a.body) > 0 {
		panic(http.ErrAbortHandler)
	}
}

// truncate lets the store act, and gives half of its answer for the whole.
func truncate(q seen, w http.ResponseWriter, r *http.Request) {
	a := q.answer(r)
	a.body = a.body[:len(a.body)/2]
	rewritten(w, a)
}

// dribble sends a space now and then.
func dribble(_ seen, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(" ")); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// root returns how the store's answer to a request begins, so that what follows has to be read.
func root(q seen, r *http.Request) []byte {
	const usual = "<Tagging>"
	body := q.answer(r).body
	if q.service == ofAdmin { // and what follows is a part of the name
		return []byte(`{"user_id":"`)
	}
	start := bytes.Index(body, []byte("<"))
	if prolog := bytes.Index(body, []byte("?>")); prolog >= 0 {
		start = prolog + len("?>")
	}
	if start < 0 {
		return []byte(usual)
	}
	end := bytes.IndexByte(body[start:], '>')
	return body[:start+end+1]
}

// neverEnding lets the store act, and begins an answer that never ends, well-formed as far as it goes.
func neverEnding(q seen, w http.ResponseWriter, r *http.Request) {
	begin := root(q, r)
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(begin)
	chunk := bytes.Repeat([]byte("<member><Key>k</Key><Value>v</Value></member>"), 400)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// nested answers with elements in elements in elements.
func nested(q seen, w http.ResponseWriter, r *http.Request) {
	begin := root(q, r)
	w.Header().Set("Content-Type", "application/xml")
	inner := "<a>"
	if q.service == ofAdmin {
		begin, inner = []byte(`{"keys":`), "[{\"a\":"
	}
	_, _ = w.Write(begin)
	_, _ = w.Write(bytes.Repeat([]byte(inner), 20_000))
}

// bomb lets the store act; its answer is small on the wire, and 64 MiB when it is unpacked.
func bomb(q seen, w http.ResponseWriter, r *http.Request) {
	begin := root(q, r)
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(squeezed(begin, 1))
	_, _ = w.Write(packed()) // what is packed in two parts unpacks as one
}

var packed = sync.OnceValue(func() []byte { return squeezed(bytes.Repeat([]byte(" "), 1<<20), 64) })

func squeezed(content []byte, times int) []byte {
	var small bytes.Buffer
	writer := gzip.NewWriter(&small)
	for range times {
		_, _ = writer.Write(content)
	}
	_ = writer.Close()
	return small.Bytes()
}
