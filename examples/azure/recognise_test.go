package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

// README.md tells of each request what the code does.
func TestReadmeTellsWhatProvesWhat(t *testing.T) {
	t.Parallel()
	text := read(t, "README.md")
	for _, each := range requests() {
		if row := each.row(); !strings.Contains(text, row+"\n") {
			t.Errorf("README.md lacks the line\n%s", row)
		}
	}
	if got := strings.Count(text, " ?restype="); got != len(requests()) {
		t.Errorf("README.md tells of %d requests, want %d", got, len(requests()))
	}
}

func (q request) row() string {
	success := fmt.Sprintf("%d with `%s`", q.success, strings.Join(slices.Concat(storeHeaders(), q.headers), "`, `"))
	if q.root == "" {
		success += "; no body"
	} else {
		success += "; one whole `<" + q.root + ">`"
	}
	absence := "nothing"
	if q.absence {
		absence = "404 with `ContainerNotFound`, 409 with `ContainerBeingDeleted`"
	}
	comp := ""
	if q.comp != "" {
		comp = "&comp=" + q.comp
	}
	return fmt.Sprintf("| %s | `%s` | `%s ?restype=%s%s` | %s | %s |", q.name, q.operation(), q.method, q.restype, comp, success, absence)
}

// success is an answer that is recognised.
func (q request) success200() (int, http.Header, string) {
	header := http.Header{}
	for _, name := range slices.Concat(storeHeaders(), q.headers) {
		header.Set(name, "x")
	}
	now := time.Now().UTC().Format(http.TimeFormat)
	header.Set("Date", now)
	header.Set("Last-Modified", now)
	body := ""
	if q.root != "" {
		body = "\xef\xbb\xbf<?xml version=\"1.0\"?><" + q.root + "><A/></" + q.root + ">"
	}
	return q.success, header, body
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	const failure = `<?xml version="1.0"?><Error><Code>ContainerNotFound</Code><Message>m</Message></Error>`
	for _, q := range requests() {
		status, header, body := q.success200()
		try := func(what string, want bool, status int, header http.Header, body string) {
			t.Helper()
			response, text := &http.Response{StatusCode: status, Header: header.Clone()}, []byte(body)
			if got := q.recognise(response, &text); got != want {
				t.Errorf("%s: %s is recognised: %v, want %v", q.name, what, got, want)
			}
		}
		try("its success", true, status, header, body)
		for name := range header {
			other := header.Clone()
			other.Del(name)
			needed := slices.ContainsFunc(slices.Concat(storeHeaders(), q.headers), func(each string) bool { return each == name })
			try("a success without "+name, !needed, status, other, body)
		}
		noDate := header.Clone()
		noDate.Set("Date", "yesterday")
		try("a success of a wrong time", false, status, noDate, body)
		for _, other := range []int{200, 201, 202, 204, 206} {
			if other != status {
				try(fmt.Sprint("a success by ", other), false, other, header, body)
			}
		}
		for what, other := range map[string]string{
			"HTML": "<html><body>hello</body></html>", "JSON": "{}", "half of it": "<?xml version=\"1.0\"?><" + q.root + "><A/>",
			"twice": body + body, "too deep": "<" + q.root + ">" + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + "</" + q.root + ">",
		} {
			if other != "" {
				try(what, false, status, header, other)
			}
		}
		if q.root != "" {
			try("nothing", false, status, header, "")
		}
		none := http.Header{}
		try("an absence in XML", q.absence, 404, none, failure)
		try("an absence in a header", q.absence, 404, http.Header{"X-Ms-Error-Code": {"ContainerNotFound"}}, "")
		try("an absence by 400", false, 400, none, failure)
		try("half an absence", false, 404, none, failure[:len(failure)-5])
		try("an absence in JSON", false, 404, none, `{"error":{"code":"ContainerNotFound"}}`)
		try("an absence in HTML", false, 404, none, "<html><Code>ContainerNotFound</Code></html>")
		try("a 404 with a request id", false, 404, http.Header{"X-Ms-Request-Id": {"x"}}, "")
		try("a code that is none", false, 409, http.Header{"X-Ms-Error-Code": {"not a code"}}, "")
		try("a conflict", true, 409, http.Header{"X-Ms-Error-Code": {"LeaseIdMissing"}}, "")
		for _, each := range []int{301, 302, 307, 401, 403, 408, 429, 500, 502, 503} {
			try(fmt.Sprint(each), true, each, none, "")
		}
		for _, each := range []int{300, 304, 400, 404, 405, 407, 409, 410, 412, 413, 416} {
			try(fmt.Sprint(each), false, each, none, "")
		}
	}
}

// A failure that is recognised by its status keeps no code that somebody else wrote into its body.
func TestNoCodeFromAGateway(t *testing.T) {
	t.Parallel()
	p := against(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(rw, `{"error":{"code":"ContainerNotFound"}}`)
	})
	for name, call := range calls(p) {
		if err := call(t.Context()); !strings.Contains(fmt.Sprint(err), `""`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// against is a driver whose store is the handler.
func against(t *testing.T, handler http.HandlerFunc) *provisioner {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	env := map[string]string{envAccount: "acme", envKeyFile: keyFile(t, exampleKey), envEndpoint: server.URL + "/acme"}
	p, err := newProvisioner(func(name string) string { return env[name] })
	must(t, err)
	return p
}

// What is shown of a foreign answer tells what came, and holds nothing that may be secret.
func TestForeignAnswersAreShownMasked(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"<html><b>Sign in</b>": `begins "<html><b>Sign in</b>"`,
		"":                     "no body",
		"sig=" + strings.Repeat("a1B%2F", 8) + " rest":       `begins "*** rest"`,
		"SharedKey acme:" + strings.Repeat("Zm9v", 11) + "=": `begins "SharedKey ***"`,
		strings.Repeat("x ", 50) + exampleKey:                "x ...",
		strings.Repeat("x ", 25) + exampleKey + exampleKey:   "x ***",
		"a\nb\x00\u202e":                                          `begins "a\nb\x00\u202e"`,
		strings.Repeat("<a>", mostAnswer/3+1):                     fmt.Sprintf("more than %d bytes", mostAnswer),
		"key: " + strings.Join(strings.Split(exampleKey, ""), ""): "key: ***",
	} {
		p := against(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html; sig="+exampleKey)
			_, _ = io.WriteString(rw, body)
		})
		for name, call := range calls(p) {
			err := call(t.Context())
			wantCode(t, err, codes.Unavailable)
			text := fmt.Sprint(err)
			if !strings.Contains(text, "not the store's answer: HTTP 200") || !strings.Contains(text, want) || strings.Contains(text, exampleKey[:12]) {
				t.Errorf("%s of %.40q: %s", name, body, text)
			}
		}
	}
}
