package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"regexp"
	"strconv"
	"strings"

	"github.com/doomshrine/gocosi/internal/setting"
)

var (
	modeShown = regexp.MustCompile(`^(0o)?[0-9]{1,8}$`)
	// ownerShown matches numbers, and names as systems have them; a longer one may be a token.
	ownerShown = regexp.MustCompile(`^(-?[0-9]{1,10}|[a-z_][a-z0-9_-]{0,15})$`)
)

// Mode reads the mode of a socket.
func Mode() setting.Kind[fs.FileMode] {
	return setting.Kind[fs.FileMode]{Parse: parseMode, Shown: modeShown}
}

// User reads the owner of a socket.
func User() setting.Kind[int] { return setting.Kind[int]{Parse: parseUser, Shown: ownerShown} }

// Group reads the group of a socket.
func Group() setting.Kind[int] { return setting.Kind[int]{Parse: parseGroup, Shown: ownerShown} }

// maxID is the highest user or group number; the one above it means "leave unchanged" to chown(2).
const maxID = 1<<32 - 2

const wantMode = "want octal permission bits such as 0755, 755 or 0o755 that let the owner read and write"

// parseMode reads the mode of a socket: octal, whatever the prefix.
func parseMode(text string) (fs.FileMode, error) {
	bits, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || bits > uint64(fs.ModePerm) {
		return 0, errors.New(wantMode)
	}
	mode := fs.FileMode(bits)
	if mode&0o600 != 0o600 {
		return 0, errors.New("the owner could not use the socket; " + wantMode)
	}
	return mode, nil
}

// parseUser reads a user's name or number; a number needs no entry in the user database.
func parseUser(text string) (int, error) {
	return parseID(text, "user", func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

// parseGroup reads a group's name or number.
func parseGroup(text string) (int, error) {
	return parseID(text, "group", func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

// parseID reads a number, or looks a name up. The cause of a failed look-up quotes the name, so it is left out.
func parseID(text, kind string, lookup func(string) (string, error)) (int, error) {
	number := text
	if strings.Trim(text, "0123456789") != "" {
		var err error
		if number, err = lookup(text); err != nil {
			return 0, fmt.Errorf("no such %[1]s is found; want the name of a %[1]s of this machine, or a number", kind)
		}
	}
	id, err := strconv.ParseUint(number, 10, 32)
	if err != nil || id > maxID {
		return 0, fmt.Errorf("want the name of a %s of this machine, or a number from 0 to %d", kind, maxID)
	}
	return int(id), nil
}
