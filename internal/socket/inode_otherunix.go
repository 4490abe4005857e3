//go:build unix && !linux

package socket

import (
	"context"
	"io/fs"
	"os"
)

// inode is the file at a path. These systems cannot hold a socket by a descriptor; narrow sees to it that nobody else can
// replace it.
type inode struct {
	path string
	info fs.FileInfo
}

func openInode(path string) (*inode, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return &inode{path, info}, nil
}

func (i *inode) name() string { return i.path }

func (*inode) close() {}

// prove trusts the folder, which only its owner can enter.
func (*ownedSocket) prove(_ context.Context, in *inode) error {
	if in.info.Mode().Type() != fs.ModeSocket {
		return in.replaced()
	}
	return nil
}

// remove takes the path away from the file, and from no other.
func (i *inode) remove() error {
	info, err := os.Lstat(i.path)
	if err != nil {
		return err
	}
	if !os.SameFile(info, i.info) {
		return i.replaced()
	}
	return os.Remove(i.path)
}

// ownsEverything reports whether the process is root.
func ownsEverything() bool { return os.Geteuid() == 0 }

// lockHolder knows nobody: these systems have no list of locks.
func lockHolder(*os.File) string { return "" }
