package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi"
)

// exampleKey is no account's key.
const exampleKey = "a2V5IGZvciB0ZXN0cyBvbmx5"

func keyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestSettings(t *testing.T) {
	t.Parallel()
	key := keyFile(t, exampleKey+"\n")
	for name, test := range map[string]struct {
		env  map[string]string
		want string // the endpoint
	}{
		"defaults":       {map[string]string{}, "https://acme.blob.core.windows.net"},
		"another cloud":  {map[string]string{envEndpoint: "https://acme.blob.core.chinacloudapi.cn"}, "https://acme.blob.core.chinacloudapi.cn"},
		"space around":   {map[string]string{envEndpoint: " https://acme.example.com\r\n", gocosi.EnvCOSIDriverName: " \n"}, "https://acme.example.com"},
		"on loopback":    {map[string]string{envEndpoint: "http://127.0.0.1:10000/acme"}, "http://127.0.0.1:10000/acme"},
		"on loopback, 6": {map[string]string{envEndpoint: "http://[::1]:10000/acme"}, "http://[::1]:10000/acme"},
	} {
		test.env[envAccount], test.env[envKeyFile] = "acme", key
		s, err := readSettings(func(name string) string { return test.env[name] })
		if err != nil || s.endpoint.String() != test.want || s.account != "acme" || s.driver != driverName {
			t.Errorf("%s: %v, %v", name, s.endpoint, err)
		}
	}
	env := map[string]string{envAccount: "acme", envKeyFile: key + "\n", gocosi.EnvCOSIDriverName: "second.example.com\n"}
	if s, err := readSettings(func(name string) string { return env[name] }); err != nil || s.driver != "second.example.com" {
		t.Errorf("the driver's name is %q, %v", s.driver, err)
	}
}

// Everything that is wrong is told at once, and no error holds a key.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	notBase64 := keyFile(t, "secret, not base64")
	good := map[string]string{envAccount: "acme", envKeyFile: keyFile(t, exampleKey)}
	for name, test := range map[string]struct {
		env  map[string]string // in place of good
		want []string          // variables that the error names
	}{
		"nothing is set":  {map[string]string{envAccount: "", envKeyFile: ""}, []string{envAccount, envKeyFile}},
		"all is wrong":    {map[string]string{envAccount: "Not An Account", envKeyFile: notBase64, envEndpoint: "ftp://x"}, []string{envAccount, envKeyFile, envEndpoint}},
		"a key as name":   {map[string]string{envAccount: "secret/of+an/Account=="}, []string{envAccount}},
		"no file":         {map[string]string{envKeyFile: "/does/not/exist"}, []string{envKeyFile}},
		"empty file":      {map[string]string{envKeyFile: keyFile(t, "")}, []string{envKeyFile}},
		"blank file":      {map[string]string{envKeyFile: keyFile(t, " \n")}, []string{envKeyFile}},
		"two keys":        {map[string]string{envKeyFile: keyFile(t, exampleKey+"\n"+exampleKey)}, []string{envKeyFile}},
		"a quoted key":    {map[string]string{envKeyFile: keyFile(t, `"`+exampleKey+`"`)}, []string{envKeyFile}},
		"a zero byte":     {map[string]string{envKeyFile: keyFile(t, exampleKey+"\x00")}, []string{envKeyFile}},
		"a byte order":    {map[string]string{envKeyFile: keyFile(t, "\ufeff"+exampleKey)}, []string{envKeyFile}},
		"no print":        {map[string]string{envEndpoint: "https://acme.example.com/\u202e"}, []string{envEndpoint}},
		"not base64":      {map[string]string{envKeyFile: notBase64}, []string{envKeyFile}},
		"in the clear":    {map[string]string{envEndpoint: "http://acme.example.com"}, []string{envEndpoint}},
		"with a password": {map[string]string{envEndpoint: "https://u:secret@acme.example.com"}, []string{envEndpoint}},
		"with a query":    {map[string]string{envEndpoint: "https://acme.example.com?sig=secret"}, []string{envEndpoint}},
		"no host":         {map[string]string{envEndpoint: "acme.example.com"}, []string{envEndpoint}},
		"no such port":    {map[string]string{envEndpoint: "https://acme.example.com:99999"}, []string{envEndpoint}},
		"a fragment":      {map[string]string{envEndpoint: "https://acme.example.com/#secret"}, []string{envEndpoint}},
		"an empty query":  {map[string]string{envEndpoint: "https://acme.example.com?"}, []string{envEndpoint}},
		"a quoted URL":    {map[string]string{envEndpoint: `"https://acme.example.com"`}, []string{envEndpoint}},
		"a quote in it":   {map[string]string{envEndpoint: `https://acme.example.com/a"b`}, []string{envEndpoint}},
		"a space in it":   {map[string]string{envEndpoint: "https://acme.example.com/a b"}, []string{envEndpoint}},
		"two URLs":        {map[string]string{envEndpoint: "https://acme.example.com\nhttps://acme.example.org"}, []string{envEndpoint}},
		"a URL with zero": {map[string]string{envEndpoint: "https://acme.example.com/\x00"}, []string{envEndpoint}},
		"two accounts":    {map[string]string{envAccount: "acme\nemca"}, []string{envAccount}},
		"quoted account":  {map[string]string{envAccount: `"acme"`}, []string{envAccount}},
		"account, zero":   {map[string]string{envAccount: "acme\x00"}, []string{envAccount}},
		"two paths":       {map[string]string{envKeyFile: "/does\n/not/exist"}, []string{envKeyFile}},
		"a path, zero":    {map[string]string{envKeyFile: "/does/not\x00"}, []string{envKeyFile}},
		"an endless file": {map[string]string{envKeyFile: "/dev/zero"}, []string{envKeyFile}},
		"two names":       {map[string]string{gocosi.EnvCOSIDriverName: "a.example.com\nb.example.com"}, []string{gocosi.EnvCOSIDriverName}},
		"a quoted name":   {map[string]string{gocosi.EnvCOSIDriverName: `"a.example.com"`}, []string{gocosi.EnvCOSIDriverName}},
		"a name, zero":    {map[string]string{gocosi.EnvCOSIDriverName: "a.example.com\x00"}, []string{gocosi.EnvCOSIDriverName}},
		"no URL":          {map[string]string{envEndpoint: "https://secret\x7f"}, []string{envEndpoint}},
	} {
		p, err := newProvisioner(func(name string) string {
			if value, ok := test.env[name]; ok {
				return value
			}
			return good[name]
		})
		if err == nil || p != nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		for _, variable := range []string{envAccount, envKeyFile, envEndpoint, gocosi.EnvCOSIDriverName} {
			if strings.Contains(err.Error(), variable) != slices.Contains(test.want, variable) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), exampleKey) {
			t.Errorf("%s: the error holds a secret: %v", name, err)
		}
	}
}

// TestSignature holds signatures against bytes that were given out once: applications keep them.
func TestSignature(t *testing.T) {
	t.Parallel()
	env := map[string]string{envAccount: "acme", envKeyFile: keyFile(t, exampleKey)}
	for endpoint, want := range map[string]string{
		"https://acme.example.com":  "si=cosi-ba-1&sig=COA8MyJLI9NmA0Z69oGVX9Yaln%2B8MTojziShBEoOjn0%3D&spr=https&sr=c&sv=2022-11-02",
		"http://127.0.0.1:10000/ac": "si=cosi-ba-1&sig=RgH9cZTRsdfcwpq8taNKz0Y6iafvpGF3iX27u%2FuYddw%3D&sr=c&sv=2022-11-02",
	} {
		env[envEndpoint] = endpoint
		s, err := readSettings(func(name string) string { return env[name] })
		must(t, err)
		got, err := sign(s, "bucket-1", "cosi-ba-1")
		if err != nil || got != want {
			t.Errorf("by %s: %q, %v\nwant %q", endpoint, got, err, want)
		}
	}
}
