//go:build unix

package gocosi_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
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

// TestLineAtStartTellsTheTruth compares the line with sockets whose permissions are not what the settings tell.
func TestLineAtStartTellsTheTruth(t *testing.T) {
	t.Parallel()
	t.Run("a folder that gives its group", func(t *testing.T) {
		t.Parallel()
		if os.Getuid() != 0 {
			t.Skip("only root can give a folder to any group")
		}
		folder := harness.ShortDir(t)
		if err := errors.Join(os.Lchown(folder, -1, 54322), os.Chmod(folder, fs.ModeSetgid|0o755)); err != nil {
			t.Fatal(err)
		}
		var log harness.Logs
		harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithDefaultEndpoint(folder+"/cosi.sock"))
		log.Wait(t, "driver listening", `"gid"=54322`)
	})
	t.Run("a listener of the caller's", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(harness.ShortDir(t), "cosi.sock")
		lis, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o642); err != nil {
			t.Fatal(err)
		}
		var log harness.Logs
		driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &harness.Handlers{}, gocosi.WithEnvironment(nil),
			gocosi.WithLogger(log.Logger()), gocosi.WithDefaultSocketPerms(0o700))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- driver.Serve(ctx, lis) }()
		log.Wait(t, "driver listening", `"mode"="0642"`)
		log.Wait(t, "socket mode is allowed but unwise")
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestOpenFolderIsWarnedAbout(t *testing.T) {
	t.Parallel()
	folder := harness.ShortDir(t)
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	var log harness.Logs
	harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithDefaultEndpoint(folder+"/cosi.sock"))
	log.Wait(t, "socket folder is allowed but unwise", "every user may write to "+folder)
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
