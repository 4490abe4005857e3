package gocosi

import (
	"fmt"

	"github.com/doomshrine/gocosi/internal/socket"
)

// permsFields returns what the line at start says of a socket's permissions, as they are: a folder may give its group.
func permsFields(path string) []any {
	p, err := socket.PermsAt(path)
	if err != nil {
		return nil // an abstract socket, or one that is gone
	}
	return []any{"mode", fmt.Sprintf("%04o", p.Mode), "uid", p.UID, "gid", p.GID}
}
