package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	must(t, err)
	return string(text)
}

// The driver starts in the environment that its manifest gives it.
func TestManifest(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	for _, each := range regexp.MustCompile(`- name: (AZURE_\w+)\n +value: (\S+)`).FindAllStringSubmatch(read(t, "deploy", "driver.yaml"), -1) {
		env[each[1]] = each[2]
	}
	if filepath.Base(env[envKeyFile]) != "account-key" || !strings.Contains(read(t, "README.md"), "`account-key`") {
		t.Errorf("the key's file is %q", env[envKeyFile])
	}
	env[envKeyFile] = keyFile(t, exampleKey)
	if _, err := newProvisioner(func(name string) string { return env[name] }); err != nil {
		t.Error(err)
	}
	for class := range strings.SplitSeq(read(t, "deploy", "classes.yaml"), "\n---\n") {
		if !strings.Contains(class, "\ndriverName: "+driverName+"\n") {
			t.Errorf("a class is not of %s:\n%s", driverName, class)
		}
	}
}

func TestReadmeIsComplete(t *testing.T) {
	t.Parallel()
	text := read(t, "README.md")
	for _, word := range []string{
		envAccount, envKeyFile, envEndpoint, emptyOnDelete, deleteUnowned, accessMode, lifetime, driverName, "readwrite", "readonly", "writeonly",
	} {
		if !strings.Contains(text, "`"+word+"`") {
			t.Errorf("README.md does not name %s", word)
		}
	}
	sources, err := filepath.Glob("*.go")
	must(t, err)
	for _, file := range sources {
		if !strings.HasSuffix(file, "_test.go") && !strings.Contains(text, "`"+file+"`") {
			t.Errorf("README.md does not name %s", file)
		}
	}
}

func TestVersionsAgree(t *testing.T) {
	t.Parallel()
	image := regexp.MustCompile(`golang:([0-9]+\.[0-9]+)\.[0-9]+ `).FindStringSubmatch(read(t, "Dockerfile"))
	if image == nil || !strings.Contains(read(t, "go.mod"), "\ngo "+image[1]+".") {
		t.Errorf("the Dockerfile builds with %q, which is not go.mod's", image)
	}
	if lines := strings.Count(read(t, "main.go"), "\n"); lines > 45 {
		t.Errorf("main.go has %d lines", lines)
	}
}
