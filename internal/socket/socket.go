// Package socket makes Unix sockets that come back after a crash of their owner, and never have wider permissions than
// asked, even briefly.
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
