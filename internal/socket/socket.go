// Package socket makes a Unix socket that comes back after a crash and is never wider than asked, not for a moment.
package socket

import "io/fs"

// Perms says who may use a socket.
type Perms struct {
	Mode fs.FileMode
	UID  int // Keep: the process's
	GID  int // Keep: the process's
}

// Keep leaves a socket's owner or group as it is.
const Keep = -1
