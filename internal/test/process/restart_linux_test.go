package process_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// capsVariable lists the capabilities with which a child of root runs; its own effect is gone once it was obeyed.
const capsVariable = "GOCOSI_TEST_CAPS"

// TestDropCapabilities starts the program anew with fewer capabilities: root gets back all that are not dropped here.
func TestDropCapabilities(t *testing.T) {
	list, ok := os.LookupEnv(capsVariable)
	if !ok {
		t.Skip("runs only in a process that another test starts")
	}
	runtime.LockOSThread() // capabilities belong to a thread
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if !slices.Contains(strings.Fields(list), strconv.Itoa(int(c))) {
			_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0) // a kernel may know fewer
		}
	}
	if err := os.Unsetenv(capsVariable); err != nil {
		t.Fatal(err)
	}
	t.Fatal(syscall.Exec("/proc/self/exe", []string{"driver", "-test.run=^TestChild$"}, os.Environ()))
}

// account is a user with capabilities.
type account struct {
	uid  int
	caps []uintptr
	all  bool // every capability
}

func (a account) spawn(t *testing.T, variables ...string) process {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestChild$") // a path that every user can reach
	switch {
	case a.uid != 0:
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.uid)}, AmbientCaps: a.caps,
		}
	case !a.all:
		cmd.Args[1] = "-test.run=^TestDropCapabilities$"
		variables = append(variables, capsVariable+"="+strings.Trim(fmt.Sprint(a.caps), "[]"))
	}
	return process{harness.StartChild(t, cmd, append(variables, childVariable+"=1")...)}
}

// TestRestartAfterAKill starts drivers under every combination of account, folder and permissions. Each one either serves
// again after a kill, or refused its first start and said what to do.
func TestRestartAfterAKill(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can start a process of another user")
	}
	const chown, dac, fowner = unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER
	accounts := map[string]account{
		"root":                            {uid: 0, all: true},
		"root without capabilities":       {uid: 0},
		"root with CHOWN":                 {uid: 0, caps: []uintptr{chown}},
		"user without capabilities":       {uid: 65532},
		"user with CHOWN":                 {uid: 65532, caps: []uintptr{chown}},
		"user with CHOWN, DAC":            {uid: 65532, caps: []uintptr{chown, dac}},
		"user with CHOWN, FOWNER":         {uid: 65532, caps: []uintptr{chown, fowner}},
		"user with CHOWN, DAC, FOWNER":    {uid: 65532, caps: []uintptr{chown, dac, fowner}},
		"user with DAC and without CHOWN": {uid: 65532, caps: []uintptr{dac}},
	}
	var restarted, refused atomic.Int64
	t.Run("cells", func(t *testing.T) {
		for name, a := range accounts {
			for _, variables := range permissions(a.uid) {
				for _, shared := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s %v shared=%v", name, variables, shared), func(t *testing.T) {
						t.Parallel()
						if path := socketIn(t, a.uid, shared); a.startsAgain(t, path, append(variables, "COSI_ENDPOINT="+path)) {
							restarted.Add(1)
						} else {
							refused.Add(1)
						}
					})
				}
			}
		}
	})
	if restarted.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d combinations start again and %d are refused, want some of each", restarted.Load(), refused.Load())
	}
}

// permissions lists combinations of the socket's variables: whether it goes to another user, to another group, and whether
// its group may write to it.
func permissions(uid int) (list [][]string) {
	other := "65532"
	if uid == 65532 {
		other = "54321"
	}
	for _, user := range []string{"", other} {
		for _, group := range []string{"", "54322"} {
			for _, mode := range []string{"0755", "0775"} {
				list = append(list, []string{
					"X_COSI_ENDPOINT_USER=" + user, "X_COSI_ENDPOINT_GROUP=" + group, "X_COSI_ENDPOINT_PERMS=" + mode,
				})
			}
		}
	}
	return list
}

// socketIn returns a path in a folder of the user, or in one that all users share.
func socketIn(t *testing.T, uid int, shared bool) string {
	t.Helper()
	dir := harness.ShortDir(t)
	mode := os.FileMode(0o755)
	if shared {
		uid, mode = 1, os.ModeSticky|0o777
	}
	if err := errors.Join(os.Lchown(dir, uid, uid), os.Chmod(dir, mode)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "cosi.sock")
}

// startsAgain reports whether a driver starts, and fails the test unless it then starts again after a kill, or had said
// what it wants.
func (a account) startsAgain(t *testing.T, path string, variables []string) bool {
	t.Helper()
	first := a.spawn(t, variables...)
	if line := first.Line(t); !strings.HasPrefix(line, "listening: ") {
		if !strings.Contains(line, "want ") || strings.Contains(line, "<nil>") {
			t.Errorf("the first start says %q, want a remedy", line)
		}
		if list := listing(t, filepath.Dir(path)); list != "" {
			t.Errorf("a refused start leaves %q, want nothing", list)
		}
		return false
	}
	first.Kill()
	second := a.spawn(t, variables...)
	second.says(t, "listening")
	if name := harness.NameAt(t, path); name != second.driverName() {
		t.Errorf("%s answers, want %s", name, second.driverName())
	}
	second.In.Close()
	if text := second.says(t, "ended"); text != "<nil>" {
		t.Errorf("the second process ended with %s", text)
	}
	if list := listing(t, filepath.Dir(path)); list != "" {
		t.Errorf("the folder holds %q after the driver ran, want nothing", list)
	}
	return true
}
