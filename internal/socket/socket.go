// Package socket makes Unix sockets that come back after a crash of their owner, and never have wider permissions than
// asked, even briefly.
package socket

import (
	"io/fs"
	"strings"
)

// Perms says who may use a socket.
type Perms struct {
	Mode fs.FileMode
	UID  int // Keep: the process's
	GID  int // Keep: the process's, or the folder's if the folder says so
}

// Keep leaves a socket's owner or group as it is.
const Keep = -1

// Folder returns the folder of a path, as the system finds it: filepath.Dir takes "link/.." for nothing, which is wrong
// when link is a symbolic link.
func Folder(path string) string {
	folder, _ := split(path)
	return folder
}

// split cuts a path before its last element.
func split(path string) (folder, name string) {
	at := strings.LastIndex(path, "/")
	folder, name = strings.TrimRight(path[:at+1], "/"), path[at+1:]
	switch {
	case at < 0:
		return ".", name
	case folder == "":
		return "/", name
	}
	return folder, name
}
