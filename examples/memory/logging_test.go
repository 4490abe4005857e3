package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-logr/logr"
)

// write logs one line of each kind that gocosi writes.
func write(log logr.Logger) {
	log.Error(nil, "call failed")
	log.Info("driver listening")
	log.V(1).Info("call done")
	log.V(5).Info("payload")
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	lines := []string{
		`"level":"ERROR","msg":"call failed"`, `"level":"INFO","msg":"driver listening"`, `"level":"DEBUG","msg":"call done"`, `"level":"TRACE","msg":"payload"`,
	}
	for level, shown := range map[string]int{"error": 1, "": 2, "info": 2, "debug": 3, "DEBUG": 3, "trace": 4} {
		var out bytes.Buffer
		log, err := newLogger(func(name string) string { return map[string]string{"LOG_LEVEL": level}[name] }, &out)
		if err != nil {
			t.Fatal(err)
		}
		write(log)
		for i, line := range lines {
			if strings.Contains(out.String(), line) != (i < shown) {
				t.Errorf("LOG_LEVEL=%s shows\n%s", level, out.String())
			}
		}
	}
}

func TestLogFormat(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := newLogger(func(name string) string { return map[string]string{"LOG_FORMAT": "text"}[name] }, &out)
	if err != nil {
		t.Fatal(err)
	}
	write(log)
	if !strings.Contains(out.String(), `level=INFO msg="driver listening"`) {
		t.Errorf("LOG_FORMAT=text shows\n%s", out.String())
	}
}

// What is wrong is told, a line each, by a logger that works.
func TestLogSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := newLogger(func(string) string { return "loud" }, &out)
	if err == nil {
		t.Fatal("loud is taken for a level and a format")
	}
	if code := exitCode(log, err); code != 1 {
		t.Errorf("the process ends with %d, want 1", code)
	}
	for _, want := range []string{
		`"reason":"LOG_LEVEL: \"loud\" is no level; want error, info, debug or trace"`, `"reason":"LOG_FORMAT: \"loud\" is no format; want json or text"`,
	} {
		if strings.Count(out.String(), "\n") != 2 || !strings.Contains(out.String(), want) {
			t.Errorf("the log has\n%s\nwant %s", out.String(), want)
		}
	}
}
