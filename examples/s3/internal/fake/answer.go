package fake

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// Answer is what a client gets.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	Stream io.Reader // in the place of Body
	Err    error     // in the place of an answer
}

// Refuse returns an error answer in the form of the service that the request is for.
func Refuse(r *Request, status int, code string) *Answer {
	text := "<Code>" + code + "</Code><Message>" + messageOf(code) + "</Message>"
	if r.IAM() {
		return xmlAnswer(status, `<ErrorResponse xmlns="`+namespace+`"><Error><Type>Sender</Type>`+text+
			`</Error><RequestId>`+requestID+`</RequestId></ErrorResponse>`)
	}
	return xmlAnswer(status, xml.Header+`<Error>`+text+`<RequestId>`+requestID+`</RequestId></Error>`)
}

const (
	namespace = "https://iam.amazonaws.com/doc/2010-05-08/"
	requestID = "0123456789ABCDEF"
)

func messageOf(code string) string { return "The store says " + code + "." }

func xmlAnswer(status int, body string) *Answer {
	return &Answer{Status: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: body}
}

// result answers an IAM action; nil: with nothing but the mark that it was done.
func result(r *Request, value any) *Answer {
	var b bytes.Buffer
	b.WriteString("<" + r.Operation + `Response xmlns="` + namespace + `">`)
	if value != nil {
		b.Write(element(r.Operation+"Result", value))
	}
	b.WriteString("<ResponseMetadata><RequestId>" + requestID + "</RequestId></ResponseMetadata></" + r.Operation + "Response>")
	return xmlAnswer(http.StatusOK, b.String())
}

// document answers an S3 request.
func document(name string, value any) *Answer {
	return xmlAnswer(http.StatusOK, xml.Header+string(element(name, value)))
}

// empty answers an S3 request that is answered by its status alone.
func empty(status int) *Answer { return &Answer{Status: status, Header: http.Header{}} }

func element(name string, value any) []byte {
	var b bytes.Buffer
	if err := xml.NewEncoder(&b).EncodeElement(value, xml.StartElement{Name: xml.Name{Local: name}}); err != nil {
		panic(err) // a mistake in this package
	}
	return b.Bytes()
}

func (a *Answer) headers() http.Header {
	h := a.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if a.Stream == nil {
		h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	return h
}

func (a *Answer) body() io.Reader {
	if a.Stream != nil {
		return a.Stream
	}
	return strings.NewReader(a.Body)
}

func (a *Answer) response(r *http.Request) *http.Response {
	length := int64(-1)
	if a.Stream == nil {
		length = int64(len(a.Body))
	}
	return &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.headers(), Body: io.NopCloser(a.body()), ContentLength: length, Request: r,
	}
}

func (a *Answer) write(w http.ResponseWriter) {
	if a.Err != nil {
		panic(http.ErrAbortHandler) // ends the connection
	}
	maps.Copy(w.Header(), a.headers())
	w.WriteHeader(a.Status)
	_, _ = io.Copy(w, a.body())
}
