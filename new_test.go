//go:build unix

package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// foreignIdentity is an Identity server that is not made by NewIdentity.
type foreignIdentity func(context.Context) (*cosi.DriverGetInfoResponse, error)

func (f foreignIdentity) DriverGetInfo(ctx context.Context, _ *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return f(ctx)
}

// named answers with a name.
func named(name string) foreignIdentity {
	return func(context.Context) (*cosi.DriverGetInfoResponse, error) {
		return &cosi.DriverGetInfoResponse{Name: name}, nil
	}
}

// newWith calls New with good servers; it fails the test when there is a driver beside an error.
func newWith(t *testing.T, options ...gocosi.Option) error {
	t.Helper()
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &handlers{}, options...)
	if (driver == nil) != (err != nil) {
		t.Errorf("New returns the driver %v and the error %v", driver, err)
	}
	return err
}

// checkError wants an error that holds all the words.
func checkError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v; want %q in it", err, w)
		}
	}
}

// What a refusal says is accepted.
const (
	permsForm    = "octal permission bits such as 0755, 755 or 0o755"
	userForm     = "the name of a user of this machine, and a number"
	groupForm    = "the name of a group of this machine, and a number"
	boolForm     = "true and false"
	durationForm = "durations such as 90s or 2m30s, and 0"
	endpointForm = "unix:///path, unix:/path, /path and tcp://host:port"
	offLoopback  = "give WithTransportCredentials, or set X_COSI_ENDPOINT_INSECURE=true"
)

// wrongValues are values that New refuses, by variable, and what is accepted.
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
	{gocosi.EnvCOSIEndpointInsecure, boolForm, []string{"yes", "on", "2", "tRUE", " true"}},
	{gocosi.EnvCOSIDriverName, "such as s3.example.com", []string{"-x.example.com", "a b", "ex_ample.com", "x."}},
	{gocosi.EnvCOSIDriverName, "63", []string{strings.Repeat("n", 64)}},
	{gocosi.EnvCOSIShutdownTimeout, durationForm, []string{"20", "-1s", "soon", "1d", " 1s", "99999999h"}},
	{gocosi.EnvCOSIRPCTimeout, durationForm, []string{"120", "-1ns", "never", "1d", "1s ", "99999999h"}},
}

func TestNewRefusesWrongVariables(t *testing.T) {
	t.Parallel()
	for _, row := range wrongValues {
		for _, value := range row.values {
			t.Run(row.variable+"="+value, func(t *testing.T) {
				t.Parallel()
				values := map[string]string{row.variable: value}
				checkError(t, newWith(t, env(values)), fmt.Sprintf("%s=%q", row.variable, value), row.accepted)
				if row.variable == gocosi.EnvCOSIEndpoint {
					return
				}
				values[gocosi.EnvCOSIEndpoint] = "tcp://127.0.0.1:0" // where some of them have no effect
				checkError(t, newWith(t, env(values)), fmt.Sprintf("%s=%q", row.variable, value), row.accepted)
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
	err := newWith(t, env(map[string]string{gocosi.EnvCOSIEndpointPerms: "0660"}), gocosi.WithDefaultSocketPerms(0o7777))
	checkError(t, err, `WithDefaultSocketPerms="7777"`)
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for variable, values := range map[string][]string{
		gocosi.EnvCOSIEndpoint: {
			"unix:///var/lib/cosi/cosi.sock", "unix:/a.sock", "/a.sock", "/" + strings.Repeat("p", 106),
			"tcp://127.0.0.1:0", "tcp://127.0.0.1:65535", "tcp://[::1]:0", "tcp://localhost:9000",
		},
		gocosi.EnvCOSIEndpointPerms:    {"0755", "755", "0660", "660", "0o640"},
		gocosi.EnvCOSIEndpointUser:     {"0", "4200000", "4294967294"},
		gocosi.EnvCOSIEndpointGroup:    {"0", "4200000", "4294967294"},
		gocosi.EnvCOSIEndpointInsecure: {"true", "false", "TRUE", "True", "1", "0", "t", "F"},
		gocosi.EnvCOSIDriverName:       {"s3.example.com", "S3", "0", strings.Repeat("n", 63)},
		gocosi.EnvCOSIShutdownTimeout:  {"0", "0s", "90s", "2m30s", "1.5h", "100ms"},
		gocosi.EnvCOSIRPCTimeout:       {"0", "0s", "90s", "2m30s", "1.5h", "100ms"},
	} {
		for _, value := range append(values, "") {
			t.Run(variable+"="+value, func(t *testing.T) {
				t.Parallel()
				if err := newWith(t, env(map[string]string{variable: value})); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestNewAcceptsOwnersByName(t *testing.T) {
	t.Parallel()
	u, err := user.Current()
	if err != nil {
		t.Skip("the user database cannot be read:", err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Skip("the group database cannot be read:", err)
	}
	d := start(t, &handlers{}, env(map[string]string{gocosi.EnvCOSIEndpointUser: u.Username, gocosi.EnvCOSIEndpointGroup: g.Name}))
	if err := gocosi.Probe(timeout(t), gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(d.path)); err != nil {
		t.Error(err)
	}
}

func TestNewOffLoopback(t *testing.T) {
	t.Parallel()
	certs := newCertificates(t)
	for name, row := range map[string]struct {
		insecure string
		options  []gocosi.Option
		refused  bool
	}{
		"nothing":                     {"", nil, true},
		"explicitly secure":           {"false", nil, true},
		"no credentials":              {"", []gocosi.Option{gocosi.WithTransportCredentials(nil)}, true},
		"credentials that do nothing": {"", []gocosi.Option{gocosi.WithTransportCredentials(insecure.NewCredentials())}, true},
		"credentials taken back": {
			"", []gocosi.Option{gocosi.WithTransportCredentials(certs.server()), gocosi.WithTransportCredentials(nil)}, true,
		},
		"TLS":     {"", []gocosi.Option{gocosi.WithTransportCredentials(certs.server())}, false},
		"allowed": {"true", nil, false},
	} {
		for _, address := range []string{"tcp://0.0.0.0:0", "tcp://:0", "tcp://[::]:9000", "tcp://192.0.2.1:9000", "tcp://s3.example.com:9000"} {
			t.Run(name+" "+address, func(t *testing.T) {
				t.Parallel()
				err := newWith(t, append(row.options, env(map[string]string{
					gocosi.EnvCOSIEndpoint: address, gocosi.EnvCOSIEndpointInsecure: row.insecure,
				}))...)
				if row.refused {
					checkError(t, err, fmt.Sprintf("%s=%q", gocosi.EnvCOSIEndpoint, address), offLoopback)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestNewTellsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	driver, err := gocosi.New(nil, (*handlers)(nil), gocosi.WithDefaultSocketUser("no-such-user"), env(map[string]string{
		gocosi.EnvCOSIEndpoint:         "cosi.sock",
		gocosi.EnvCOSIEndpointPerms:    "rw",
		gocosi.EnvCOSIEndpointGroup:    "no-such-group",
		gocosi.EnvCOSIEndpointInsecure: "maybe",
		gocosi.EnvCOSIDriverName:       "-",
		gocosi.EnvCOSIShutdownTimeout:  "soon",
		gocosi.EnvCOSIRPCTimeout:       "never",
	}))
	if driver != nil {
		t.Error("a driver beside an error")
	}
	checkError(t, err, "gocosi: ", "the identity server is nil", "the provisioner server is nil",
		`WithDefaultSocketUser="no-such-user"`, `COSI_ENDPOINT="cosi.sock"`, `X_COSI_ENDPOINT_PERMS="rw"`,
		`X_COSI_ENDPOINT_GROUP="no-such-group"`, `X_COSI_ENDPOINT_INSECURE="maybe"`, `X_COSI_DRIVER_NAME="-"`,
		`X_COSI_SHUTDOWN_TIMEOUT="soon"`, `X_COSI_RPC_TIMEOUT="never"`)
}

func TestNewRefusesNilServers(t *testing.T) {
	t.Parallel()
	good, h := gocosi.NewIdentity("test.example.com"), &handlers{}
	for name, row := range map[string]struct {
		identity    cosi.IdentityServer
		provisioner cosi.ProvisionerServer
		says        string
	}{
		"nil identity":           {nil, h, "the identity server is nil"},
		"typed nil identity":     {(*struct{ cosi.IdentityServer })(nil), h, "the identity server is nil"},
		"nil provisioner":        {good, nil, "the provisioner server is nil"},
		"typed nil provisioner":  {good, (*handlers)(nil), "the provisioner server is nil"},
		"a name that is refused": {gocosi.NewIdentity("-"), h, "INFO-3"},
		"no name":                {gocosi.NewIdentity(""), h, "INFO-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver, err := gocosi.New(row.identity, row.provisioner, gocosi.WithEnvironment(nil))
			if driver != nil {
				t.Error("a driver beside an error")
			}
			checkError(t, err, row.says)
		})
	}
}

func TestNewCannotRenameAForeignIdentity(t *testing.T) {
	t.Parallel()
	driver, err := gocosi.New(named("foreign.example.com"), &handlers{}, env(map[string]string{gocosi.EnvCOSIDriverName: "other.example.com"}))
	if driver != nil {
		t.Error("a driver beside an error")
	}
	checkError(t, err, `X_COSI_DRIVER_NAME="other.example.com"`, "not made by NewIdentity")
}

func TestDriverNameOverride(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ value, want string }{
		"unset":    {"", "test.example.com"},
		"override": {"other.example.com", "other.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, &handlers{}, env(map[string]string{gocosi.EnvCOSIDriverName: row.value}))
			info, err := cosi.NewIdentityClient(d.conn).DriverGetInfo(timeout(t), &cosi.DriverGetInfoRequest{})
			if err != nil || info.GetName() != row.want {
				t.Errorf("DriverGetInfo: %v, %v; want %s", info, err, row.want)
			}
		})
	}
}

// TestOverrideCoversAWrongName: the operator's name stands in for the author's, whatever that is.
func TestOverrideCoversAWrongName(t *testing.T) {
	t.Parallel()
	_, err := gocosi.New(gocosi.NewIdentity(""), &handlers{}, env(map[string]string{gocosi.EnvCOSIDriverName: "other.example.com"}))
	if err != nil {
		t.Error(err)
	}
}

func TestPrecedenceOfPerms(t *testing.T) {
	t.Parallel()
	perms := gocosi.WithDefaultSocketPerms
	for name, row := range map[string]struct {
		value   string
		options []gocosi.Option
		want    fs.FileMode
		log     string // what the line at start tells is overridden
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
			var log logs
			options := append(row.options, gocosi.WithLogger(log.logger()), env(map[string]string{gocosi.EnvCOSIEndpointPerms: row.value}))
			d := start(t, &handlers{}, options...)
			info, err := os.Lstat(d.path)
			if err != nil || info.Mode() != fs.ModeSocket|row.want {
				t.Errorf("mode %v, %v; want %v", info.Mode(), err, row.want)
			}
			log.wait(t, "driver listening", fmt.Sprintf(`"mode"="%04o"`, row.want), row.log)
		})
	}
}

func TestPrecedenceOfEndpoints(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
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
			err := gocosi.Probe(timeout(t), append(row.options, env(map[string]string{gocosi.EnvCOSIEndpoint: row.value}))...)
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
			var log logs
			left := make(chan time.Duration, 1)
			d := start(t, &handlers{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
				left <- untilDeadline(ctx)
				return &cosi.DriverCreateBucketResponse{BucketId: "id"}, nil
			}}, append(row.options, gocosi.WithLogger(log.logger()), env(map[string]string{
				gocosi.EnvCOSIRPCTimeout: row.rpc, gocosi.EnvCOSIShutdownTimeout: row.shutdown,
			}))...)
			_, err := cosi.NewProvisionerClient(d.conn).DriverCreateBucket(context.Background(), &cosi.DriverCreateBucketRequest{Name: "b"})
			if err != nil {
				t.Fatal(err)
			}
			if got := <-left; got > row.wantRPC || got < row.wantRPC-limit {
				t.Errorf("the call has %s left; want %s", got, row.wantRPC)
			}
			d.conn.Close()
			d.stop()
			log.wait(t, "stopping", fmt.Sprintf(`"timeout"=%q`, row.wantShutdown))
		})
	}
}

// untilDeadline is how long a context has left; 0: it has no deadline.
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
	wrong := env(map[string]string{gocosi.EnvCOSIEndpoint: "wrong"})
	if err := newWith(t, wrong, gocosi.WithEnvironment(nil), nil); err != nil {
		t.Error(err)
	}
	checkError(t, newWith(t, gocosi.WithEnvironment(nil), wrong), `COSI_ENDPOINT="wrong"`)
}

func TestLookupThatDoesNotFindCountsAsUnset(t *testing.T) {
	t.Parallel()
	if err := newWith(t, gocosi.WithEnvironment(func(string) (string, bool) { return "wrong", false })); err != nil {
		t.Error(err)
	}
}

// wrongIdentities are Identity servers that Run refuses.
var wrongIdentities = map[string]struct {
	identity foreignIdentity
	says     []string
}{
	"no name":  {named(""), []string{`DriverGetInfo answered ""`, "INFO-2"}},
	"too long": {named(strings.Repeat("n", 64)), []string{"DriverGetInfo answered", "INFO-3"}},
	"bad name": {named("s3 example"), []string{`DriverGetInfo answered "s3 example"`, "INFO-3"}},
	"nil response": {
		func(context.Context) (*cosi.DriverGetInfoResponse, error) { return nil, nil },
		[]string{"DriverGetInfo", "INFO-2"},
	},
	"error": {
		func(context.Context) (*cosi.DriverGetInfoResponse, error) { return nil, errors.New("no database") },
		[]string{"DriverGetInfo: no database"},
	},
	"panic": {
		func(context.Context) (*cosi.DriverGetInfoResponse, error) { panic("no database") },
		[]string{"DriverGetInfo: panic: no database", "new_test.go"},
	},
	"hangs until its context ends": {
		func(ctx context.Context) (*cosi.DriverGetInfoResponse, error) { <-ctx.Done(); return nil, ctx.Err() },
		[]string{"DriverGetInfo", "context deadline exceeded"},
	},
}

func TestWrongIdentityOpensNothing(t *testing.T) {
	t.Parallel()
	for name, row := range wrongIdentities {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := shortDir(t)
			driver, err := gocosi.New(row.identity, &handlers{}, gocosi.WithDefaultEndpoint(dir+"/made/cosi.sock"),
				env(map[string]string{gocosi.EnvCOSIRPCTimeout: "50ms"}))
			if err != nil {
				t.Fatal(err)
			}
			checkError(t, driver.Run(timeout(t)), row.says...)
			checkError(t, addrError(t, driver), "ended before it listened")
			if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
				t.Errorf("the folder holds %v, %v", list, err)
			}
		})
	}
}

func addrError(t *testing.T, driver *gocosi.Driver) error {
	t.Helper()
	_, err := driver.Addr(timeout(t))
	return err
}

func TestWrongIdentityClosesTheListener(t *testing.T) {
	t.Parallel()
	driver, err := gocosi.New(named("-"), &handlers{}, gocosi.WithEnvironment(nil))
	if err != nil {
		t.Fatal(err)
	}
	lis := watchListener(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	checkError(t, driver.Serve(timeout(t), lis), "INFO-3")
	lis.checkClosed(t)
}

// TestIdentityThatHangs never returns from DriverGetInfo, whatever its context says.
func TestIdentityThatHangs(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		rpcTimeout string
		stopped    bool
	}{
		"past its deadline": {"50ms", false},
		"past a stop":       {"0", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, release := make(chan struct{}), make(chan struct{})
			defer close(release)
			dir := shortDir(t)
			driver, err := gocosi.New(foreignIdentity(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
				close(asked)
				<-release
				return &cosi.DriverGetInfoResponse{Name: "late.example.com"}, nil
			}), &handlers{}, gocosi.WithDefaultEndpoint(dir+"/made/cosi.sock"), env(map[string]string{gocosi.EnvCOSIRPCTimeout: row.rpcTimeout}))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(timeout(t))
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- driver.Run(ctx) }()
			<-asked
			if row.stopped {
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run, stopped while it starts: %v", err)
				}
			} else {
				checkError(t, <-done, "DriverGetInfo", "deadline exceeded")
			}
			if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
				t.Errorf("the folder holds %v, %v", list, err)
			}
		})
	}
}

// TestIdentityIsAskedOnce: its name is asked for before anything is opened, and not again.
func TestIdentityIsAskedOnce(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 2)
	driver, err := gocosi.New(foreignIdentity(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
		asked <- struct{}{}
		return &cosi.DriverGetInfoResponse{Name: "foreign.example.com"}, nil
	}), &handlers{}, gocosi.WithEnvironment(nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(timeout(t))
	done := make(chan error, 1)
	go func() { done <- driver.Serve(ctx, bufconn.Listen(1)) }()
	if _, err := driver.Addr(ctx); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(asked) != 1 {
		t.Errorf("asked %d times", len(asked))
	}
}

// watchedListener notes whether it was closed.
type watchedListener struct {
	net.Listener
	addr   net.Addr
	closed chan struct{}
	once   sync.Once
}

func watchListener(addr net.Addr) *watchedListener {
	return &watchedListener{Listener: bufconn.Listen(1), addr: addr, closed: make(chan struct{})}
}

func (l *watchedListener) Addr() net.Addr { return l.addr }

func (l *watchedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *watchedListener) checkClosed(t *testing.T) {
	t.Helper()
	select {
	case <-l.closed:
	default:
		t.Error("the listener is open")
	}
}

func TestServeRefusesTCPOffLoopback(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]net.IP{
		"every address": net.IPv4zero, "every IPv6 address": net.IPv6unspecified, "another": net.IPv4(192, 0, 2, 1), "none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &handlers{}, gocosi.WithEnvironment(nil))
			if err != nil {
				t.Fatal(err)
			}
			lis := watchListener(&net.TCPAddr{IP: addr, Port: 9000})
			checkError(t, driver.Serve(timeout(t), lis), offLoopback, lis.addr.String())
			lis.checkClosed(t)
		})
	}
}
