// Package apicalls records the permissions that a program needs: the verb and resource of each request to the API
// server.
package apicalls

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

// Call describes a request to the API server.
type Call struct {
	Verb     string `json:"verb"`
	Resource string `json:"resource"` // group/resource, with the subresource if any, as in a rule
	Code     int    `json:"code"`
}

// Permission returns the verb and the resource as one word.
func (c Call) Permission() string { return c.Resource + " " + c.Verb }

// recorder writes a line for each request that it transports.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	to   *json.Encoder
}

// Record wraps a transport, and writes each request as a line of JSON.
func Record(next http.RoundTripper, to io.Writer) http.RoundTripper {
	return &recorder{next: next, to: json.NewEncoder(to)}
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err != nil {
		return response, err
	}
	call := parse(request)
	call.Code = response.StatusCode
	r.mu.Lock()
	defer r.mu.Unlock()
	return response, r.to.Encode(call)
}

// parse reads a path such as /apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE.
func parse(request *http.Request) Call {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	group := ""
	switch {
	case parts[0] == "apis" && len(parts) > 3:
		group, parts = parts[1], parts[3:]
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	default:
		return Call{Verb: strings.ToLower(request.Method), Resource: request.URL.Path}
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	call := Call{Resource: group + "/" + parts[0], Verb: verb(request, len(parts) > 1)}
	if len(parts) > 2 {
		call.Resource += "/" + parts[2]
	}
	return call
}

func verb(request *http.Request, named bool) string {
	switch request.Method {
	case http.MethodGet:
		switch {
		case named:
			return "get"
		case request.URL.Query().Get("watch") != "":
			return "watch"
		}
		return "list"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	default:
		return strings.ToLower(request.Method)
	}
}

// Read returns the calls in a file.
func Read(path string) ([]Call, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var calls []Call
	for decoder := json.NewDecoder(f); ; {
		var c Call
		switch err := decoder.Decode(&c); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // the last line may be half-written
			return calls, nil
		case err != nil:
			return calls, err
		}
		calls = append(calls, c)
	}
}
