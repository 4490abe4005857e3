//go:build unix

package gocosi_test

import (
	"os"
	"os/user"
	"syscall"
	"testing"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

func TestOwnerOfTheSocket(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give the socket to another user")
	}
	var log harness.Logs
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithDefaultSocketUser("1"), gocosi.WithDefaultSocketGroup("54322"),
		harness.Env(map[string]string{gocosi.EnvCOSIEndpointUser: "54321"}))
	info, err := os.Lstat(d.Path)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if owner.Uid != 54321 || owner.Gid != 54322 {
		t.Errorf("owner %d:%d", owner.Uid, owner.Gid)
	}
	log.Wait(t, "driver listening", `"uid"=54321`, `"gid"=54322`, `X_COSI_ENDPOINT_USER=54321 (default \"1\")`)
}

func TestNewAcceptsOwnersByName(t *testing.T) {
	t.Parallel()
	u, err := user.Current()
	if err != nil {
		t.Skip("cannot read the user database:", err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Skip("cannot read the group database:", err)
	}
	d := harness.Start(t, &harness.Handlers{}, harness.Env(map[string]string{gocosi.EnvCOSIEndpointUser: u.Username, gocosi.EnvCOSIEndpointGroup: g.Name}))
	if err := gocosi.Probe(harness.Timeout(t), gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(d.Path)); err != nil {
		t.Error(err)
	}
}
