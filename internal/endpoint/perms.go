package endpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"
)

// Perms is who may use a socket.
type Perms struct {
	Mode fs.FileMode
	UID  int // Keep: the process's
	GID  int // Keep: the process's
}

// Keep leaves a socket's owner or group as it is.
const Keep = -1

// maxID is the highest user or group number; the one above it means "leave unchanged" to chown(2).
const maxID = 1<<32 - 2

const acceptedPerms = "accepted are octal permission bits such as 0755, 755 or 0o755, with which the owner can read and write"

// ParsePerms reads the mode of a socket: octal, whatever the prefix.
func ParsePerms(text string) (fs.FileMode, error) {
	digits, prefixed := strings.CutPrefix(text, "0o")
	if !prefixed {
		digits = text
	}
	bits, err := strconv.ParseUint(digits, 8, 32)
	if err != nil || bits > uint64(fs.ModePerm) {
		return 0, errors.New(acceptedPerms)
	}
	mode := fs.FileMode(bits)
	if mode&0o600 != 0o600 {
		return 0, fmt.Errorf("the owner could not use the socket; %s", acceptedPerms)
	}
	return mode, nil
}

// ParseUser reads a user's name or number; a number needs no entry in the user database.
func ParseUser(text string) (int, error) {
	return parseID(text, "user", func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

// ParseGroup is ParseUser for groups.
func ParseGroup(text string) (int, error) {
	return parseID(text, "group", func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

func parseID(text, kind string, lookup func(string) (string, error)) (int, error) {
	number := text
	if strings.Trim(text, "0123456789") != "" {
		var err error
		if number, err = lookup(text); err != nil {
			return 0, fmt.Errorf("%w; accepted are the name of a %s of this machine, and a number", err, kind)
		}
	}
	id, err := strconv.ParseUint(number, 10, 32)
	if err != nil || id > maxID {
		return 0, fmt.Errorf("accepted are the name of a %s of this machine, and a number from 0 to %d", kind, maxID)
	}
	return int(id), nil
}
