package gocosi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/safelog"
)

// BenchmarkStage measures each stage of the chain alone, around a handler that answers immediately. The first stage,
// none, measures the common costs of all stages.
func BenchmarkStage(b *testing.B) {
	c := newConfig([]Option{
		WithEnvironment(nil), WithoutTelemetry(), WithLogger(logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil))),
	})
	s, err := c.settle()
	if err != nil {
		b.Fatal(err)
	}
	log := safelog.New(c.log)
	defer log.Close(time.Second)
	t, err := startTelemetry(c.signals, "test.example.com", log.Queued())
	if err != nil {
		b.Fatal(err)
	}
	defer t.flush()
	ch := newChain(c, s, log, t)
	for _, bench := range []struct {
		name  string
		stage stage
	}{
		{"none", nil},
		{"answered", ch.answered},
		{"recovered", ch.recovered},
		{"checked", ch.checked},
		{"serialized", ch.serialized},
		{"limited", ch.limited},
	} {
		b.Run(bench.name, func(b *testing.B) {
			if ch.stages = nil; bench.stage != nil {
				ch.stages = []stage{bench.stage}
			}
			benchmarkCalls(b, ch)
		})
	}
}

func benchmarkCalls(b *testing.B, ch *chain) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context()) // gRPC's context also ends
	defer cancel()
	decode := func(request any) error {
		request.(*cosi.DriverCreateBucketRequest).Name = "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11"
		return nil
	}
	serve := ch.Unary("/cosi.v1alpha1.Provisioner/DriverCreateBucket", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := serve(atOnce{}, ctx, decode, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// atOnce answers every creation with the same bucket.
type atOnce struct {
	*cosi.UnimplementedProvisionerServer
}

var response = &cosi.DriverCreateBucketResponse{
	BucketId: "id", BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{}}},
}

func (atOnce) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return response, nil
}

func TestParsePerms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fs.FileMode{
		"0755": 0o755, "755": 0o755, "0o755": 0o755, "00755": 0o755,
		"0660": 0o660, "660": 0o660, "0o660": 0o660, "0o640": 0o640,
		"0600": 0o600, "0777": 0o777,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if mode, err := parseMode(text); err != nil || mode != want {
				t.Fatalf("parseMode = %04o, %v; want %04o", mode, err, want)
			}
		})
	}
}

func TestParsePermsRefuses(t *testing.T) {
	t.Parallel()
	const form, owner = "octal permission bits such as 0755", "the owner could not use the socket"
	for text, reason := range map[string]string{
		"": form, "rw": form, "rw-rw----": form, "u=rw": form, "-1": form, "+755": form, " 755": form, "755 ": form,
		"07777": form, "1000": form, "01755": form, "99999": form, "0x1ff": form, "0b11": form, "0_660": form, "0O755": form,
		"0o": form, "0o0o755": form, "888": form, "755.0": form, "77777777777777777777777": form,
		"0": owner, "0000": owner, "0477": owner, "0277": owner, "055": owner,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			mode, err := parseMode(text)
			if err == nil || mode != 0 || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), form) {
				t.Fatalf("parseMode = %04o, %v; want an error with %q", mode, err, reason)
			}
		})
	}
}

func TestParseOwner(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"0": 0, "65532": 65532, "4200000": 4200000, "00012": 12, "4294967294": 4294967294, "root": 0,
		"4294967295": -1, "4294967296": -1, "99999999999999999999": -1, "-1": -1, "+1": -1, "0x10": -1, "1.5": -1,
		"no-such-name": -1, " 0": -1, "": -1,
	} {
		t.Run(strconv.Quote(text), func(t *testing.T) {
			t.Parallel()
			for kind, parse := range map[string]func(string) (int, error){"user": parseUser, "group": parseGroup} {
				if text == "root" && kind == "group" {
					continue // some systems lack the group
				}
				id, err := parse(text)
				switch {
				case want >= 0 && (err != nil || id != want):
					t.Errorf("%s: %d, %v; want %d", kind, id, err, want)
				case want < 0 && (err == nil || !strings.Contains(err.Error(), "the name of a "+kind)):
					t.Errorf("%s: %d, %v; want a refusal that says what is accepted", kind, id, err)
				}
			}
		})
	}
}

func FuzzParsePerms(f *testing.F) {
	for _, text := range []string{"0755", "755", "0o640", "0o", "rw", "-1", "07777", "99999", "0x1ff", "0b11", "0_660", "0", "888"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mode, err := parseMode(text)
		if err != nil {
			if mode != 0 {
				t.Errorf("got the mode %o with an error, want 0", mode)
			}
			return
		}
		if mode < 0o600 || mode > 0o777 || mode&0o600 != 0o600 {
			t.Errorf("%q is read as %o", text, mode)
		}
		if again, err := parseMode(fmt.Sprintf("%04o", mode)); err != nil || again != mode {
			t.Errorf("%o, read again, is %o, %v", mode, again, err)
		}
	})
}

func TestListenTCP(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		address     string
		offLoopback bool
		refused     bool
	}{
		"loopback":             {"127.0.0.1:0", false, false},
		"localhost":            {"localhost:0", false, false},
		"every address":        {"0.0.0.0:0", false, true},
		"every IPv6 address":   {"[::]:0", false, true},
		"no host":              {":0", false, true},
		"no host, but allowed": {":0", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lis, err := settings{endpoint: address.Endpoint{Network: address.TCP, Address: row.address}, insecure: row.offLoopback}.listen(t.Context())
			if row.refused {
				if !errors.Is(err, errOffLoopback) {
					t.Fatalf("Listen: %v; want %v", err, errOffLoopback)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer lis.Close()
			if !row.offLoopback && !lis.Addr().(*net.TCPAddr).IP.IsLoopback() {
				t.Errorf("it listens on %s", lis.Addr())
			}
		})
	}
}

func TestListenTCPObeysItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lis, err := settings{endpoint: address.Endpoint{Network: address.TCP, Address: "driver.example.invalid:0"}, insecure: true}.listen(ctx)
	if err == nil {
		lis.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Listen: %v; want %v", err, context.Canceled)
	}
}

// TestDocsNameEveryVariable compares the tables in README.md and doc.go with the table in the code: names, defaults and
// meanings. README.md formats some of the words as code.
func TestDocsNameEveryVariable(t *testing.T) {
	t.Parallel()
	readme := strings.ReplaceAll(readText(t, "README.md"), "`", "")
	docs := readText(t, "doc.go")
	for _, v := range variables() {
		def := v.preset + v.unset
		if row := fmt.Sprintf("\n| %s | %s | %s |\n", v.env, def, v.means); !strings.Contains(readme, row) {
			t.Errorf("README.md lacks a row, want:%s", row)
		}
		if line := fmt.Sprintf("\n//\t%-24s  %-30s  %s\n", v.env, def, v.means); !strings.Contains(docs, line) {
			t.Errorf("doc.go lacks a line, want:%s", line)
		}
	}
	for file, row := range map[string]string{readme: `(?m)^\| (X_)?COSI_`, docs: `(?m)^//\t(X_)?COSI_`, readText(t, "env.go"): `(?m)^\tEnv\w+ += "`} {
		if n := len(regexp.MustCompile(row).FindAllString(file, -1)); n != len(variables()) {
			t.Errorf("%d of %s, want %d", n, row, len(variables()))
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
