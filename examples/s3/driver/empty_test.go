package driver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
)

// Each row is a bucket that is hard to empty, with what is answered and what is left in it.
type emptyRow struct {
	bucket   *fakeBucket
	code     codes.Code
	words    []string
	left     []string
	requests int // at most; 0: any
}

// idle is more than the requests of a call that makes no progress: 50, the tags of the bucket, and its deletion.
const idle = 53

func emptyRows() map[string]emptyRow {
	rows := map[string]emptyRow{}
	for name, more := range []map[string]emptyRow{plainRows(), lyingRows(), keyRows(), refusedRows(), answerRows(), listRows(), uploadRows()} {
		for row, value := range more {
			if _, twice := rows[row]; twice {
				panic(fmt.Sprint(name, row))
			}
			rows[row] = value
		}
	}
	return rows
}

// TestEmptying deletes buckets on a store that makes that hard.
func TestEmptying(t *testing.T) {
	t.Parallel()
	for name, row := range emptyRows() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := row.bucket
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := f.serve(t).tryDelete(ctx, "bucket", pair("emptyOnDelete=true"))
			if row.code == codes.OK && err != nil {
				t.Error(err)
			}
			for _, words := range row.words {
				expect(t, err, row.code, words)
			}
			if left := f.left(); !slices.Equal(left, row.left) {
				t.Errorf("left are %d objects: %.300q; want %q", len(left), left, row.left)
			}
			if f.gone != (row.code == codes.OK) {
				t.Errorf("the bucket is gone: %t", f.gone)
			}
			if f.requests > row.requests && row.requests > 0 {
				t.Errorf("it took %d requests; want at most %d", f.requests, row.requests)
			}
			if f.largest > 1000 {
				t.Errorf("a batch had %d objects", f.largest)
			}
		})
	}
}

func plainRows() map[string]emptyRow {
	versions := new(fakeBucket).fill(numbered(100)...)
	for i := range 2000 {
		versions.items = append(versions.items, fakeItem{key: "versions", id: fmt.Sprintf("%d", 10000+i)}, fakeItem{key: "versions", id: fmt.Sprintf("marker-%d", 10000+i)})
	}
	return map[string]emptyRow{
		"nothing":         {bucket: new(fakeBucket), requests: 6},
		"3000 objects":    {bucket: new(fakeBucket).fill(numbered(3000)...), requests: 12},
		"versions":        {bucket: versions.fill()},
		"too large pages": {bucket: (&fakeBucket{pageSize: 2500}).fill(numbered(2500)...)},
	}
}

// A store that says what is not so.
func lyingRows() map[string]emptyRow {
	nothing := func(removal) outcome { return outcome{keep: true} }
	alone := func(r removal) outcome { return outcome{keep: r.many} }
	stays := []string{"delete object", "object-000000", "lists it all the same"}
	return map[string]emptyRow{
		"deletes nothing": {
			bucket: (&fakeBucket{remove: nothing}).fill(numbered(3)...), code: codes.FailedPrecondition, words: stays, left: numbered(3), requests: idle,
		},
		"deletes nothing of many pages": {
			bucket: (&fakeBucket{remove: nothing, pageSize: 10}).fill(numbered(900)...), code: codes.FailedPrecondition, words: stays, left: numbered(900), requests: idle,
		},
		"deletes only what is alone": {bucket: (&fakeBucket{remove: alone}).fill(numbered(20)...)},
		"deletes all but one": {
			bucket: (&fakeBucket{remove: func(r removal) outcome { return outcome{keep: r.key == "object-000007"} }}).fill(numbered(1500)...),
			code:   codes.FailedPrecondition, words: []string{"object-000007", "lists it all the same"}, left: []string{"object-000007"}, requests: idle + 5,
		},
		"lags":       {bucket: (&fakeBucket{lag: 5}).fill(numbered(2500)...)},
		"lags by 20": {bucket: (&fakeBucket{lag: 20}).fill(numbered(10)...), requests: idle},
		"lags without end": {
			bucket: (&fakeBucket{lag: 1000}).fill(numbered(10)...), code: codes.FailedPrecondition, words: stays, requests: idle,
		},
		"is written to": {
			bucket: (&fakeBucket{writes: true}).fill(numbered(10)...), code: codes.FailedPrecondition, words: []string{"bucket"}, requests: 10,
		},
	}
}

// odd are keys that are hard to name.
var odd = []string{
	"control-\x01", "delete-\x7f", "noncharacter-\ufffe", "noncharacter-\uffff", "no-utf8-\xff\xfe", "replaced-\ufffd", "lines-\r\n\t", "next-\u0085\u2028",
	"a+b", "a b", "a%20b", "a%2Bb", "%zz", "<&>\"'", "é/ü/…", "folder/", "a//b", "a/../b", ".", "?versions&x=1#y", "\x00", strings.Repeat("l\x02", 500),
}

func keyRows() map[string]emptyRow {
	slashes := func(encoded string) string { return strings.ReplaceAll(encoded, "%2F", "/") }
	var named []string // in XML
	for _, key := range odd {
		if utf8.ValidString(key) && !strings.ContainsAny(key, "\x00\x01\x02\ufffe\uffff") {
			named = append(named, key)
		}
	}
	plain := (&fakeBucket{}).fill(append(numbered(1200), "control-\x01", "control-\x02")...)
	long := (&fakeBucket{remove: func(removal) outcome { return outcome{keep: true} }}).fill(strings.Repeat("\x1b[31mkey", 1000))
	long.encodes = url.QueryEscape
	return map[string]emptyRow{
		"odd keys":                   {bucket: (&fakeBucket{encodes: func(key string) string { return slashes(url.QueryEscape(key)) }}).fill(odd...)},
		"odd keys, a plus is a plus": {bucket: (&fakeBucket{encodes: func(key string) string { return slashes(url.PathEscape(key)) }}).fill(odd...)},
		"odd keys, not encoded":      {bucket: new(fakeBucket).fill(named...)},
		"keys that the list does not show": {
			bucket: plain, code: codes.FailedPrecondition, words: []string{`"control-�"`, "characters that its list cannot show"}, left: []string{"control-\x01", "control-\x02"}, requests: idle + 5,
		},
		"a list that is no XML": {
			bucket: (&fakeBucket{answers: func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Has("versions") {
					_, _ = fmt.Fprint(w, "<ListVersionsResult><Version><Key>a&#x1;b</Key><VersionId>null</VersionId></Version></ListVersionsResult>")
				}
				return r.URL.Query().Has("versions")
			}}).fill("a\x01b"),
			code: codes.Unavailable, words: []string{"list the bucket's objects: not the store's answer"}, left: []string{"a\x01b"}, requests: 3,
		},
		"a long key": {
			bucket: long, code: codes.FailedPrecondition, words: []string{`"\x1b[31mkey`}, left: []string{strings.Repeat("\x1b[31mkey", 1000)}, requests: idle,
		},
		"encoding is refused": {bucket: (&fakeBucket{answers: func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("encoding-type") {
				return false
			}
			w.WriteHeader(http.StatusNotImplemented)
			_, _ = fmt.Fprint(w, "<Error><Code>NotImplemented</Code></Error>")
			return true
		}}).fill(numbered(1500)...)},
	}
}

// refusing refuses every object from one number on, up to another.
func refusing(from, to int, code, message string) func(removal) outcome {
	first, last := fmt.Sprintf("object-%06d", from), fmt.Sprintf("object-%06d", to)
	return func(r removal) outcome {
		if r.key >= first && r.key < last {
			return outcome{code: code, message: message}
		}
		return outcome{}
	}
}

func refusedRows() map[string]emptyRow {
	busy := map[string]int{}
	return map[string]emptyRow{
		"one is locked": {
			bucket: (&fakeBucket{remove: refusing(1234, 1235, "AccessDenied", "Access Denied because object protected by object lock.")}).fill(numbered(2500)...),
			code:   codes.FailedPrecondition, words: []string{`delete object "object-001234":`, "AccessDenied"}, left: []string{"object-001234"}, requests: 20,
		},
		"the first pages are locked": {
			bucket: (&fakeBucket{pageSize: 100, remove: refusing(0, 250, "InvalidRequest", "object is WORM protected")}).fill(numbered(2500)...),
			code:   codes.FailedPrecondition, words: []string{`delete object "object-000000" and 249 more:`}, left: numbered(250), requests: 100,
		},
		"all is locked": {
			bucket: (&fakeBucket{pageSize: 10, remove: refusing(0, 900, "AccessDenied", "Access Denied because object protected by object lock.")}).fill(numbered(900)...),
			code:   codes.FailedPrecondition, words: []string{`delete object "object-000000" and `}, left: numbered(900), requests: idle,
		},
		"may not": {
			bucket: (&fakeBucket{remove: refusing(0, 900, "AccessDenied", "Access Denied")}).fill(numbered(900)...),
			code:   codes.PermissionDenied, words: []string{`"object-000000" and 899 more`}, left: numbered(900), requests: idle,
		},
		"may not, one by one": {
			bucket: (&fakeBucket{encodes: url.QueryEscape, remove: refusing(0, 900, "AccessDenied", "Access Denied")}).fill(control(100)...),
			code:   codes.PermissionDenied, words: []string{`"object-000000\x01" and `}, left: control(100), requests: idle,
		},
		"too busy for one": {
			bucket: (&fakeBucket{remove: refusing(7, 8, "SlowDown", "")}).fill(numbered(1500)...),
			code:   codes.Unavailable, words: []string{`"object-000007"`, "SlowDown"}, left: []string{"object-000007"}, requests: idle + 4,
		},
		"too busy for one, and one is locked": {
			bucket: (&fakeBucket{remove: func(r removal) outcome {
				return map[string]outcome{"object-000003": {code: "SlowDown"}, "object-000005": {code: "AccessDenied", message: "protected by object lock"}}[r.key]
			}}).fill(numbered(10)...),
			code: codes.FailedPrecondition, words: []string{`"object-000005" and 1 more`}, left: []string{"object-000003", "object-000005"}, requests: idle + 2,
		},
		"busy at times": {bucket: (&fakeBucket{remove: func(r removal) outcome {
			if busy[r.key]++; busy[r.key] < 4 && r.key > "object-000500" {
				return outcome{code: "SlowDown"}
			}
			return outcome{}
		}}).fill(numbered(1500)...), requests: 30},
		"gone already": {bucket: (&fakeBucket{lag: 3, remove: refusing(0, 3, "NoSuchVersion", "")}).fill(numbered(3)...), code: codes.FailedPrecondition, words: []string{"lists it all the same"}, left: numbered(3), requests: idle},
	}
}

// control returns as many keys that XML cannot carry.
func control(count int) []string {
	keys := numbered(count)
	for i := range keys {
		keys[i] += "\x01"
	}
	return keys
}

// What an answer to a multi-delete says, or leaves out.
func answerRows() map[string]emptyRow {
	return map[string]emptyRow{
		"answers name nothing": {bucket: (&fakeBucket{remove: func(removal) outcome { return outcome{unsaid: true} }}).fill(numbered(1500)...), requests: 15},
		"answers name nothing, nothing is deleted": {
			bucket: (&fakeBucket{remove: func(removal) outcome { return outcome{unsaid: true, keep: true} }}).fill(numbered(1500)...),
			code:   codes.FailedPrecondition, words: []string{"object-000000"}, left: numbered(1500), requests: idle,
		},
		"only every third is done": {bucket: (&fakeBucket{remove: thirds()}).fill(numbered(1500)...), requests: 60},
		"answers name others":      {bucket: (&fakeBucket{remove: func(removal) outcome { return outcome{otherName: "stranger"} }}).fill(numbered(1500)...), requests: 15},
		"errors name nothing": {
			bucket: (&fakeBucket{remove: func(removal) outcome { return outcome{nameless: true, code: "SlowDown"} }}).fill(numbered(5)...),
			code:   codes.Unavailable, words: []string{"SlowDown", "object-000000"}, left: numbered(5), requests: idle,
		},
		"no multi-delete": {bucket: (&fakeBucket{answers: func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("delete") {
				return false
			}
			w.WriteHeader(http.StatusNotImplemented)
			_, _ = fmt.Fprint(w, "<Error><Code>NotImplemented</Code></Error>")
			return true
		}}).fill(numbered(100)...), requests: 120},
	}
}

// thirds does what is asked for every third object, and says nothing of the others.
func thirds() func(removal) outcome {
	count := 0
	return func(removal) outcome {
		count++
		return outcome{keep: count%3 > 0, unsaid: count%3 > 0}
	}
}

func listRows() map[string]emptyRow {
	pages := 0
	return map[string]emptyRow{
		"empty pages, then more": {bucket: (&fakeBucket{lists: func(l *listing) {
			if l.KeyMarker < "object-" && len(l.Versions) > 0 { // as if what is deleted were passed over
				next := fmt.Sprintf("a%d", len(l.KeyMarker))
				l.Versions, l.IsTruncated, l.NextKeyMarker, l.NextVersionIDMarker = nil, true, l.KeyMarker+next, ""
				if len(next+l.KeyMarker) > 10 {
					l.NextKeyMarker = "object-"
				}
			}
		}}).fill(numbered(1500)...), requests: 40},
		"empty pages without end": {
			bucket: (&fakeBucket{lists: func(l *listing) {
				pages++
				l.Versions, l.IsTruncated, l.NextKeyMarker = nil, true, fmt.Sprintf("marker-%d", pages)
			}}).fill(numbered(3)...),
			code: codes.FailedPrecondition, words: []string{"want a list that ends"}, left: numbered(3), requests: idle,
		},
		"more, and no marker": {
			bucket: (&fakeBucket{lists: func(l *listing) {
				l.Versions, l.IsTruncated, l.NextKeyMarker, l.NextVersionIDMarker = nil, true, "", ""
			}}).fill(numbered(3)...),
			code: codes.FailedPrecondition, words: []string{"want a marker that moves on"}, left: numbered(3), requests: 5,
		},
		"a marker that stands still": {
			bucket: (&fakeBucket{pageSize: 10, remove: refusing(0, 90, "InvalidRequest", "WORM"), lists: func(l *listing) {
				l.IsTruncated, l.NextKeyMarker, l.NextVersionIDMarker = true, "object-000003", "null"
			}}).fill(numbered(90)...),
			code: codes.FailedPrecondition, words: []string{`"object-000000" and `}, left: numbered(90), requests: idle,
		},
		"markers that go round": {
			bucket: (&fakeBucket{lists: func(l *listing) {
				next := map[string]string{"": "a", "a": "b", "b": "a"}[l.KeyMarker]
				l.Versions, l.IsTruncated, l.NextKeyMarker, l.NextVersionIDMarker = nil, true, next, ""
			}}).fill(numbered(3)...),
			code: codes.FailedPrecondition, words: []string{"want a list that ends"}, left: numbered(3), requests: idle,
		},
		"an object without a key": {
			bucket: (&fakeBucket{lists: func(l *listing) { l.Versions = append(l.Versions, fakeEntry{VersionID: "null"}) }}).fill(numbered(3)...),
			code:   codes.Unavailable, words: []string{"without a key"}, left: numbered(3), requests: 5,
		},
	}
}

func uploadRows() map[string]emptyRow {
	uploads := func(f *fakeBucket, count int) *fakeBucket {
		for i := range count {
			f.items = append(f.items, fakeItem{key: fmt.Sprintf("upload-%06d\x01", i), id: "id", upload: true})
		}
		f.encodes = url.QueryEscape
		return f
	}
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("upload-%06d\x01", i))
	}
	return map[string]emptyRow{
		"uploads":          {bucket: uploads(&fakeBucket{}, 1500), requests: 1600},
		"uploads that lag": {bucket: uploads(&fakeBucket{lag: 4}, 100)},
		"uploads that stay": {
			bucket: uploads(&fakeBucket{remove: func(removal) outcome { return outcome{keep: true} }}, 100),
			code:   codes.FailedPrecondition, words: []string{`abort upload of "upload-000000\x01"`}, left: names, requests: idle,
		},
		"uploads that are refused": {
			bucket: uploads(&fakeBucket{remove: func(removal) outcome { return outcome{code: "AccessDenied"} }}, 100),
			code:   codes.PermissionDenied, words: []string{`abort upload of "upload-000000\x01" and `}, left: names, requests: idle,
		},
	}
}
