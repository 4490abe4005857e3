//go:build unix

package gocosi_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// newWith calls New with good servers. It fails the test when New returns a driver with an error.
func newWith(t *testing.T, options ...gocosi.Option) error {
	t.Helper()
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &harness.Handlers{}, options...)
	if (driver == nil) != (err != nil) {
		t.Errorf("New returns the driver %v and the error %v, want one of them", driver, err)
	}
	return err
}

// checkError checks that an error holds all the words.
func checkError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v; want %q in it", err, w)
		}
	}
}

// The accepted values in the messages of refusals.
const (
	permsForm    = "want octal permission bits such as 0755, 755 or 0o755"
	userForm     = "want the name of a user of this machine, or a number"
	groupForm    = "want the name of a group of this machine, or a number"
	boolForm     = "want true or false"
	durationForm = "want a duration such as 90s or 2m30s, or 0"
	endpointForm = "want unix:///path, unix:/path, /path or tcp://host:port"
	offLoopback  = "want loopback, WithTransportCredentials or X_COSI_ENDPOINT_INSECURE=true"
)

// wrongValues lists values that New refuses by variable, with the accepted values.
var wrongValues = []struct {
	variable, accepted string
	values             []string
}{
	{gocosi.EnvCOSIEndpoint, endpointForm, []string{"cosi.sock", "unix://host/cosi.sock", "http://127.0.0.1:1", "tcp://127.0.0.1"}},
	{gocosi.EnvCOSIEndpoint, "107 at most", []string{"/" + strings.Repeat("p", 107)}},
	{gocosi.EnvCOSIEndpoint, "0 to 65535", []string{"tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:http"}},
	{gocosi.EnvCOSIEndpoint, offLoopback, []string{"tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://:9000", "tcp://192.0.2.1:9000"}},
	{gocosi.EnvCOSIEndpointPerms, permsForm, []string{"rw", "-1", "07777", "99999", "0x1ff", "0b11", "0_660", "0", "888", "0477"}},
	{gocosi.EnvCOSIEndpointUser, userForm, []string{"no-such-user", "-1", "4294967295", "99999999999999999999", "0x10"}},
	{gocosi.EnvCOSIEndpointGroup, groupForm, []string{"no-such-group", "-1", "4294967295", "99999999999999999999", "0x10"}},
	{gocosi.EnvCOSIEndpointInsecure, boolForm, []string{"yes", "on", "2", "tRUE", "ｔrue"}},
	{gocosi.EnvCOSIDriverName, "such as s3.example.com", []string{"-x.example.com", "a b", "ex_ample.com", "x."}},
	{gocosi.EnvCOSIDriverName, "63", []string{strings.Repeat("n", 64)}},
	{gocosi.EnvCOSIEndpoint, "want printable characters", []string{"/run/a\nb.sock", "/run/a\x7fb", "/run/a\u009bb", "/run/a\u202eb", "\ufeff/run/a", "/run/\xff", "/run/a\u00a0b", "/run/a\x00b"}},
	{gocosi.EnvCOSIEndpoint, endpointForm, []string{"tcp://user:secret@host:99999", "tcp://secret@127.0.0.1:0", "tcp://127.0.0.1/x:1"}},
	{gocosi.EnvCOSIShutdownTimeout, durationForm, []string{"20", "-1s", "soon", "1d", "1e3", "99999999h"}},
	{gocosi.EnvCOSIShutdownTimeout, "printable", []string{"1s\n1s", "1\u202es", "\ufeff1s", "1s\x00"}},
	{gocosi.EnvCOSIEndpointInsecure, "printable", []string{"\ufefftrue", "tr\u200bue"}},
	{gocosi.EnvCOSIRPCTimeout, durationForm, []string{"120", "-1ns", "never", "1d", "1e3", "inf", "99999999h"}},
}

func TestNewRefusesWrongVariables(t *testing.T) {
	t.Parallel()
	for _, row := range wrongValues {
		for _, value := range row.values {
			t.Run(row.variable+"="+value, func(t *testing.T) {
				t.Parallel()
				values := map[string]string{row.variable: value}
				checkError(t, newWith(t, harness.Env(values)), row.variable, "want ", row.accepted)
				if row.variable == gocosi.EnvCOSIEndpoint {
					return
				}
				values[gocosi.EnvCOSIEndpoint] = "tcp://127.0.0.1:0" // where some of them have no effect
				checkError(t, newWith(t, harness.Env(values)), row.variable, "want ", row.accepted)
			})
		}
	}
}

func TestNewRefusesWrongDefaults(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		option gocosi.Option
		says   []string
	}{
		"endpoint":         {gocosi.WithDefaultEndpoint("cosi.sock"), []string{`WithDefaultEndpoint="cosi.sock"`, endpointForm}},
		"endpoint, port":   {gocosi.WithDefaultEndpoint("tcp://localhost:x"), []string{"WithDefaultEndpoint", "0 to 65535"}},
		"off loopback":     {gocosi.WithDefaultEndpoint("tcp://:9000"), []string{"tcp://:9000", offLoopback}},
		"perms, sticky":    {gocosi.WithDefaultSocketPerms(0o1755), []string{`WithDefaultSocketPerms="1755"`, permsForm}},
		"perms, none":      {gocosi.WithDefaultSocketPerms(0), []string{`WithDefaultSocketPerms="0000"`, permsForm}},
		"perms, decimal":   {gocosi.WithDefaultSocketPerms(755), []string{`WithDefaultSocketPerms="1363"`, permsForm}},
		"perms, type bits": {gocosi.WithDefaultSocketPerms(fs.ModeSetuid | 0o755), []string{"WithDefaultSocketPerms", permsForm}},
		"perms, owner":     {gocosi.WithDefaultSocketPerms(0o066), []string{`WithDefaultSocketPerms="0066"`, permsForm}},
		"user":             {gocosi.WithDefaultSocketUser("no-such-user"), []string{`WithDefaultSocketUser="no-such-user"`, userForm}},
		"group":            {gocosi.WithDefaultSocketGroup("-1"), []string{`WithDefaultSocketGroup="-1"`, groupForm}},
		"rpc timeout":      {gocosi.WithDefaultRPCTimeout(-time.Second), []string{`WithDefaultRPCTimeout="-1s"`, durationForm}},
		"shutdown timeout": {gocosi.WithDefaultShutdownTimeout(-1), []string{`WithDefaultShutdownTimeout="-1ns"`, durationForm}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkError(t, newWith(t, gocosi.WithEnvironment(nil), row.option), row.says...)
		})
	}
}

func TestNewRefusesAWrongDefaultThatIsOverridden(t *testing.T) {
	t.Parallel()
	err := newWith(t, harness.Env(map[string]string{gocosi.EnvCOSIEndpointPerms: "0660"}), gocosi.WithDefaultSocketPerms(0o7777))
	checkError(t, err, `WithDefaultSocketPerms="7777"`)
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for variable, values := range map[string][]string{
		gocosi.EnvCOSIEndpoint: {
			"unix:///var/lib/cosi/cosi.sock", "unix:/a.sock", "/a.sock", "/" + strings.Repeat("p", 106),
			"/a.sock\n", "UNIX:///a.sock", "TCP://127.0.0.1:0",
			"tcp://127.0.0.1:0", "tcp://127.0.0.1:65535", "tcp://[::1]:0", "tcp://localhost:9000",
		},
		gocosi.EnvCOSIEndpointPerms:    {"0755", "755", "0660", "660", "0o640"},
		gocosi.EnvCOSIEndpointUser:     {"0", "4200000", "4294967294"},
		gocosi.EnvCOSIEndpointGroup:    {"0", "4200000", "4294967294"},
		gocosi.EnvCOSIEndpointInsecure: {" true", "true\r\n", "\u00a0true\u00a0", "true", "false", "TRUE", "True", "1", "0", "t", "F"},
		gocosi.EnvCOSIDriverName:       {"s3.example.com", "s3.example.com\n", "S3", "0", strings.Repeat("n", 63)},
		gocosi.EnvCOSIShutdownTimeout:  {"0", "0s", "90s", "2m30s", "1.5h", "100ms", " 1s\t"},
		gocosi.EnvCOSIRPCTimeout:       {"0", "0s", "90s", "2m30s", "1.5h", "100ms", " 1s\t"},
	} {
		for _, value := range append(values, "", " \n") {
			t.Run(variable+"="+value, func(t *testing.T) {
				t.Parallel()
				if err := newWith(t, harness.Env(map[string]string{variable: value})); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestNewTellsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	driver, err := gocosi.New(nil, (*harness.Handlers)(nil), gocosi.WithDefaultSocketUser("no-such-user"), harness.Env(map[string]string{
		gocosi.EnvCOSIEndpoint:         "cosi.sock",
		gocosi.EnvCOSIEndpointPerms:    "rw",
		gocosi.EnvCOSIEndpointGroup:    "no-such-group",
		gocosi.EnvCOSIEndpointInsecure: "maybe",
		gocosi.EnvCOSIDriverName:       "-",
		gocosi.EnvCOSIShutdownTimeout:  "soon",
		gocosi.EnvCOSIRPCTimeout:       "never",
	}))
	if driver != nil {
		t.Error("got a driver with an error, want none")
	}
	checkError(t, err, "gocosi: ", "the identity server is nil", "the provisioner server is nil",
		`WithDefaultSocketUser="no-such-user"`, `COSI_ENDPOINT="cosi.sock"`, `X_COSI_ENDPOINT_PERMS (2 bytes, not shown)`,
		`X_COSI_ENDPOINT_GROUP="no-such-group"`, `X_COSI_ENDPOINT_INSECURE="maybe"`, `X_COSI_DRIVER_NAME (1 bytes, not shown)`,
		`X_COSI_SHUTDOWN_TIMEOUT="soon"`, `X_COSI_RPC_TIMEOUT="never"`)
}

func TestPrecedenceOfPerms(t *testing.T) {
	t.Parallel()
	perms := gocosi.WithDefaultSocketPerms
	for name, row := range map[string]struct {
		value   string
		options []gocosi.Option
		want    fs.FileMode
		log     string // overridden settings in the line at start
	}{
		"built-in":             {"", nil, 0o755, `"overridden"=[]`},
		"default":              {"", []gocosi.Option{perms(0o600)}, 0o600, `"overridden"=[]`},
		"the last default":     {"", []gocosi.Option{perms(0o600), perms(0o640)}, 0o640, `"overridden"=[]`},
		"environment":          {"0660", nil, 0o660, `X_COSI_ENDPOINT_PERMS=0660 (default \"0755\")`},
		"environment, default": {"0660", []gocosi.Option{perms(0o600)}, 0o660, `X_COSI_ENDPOINT_PERMS=0660 (default \"0600\")`},
		"755":                  {"755", []gocosi.Option{perms(0o600)}, 0o755, "X_COSI_ENDPOINT_PERMS=755"},
		"660":                  {"660", nil, 0o660, "X_COSI_ENDPOINT_PERMS=660"},
		"0o640":                {"0o640", nil, 0o640, "X_COSI_ENDPOINT_PERMS=0o640"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			options := append(row.options, gocosi.WithLogger(log.Logger()), harness.Env(map[string]string{gocosi.EnvCOSIEndpointPerms: row.value}))
			d := harness.Start(t, &harness.Handlers{}, options...)
			info, err := os.Lstat(d.Path)
			if err != nil || info.Mode() != fs.ModeSocket|row.want {
				t.Errorf("mode %v, %v; want %v", info.Mode(), err, row.want)
			}
			log.Wait(t, "driver listening", fmt.Sprintf(`"mode"="%04o"`, row.want), row.log)
		})
	}
}

func TestPrecedenceOfEndpoints(t *testing.T) {
	t.Parallel()
	dir := harness.ShortDir(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, row := range map[string]struct {
		value   string
		options []gocosi.Option
		want    string
	}{
		"built-in":           {"", nil, "unix:///var/lib/cosi/cosi.sock"},
		"default":            {"", []gocosi.Option{gocosi.WithDefaultEndpoint(at("a"))}, at("a")},
		"the last default":   {"", []gocosi.Option{gocosi.WithDefaultEndpoint(at("a")), gocosi.WithDefaultEndpoint(at("b"))}, at("b")},
		"default taken back": {"", []gocosi.Option{gocosi.WithDefaultEndpoint(at("a")), gocosi.WithDefaultEndpoint("")}, "unix:///var/lib/cosi/cosi.sock"},
		"environment":        {at("c"), []gocosi.Option{gocosi.WithDefaultEndpoint(at("a"))}, at("c")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := gocosi.Probe(harness.Timeout(t), append(row.options, harness.Env(map[string]string{gocosi.EnvCOSIEndpoint: row.value}))...)
			checkError(t, err, row.want)
		})
	}
}

func TestPrecedenceOfTimeouts(t *testing.T) {
	t.Parallel()
	defaults := []gocosi.Option{gocosi.WithDefaultRPCTimeout(time.Hour), gocosi.WithDefaultShutdownTimeout(30 * time.Second)}
	for name, row := range map[string]struct {
		rpc, shutdown string
		options       []gocosi.Option
		wantRPC       time.Duration // 0: no deadline
		wantShutdown  string
	}{
		"built-in":    {"", "", nil, 2 * time.Minute, "20s"},
		"default":     {"", "", defaults, time.Hour, "30s"},
		"environment": {"3h", "40s", defaults, 3 * time.Hour, "40s"},
		"none":        {"0", "0", defaults, 0, "0s"},
		"none, by default": {
			"", "", append(defaults, gocosi.WithDefaultRPCTimeout(0), gocosi.WithDefaultShutdownTimeout(0)), 0, "0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			left := make(chan time.Duration, 1)
			d := harness.Start(t, &harness.Handlers{Create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
				left <- untilDeadline(ctx)
				return &cosi.DriverCreateBucketResponse{BucketId: "id"}, nil
			}}, append(row.options, gocosi.WithLogger(log.Logger()), harness.Env(map[string]string{
				gocosi.EnvCOSIRPCTimeout: row.rpc, gocosi.EnvCOSIShutdownTimeout: row.shutdown,
			}))...)
			_, err := cosi.NewProvisionerClient(d.Conn).DriverCreateBucket(context.Background(), &cosi.DriverCreateBucketRequest{Name: "b"})
			if err != nil {
				t.Fatal(err)
			}
			if got := <-left; got > row.wantRPC || got < row.wantRPC-30*time.Second {
				t.Errorf("the call has %s left; want %s", got, row.wantRPC)
			}
			d.Conn.Close()
			d.Stop()
			log.Wait(t, "stopping", fmt.Sprintf(`"timeout"=%q`, row.wantShutdown))
		})
	}
}

// untilDeadline returns the time until a context's deadline, or 0 without a deadline.
func untilDeadline(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(deadline)
}

// TestReadsTheProcess changes the environment of the process.
func TestReadsTheProcess(t *testing.T) {
	t.Setenv(gocosi.EnvCOSIEndpoint, "cosi.sock")
	checkError(t, newWith(t), `COSI_ENDPOINT="cosi.sock"`)
	checkError(t, newWith(t, gocosi.WithEnvironment(os.LookupEnv)), `COSI_ENDPOINT="cosi.sock"`)
	if err := newWith(t, gocosi.WithEnvironment(nil)); err != nil {
		t.Errorf("without environment: %v", err)
	}
}

func TestLastOptionWins(t *testing.T) {
	t.Parallel()
	wrong := harness.Env(map[string]string{gocosi.EnvCOSIEndpoint: "wrong"})
	if err := newWith(t, wrong, gocosi.WithEnvironment(nil), nil); err != nil {
		t.Error(err)
	}
	checkError(t, newWith(t, gocosi.WithEnvironment(nil), wrong), `COSI_ENDPOINT (5 bytes, not shown)`)
}

func TestLookupThatDoesNotFindCountsAsUnset(t *testing.T) {
	t.Parallel()
	if err := newWith(t, gocosi.WithEnvironment(func(string) (string, bool) { return "wrong", false })); err != nil {
		t.Error(err)
	}
}
