package socket_test

import (
	"fmt"
	"io/fs"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/socket"
)

func TestParsePerms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fs.FileMode{
		"0755": 0o755, "755": 0o755, "0o755": 0o755, "00755": 0o755,
		"0660": 0o660, "660": 0o660, "0o660": 0o660, "0o640": 0o640,
		"0600": 0o600, "0777": 0o777,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if mode, err := socket.Mode().Parse(text); err != nil || mode != want {
				t.Fatalf("Mode = %04o, %v; want %04o", mode, err, want)
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
			mode, err := socket.Mode().Parse(text)
			if err == nil || mode != 0 || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), form) {
				t.Fatalf("Mode = %04o, %v; want an error with %q", mode, err, reason)
			}
		})
	}
}

func TestParseOwner(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"0": 0, "65532": 65532, "4200000": 4200000, "00012": 12, "4294967294": 4294967294, "root": 0,
		"4294967295": -1, "4294967296": -1, "99999999999999999999": -1, "-1": -1, "+1": -1, "0x10": -1, "1.5": -1,
		"no-such-name": -1, " 0": -1, "": -1, "\uff10": -1, "1e3": -1,
	} {
		t.Run(strconv.Quote(text), func(t *testing.T) {
			t.Parallel()
			for kind, parse := range map[string]func(string) (int, error){"user": socket.User().Parse, "group": socket.Group().Parse} {
				if text == "root" && kind == "group" {
					continue // some systems lack the group
				}
				id, err := parse(text)
				switch {
				case want >= 0 && (err != nil || id != want):
					t.Errorf("%s: %d, %v; want %d", kind, id, err, want)
				case want < 0 && (err == nil || id != 0 || !strings.Contains(err.Error(), "the name of a "+kind)):
					t.Errorf("%s: %d, %v; want a refusal that says what is accepted", kind, id, err)
				}
			}
		})
	}
}

// TestParseNames looks names up.
func TestParseNames(t *testing.T) {
	t.Parallel()
	group, err := user.LookupGroupId("0")
	if err != nil {
		t.Skipf("the system names no group 0: %v", err)
	}
	if id, err := socket.Group().Parse(group.Name); err != nil || id != 0 {
		t.Errorf("group %s: %d, %v; want 0", group.Name, id, err)
	}
	for kind, parse := range map[string]func(string) (int, error){"user": socket.User().Parse, "group": socket.Group().Parse} {
		if _, err := parse("no-such-name"); err == nil || !strings.HasPrefix(err.Error(), "no such "+kind+" is found") {
			t.Errorf("%s: %v; want an error that nobody has the name", kind, err)
		}
	}
}

// TestWhatErrorsShow has texts that look like a value, and texts that may be a secret.
func TestWhatErrorsShow(t *testing.T) {
	t.Parallel()
	read := map[string]func(text string) error{
		"mode":  func(text string) error { _, err := socket.Mode().Read("NAME", text); return err },
		"user":  func(text string) error { _, err := socket.User().Read("NAME", text); return err },
		"group": func(text string) error { _, err := socket.Group().Read("NAME", text); return err },
	}
	for text, shown := range map[string][]string{
		"999": {"mode"}, "0o999": {"mode"}, "-1": {"user", "group"}, "no-such-name": {"user", "group"},
		"no-such-name-at-all": nil, "Secret": nil, "hunter2/hunter2": nil,
	} {
		for kind, read := range read {
			err := read(text)
			if text == "999" && kind != "mode" {
				continue // it is right
			}
			if err == nil || strings.Contains(err.Error(), text) != slices.Contains(shown, kind) {
				t.Errorf("%s: %v; want an error that shows %q: %t", kind, err, text, slices.Contains(shown, kind))
			}
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/a": "/", "//a": "/", "a": ".", "r/a": "r", "/r/a": "/r", "/r//a": "/r", "/r/../a": "/r/..", "": ".", "/": "/",
	} {
		if got := socket.Folder(path); got != want {
			t.Errorf("the folder of %q is %q, want %q", path, got, want)
		}
	}
}

func FuzzParsePerms(f *testing.F) {
	for _, text := range []string{"0755", "755", "0o640", "0o", "rw", "-1", "07777", "99999", "0x1ff", "0b11", "0_660", "0", "888"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mode, err := socket.Mode().Parse(text)
		if err != nil {
			if mode != 0 {
				t.Errorf("got the mode %o with an error, want 0", mode)
			}
			return
		}
		if mode < 0o600 || mode > 0o777 || mode&0o600 != 0o600 {
			t.Errorf("%q is read as %o", text, mode)
		}
		if again, err := socket.Mode().Parse(fmt.Sprintf("%04o", mode)); err != nil || again != mode {
			t.Errorf("%o, read again, is %o, %v", mode, again, err)
		}
	})
}
