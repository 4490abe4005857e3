package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
)

// configured reads a configuration as check does.
func configured(t *testing.T, content string, args ...string) (*invocation, cositest.Config) {
	t.Helper()
	v := &invocation{options: defaults(os.Getenv)}
	set := newFlagSet("check")
	v.commonFlags(set)
	v.checkFlags(set)
	if _, err := parse(set, append(args, "-config", write(t, content))); err != nil {
		t.Fatal(err)
	}
	v.note(set)
	if err := v.configure(set); err != nil {
		t.Fatal(err)
	}
	cfg, err := v.config()
	if err != nil {
		t.Fatal(err)
	}
	return v, cfg
}

// What the file says reaches the kit, in any of its types.
func TestConfigReachesTheKit(t *testing.T) {
	t.Parallel()
	path := socket(t)
	v, got := configured(t, `{
		"endpoint": "`+path+`", "timeout": "7s", "o": "json",
		"parameters": {"region": "a"}, "p": "token=b=c", "access-parameters": "`+write(t, `{"c": "d"}`)+`",
		"incompatible-parameters": {"e": "f"}, "incompatible-access-parameters": {}, "unprovisionable-parameters": {"g": "h"},
		"bad-name": "bad", "auth": "iam", "parallel": 4 , "repeat":5, "destructive": true, "strict": true, "run": "^GRANT",
		"skip": {"CREATE-7": "the store is full", "GRANT-11 conflict": "not yet"}, "hook-timeout": "2s"
	}`)
	want := cositest.Config{
		BucketParameters: map[string]string{"region": "a", "token": "b=c"}, AccessParameters: map[string]string{"c": "d"},
		IncompatibleBucketParameters: map[string]string{"e": "f"}, IncompatibleAccessParameters: map[string]string{},
		UnprovisionableParameters: map[string]string{"g": "h"}, BadBucketName: "bad",
		AuthenticationTypes: []cosi.AuthenticationType{cosi.AuthenticationType_IAM}, Parallel: 4, Repeat: 5, Timeout: 7 * time.Second,
		Destructive: true, Strict: true, SocketFolder: filepath.Dir(path), Secrets: []string{"a", "b=c", "d", "f", "h"},
		Skip: map[string]string{"CREATE-7": "the store is full", "GRANT-11 conflict": "not yet"},
	}
	slices.Sort(got.Secrets)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config is\n%+v\nwant\n%+v", got, want)
	}
	if c := v.checks; v.format != formatJSON || !c.strict || c.run != "^GRANT" || c.hooks.Limit != 2*time.Second {
		t.Errorf("options are %+v", v.options)
	}
}

// A flag of the command line wins, before and after the command's name, and whatever its value.
func TestFlagsWinOverConfig(t *testing.T) {
	t.Parallel()
	_, got := configured(t, `{"parameters": {"region": "a"}, "repeat": 5, "destructive": true, "bad-name": "bad", "p": "token=x"}`,
		"-endpoint", socket(t), "-parameters", write(t, `{"region": "b"}`), "-repeat", "0", "-destructive=false", "-p", "token=y")
	if want := map[string]string{"region": "b", "token": "y"}; !reflect.DeepEqual(got.BucketParameters, want) {
		t.Errorf("parameters are %v, want %v", got.BucketParameters, want)
	}
	if got.Repeat != 0 || got.Destructive || got.BadBucketName != "bad" {
		t.Errorf("config is %+v", got)
	}
	path := drive(t, &store{})
	config := write(t, `{"endpoint": "/nowhere/c.sock", "o": "json", "run": "^INFO-1$"}`)
	o := cosictlUntil(t.Context(), "", "-endpoint", path, "check", "-config", config, "-o", "text")
	if o.code != exitDone || !strings.HasPrefix(o.stdout, "passed          INFO-1") {
		t.Errorf("exit code %d, stderr %q, stdout %s", o.code, o.stderr, o.stdout)
	}
}

// Cases that the file leaves out are skipped with their reasons; the flag -skip leaves others out as well.
func TestConfigSkips(t *testing.T) {
	t.Parallel()
	config := `{"run": "^INFO", "o": "json", "skip": {"INFO-2": "the name is as it is"}}`
	r := readReport(t, must(t, config, drive(t, &store{}), "check", "-config", "-", "-skip", "^INFO-3$"))
	if got := r.of(t, "INFO-2"); got.Outcome != cositest.Skipped || got.Reason != "the name is as it is" {
		t.Errorf("INFO-2 is %s: %s", got.Outcome, got.Reason)
	}
	for _, one := range r.Results {
		if one.Name == "INFO-3" {
			t.Error("INFO-3 is in the report, and -skip leaves it out")
		}
	}
	r.of(t, "INFO-1")
}

// The parameters of a file of configuration are masked as those of any other are.
func TestConfigIsMasked(t *testing.T) {
	t.Parallel()
	content, err := json.Marshal(map[string]any{"parameters": map[string]string{"bad": quoted}, "access-parameters": map[string]string{"bad": canary}})
	if err != nil {
		t.Fatal(err)
	}
	o := cosictl(t, string(content), drive(t, &store{}), "check", "-config", "-", "-run", "^CREATE-1$|^GRANT-1$")
	hides(t, "output", o.stdout+o.stderr)
	if o.code != exitFailed || !strings.Contains(o.stdout, "[redacted]") {
		t.Errorf("exit code %d, stdout %s", o.code, o.stdout)
	}
}

// What is wrong with a file is one line that names the file and the key, and no value of a parameter.
func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name, content string
		words         []string
	}{
		{"unknown", `{"endpont": "x"}`, []string{`there is no key "endpont" (did you mean endpoint?)`}},
		{"unknown and far", `{"` + "volume" + `": "` + canary + `"}`, []string{`there is no key "volume"`}},
		{"dash", `{"-timeout": "1s"}`, []string{`there is no key "-timeout" (did you mean timeout?)`}},
		{"list", `{"list": true}`, []string{`"list" cannot be configured; want the flag -list`}},
		{"secrets", `{"show-secrets": true}`, []string{`"show-secrets" cannot be configured`}},
		{"config", `{"config": "x"}`, []string{`"config" cannot be configured`}},
		{"near what is for the command line", `{"lists": true}`, []string{`there is no key "lists"; `}},
		{"duration", `{"timeout": 5}`, []string{`"timeout": it has a number; want a duration such as "10s"`}},
		{"no duration", `{"timeout": "5"}`, []string{`"timeout": want a duration such as "10s"`}},
		{"negative", `{"timeout": "-5s"}`, []string{"-timeout must be more than 0"}},
		{"number", `{"parallel": "4"}`, []string{`"parallel": it has a string; want a whole number`}},
		{"fraction", `{"parallel": 4.5}`, []string{`"parallel": want a whole number`}},
		{"boolean", `{"destructive": "true"}`, []string{`"destructive": it has a string; want true or false`}},
		{"null", `{"strict": null}`, []string{`"strict": it has null; want true or false`}},
		{"string", `{"bad-name": ["x"]}`, []string{`"bad-name": it has an array; want a string`}},
		{"file", `{"junit": {}}`, []string{`"junit": it has an object; want a string`}},
		{"auth", `{"auth": "kye"}`, []string{`"auth": want key or iam (did you mean key?)`}},
		{"format", `{"o": "jsn"}`, []string{`-o "jsn" is not a format (did you mean json?)`}},
		{"endpoint", `{"endpoint": "http://x"}`, []string{"the scheme is not supported"}},
		{"command", `{"access-command": " "}`, []string{`"access-command": `, "/bin/sh"}},
		{"parameters", `{"parameters": 1}`, []string{`"parameters": it has a number; want an object of strings, or the name of a file`}},
		{"parameter", `{"parameters": {"a": {"b": "` + canary + `"}}}`, []string{`"parameters": not a JSON object of strings: "a" has no string`}},
		{"parameter twice", `{"access-parameters": {"a": "` + canary + `", "a": "x"}}`, []string{`"access-parameters": "a" is there twice`}},
		{"pair", `{"p": "` + canary + `"}`, []string{"-p number 1"}},
		{"parameter of both", `{"p": "a=` + canary + `", "parameters": {"a": "x"}}`, []string{`"a" is given twice`}},
		{"missing file", `{"parameters": "/nowhere/f"}`, []string{"-parameters: ", "/nowhere/f"}},
		{"stdin twice", `{"parameters": "-"}`, []string{"-parameters: ", "read already"}},
		{"twice", `{"timeout": "5s", "timeout": "6s"}`, []string{`"timeout" is there twice`}},
		{"skip of expressions", `{"skip": "^INFO"}`, []string{`"skip": it has a string; want an object of cases`}},
		{"unknown case", `{"skip": {"GRANT-111": "x"}}`, []string{`"skip": there is no case or rule "GRANT-111" (did you mean GRANT-11?)`}},
		{"case in lower case", `{"skip": {"info-1": "x"}}`, []string{`"info-1" (did you mean INFO-1?)`}},
		{"no reason", `{"skip": {"INFO-1": " "}}`, []string{`"skip": "INFO-1" has an empty reason; want why`}},
		{"no string for a reason", `{"skip": {"INFO-1": true}}`, []string{`"skip": `, `"INFO-1" has no string`}},
		{"run", `{"run": "("}`, []string{"-run: "}},
		{"array", `[]`, []string{"not a JSON object"}},
		{"empty", ``, []string{"not a JSON object"}},
		{"more", `{"timeout": "5s"} {"a": "` + canary + `"}`, []string{"not a JSON object: more follows it"}},
		{"broken", `{"timeout": "5s", ` + canary + `}`, []string{`what follows "timeout" is no JSON`}},
		{"broken value", `{"parameters": {"a": "` + canary + `}`, []string{`"parameters" has no value that is JSON`}},
		{"not closed", `{"timeout": "5s"`, []string{`what follows "timeout" is no JSON`}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			o := cosictlUntil(t.Context(), one.content, "-endpoint", "/nowhere/c.sock", "check", "-config", "-")
			if one.name == "endpoint" {
				o = cosictlUntil(t.Context(), one.content, "check", "-config", "-")
			}
			o.oneErrorLine(t, append(one.words, "cosictl: check: ")...)
			hides(t, "stderr", o.stderr)
			if o.code != exitUsage || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
			}
			if strings.Contains(one.words[0], `": `) && !strings.Contains(o.stderr, "-config -: ") {
				t.Errorf("stderr does not name the file: %q", o.stderr)
			}
		})
	}
	o := cosictl(t, "", "/nowhere/c.sock", "check", "-config", "/nowhere/c.json")
	o.oneErrorLine(t, "-config: ", "/nowhere/c.json")
}
