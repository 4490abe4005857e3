package main

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

func TestBucketParameters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		m    map[string]string
		want bucketParameters
	}{
		{nil, bucketParameters{}},
		{map[string]string{emptyOnDelete: "false"}, bucketParameters{}},
		{map[string]string{emptyOnDelete: ""}, bucketParameters{}},
		{map[string]string{emptyOnDelete: "true"}, bucketParameters{emptyOnDelete: true}},
	} {
		if got, err := readBucketParameters(test.m); err != nil || got != test.want {
			t.Errorf("%v: %+v, %v", test.m, got, err)
		}
		if got := readMark(mark{"d", test.want}.metadata()); got != (mark{"d", test.want}) {
			t.Errorf("%+v is read as %+v", test.want, got)
		}
	}
	for _, m := range []map[string]string{{emptyOnDelete: "True"}, {deleteUnowned: "true"}, {"unknown": "x"}, {accessMode: "readonly"}} {
		_, err := readBucketParameters(m)
		wantCode(t, err, codes.InvalidArgument)
	}
}

func TestDeleteContext(t *testing.T) {
	t.Parallel()
	got, err := readDeleteContext(map[string]string{deleteUnowned: "true", "of-an-earlier-version": "x"})
	if err != nil || got != (deleteContext{deleteUnowned: true}) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = readDeleteContext(map[string]string{deleteUnowned: "yes"})
	wantCode(t, err, codes.InvalidArgument)
}

func TestAccessParameters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		m    map[string]string
		want accessParameters
	}{
		{nil, accessParameters{permission: "racwdl"}},
		{map[string]string{accessMode: "readonly", lifetime: "720h"}, accessParameters{"rl", 720 * time.Hour}},
		{map[string]string{accessMode: "writeonly", lifetime: "90m1s"}, accessParameters{"acw", 90*time.Minute + time.Second}},
	} {
		if got, err := readAccessParameters(test.m); err != nil || got != test.want {
			t.Errorf("%v: %+v, %v", test.m, got, err)
		}
	}
	for _, m := range []map[string]string{
		{accessMode: "all"}, {accessMode: "ReadOnly"}, {lifetime: "30"}, {lifetime: "59s"}, {lifetime: "-1h"}, {lifetime: "61.5s"}, {"unknown": "x"},
	} {
		_, err := readAccessParameters(m)
		wantCode(t, err, codes.InvalidArgument)
	}
}
