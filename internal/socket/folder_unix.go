//go:build unix

package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// folderMode lets everybody enter a folder that is made, as a socket's own mode says who may use it.
const folderMode = 0o755

// makeFolder makes a folder that is missing, and its parents.
func makeFolder(folder string) error {
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeFolder(Folder(folder)); err != nil {
		return err
	}
	err := os.Mkdir(folder, folderMode)
	if errors.Is(err, fs.ErrExist) { // by another process, or a link to nothing
		_, err = os.Stat(folder)
		return err
	}
	if err != nil {
		return err
	}
	return openFolder(folder)
}

// openFolder gives a folder that was just made what the umask took from it.
func openFolder(folder string) error {
	in, err := openInode(folder)
	if err != nil {
		return err
	}
	defer in.close()
	mode := in.info.Mode()
	if mode.Perm() == folderMode {
		return nil
	}
	parent, err := os.Stat(Folder(folder))
	if err != nil {
		return err
	}
	if !mode.IsDir() || int(stat(in.info).Uid) != os.Geteuid() || replacers(parent) != "" {
		return fmt.Errorf("the folder %s has mode %04o and may be another process's; want an umask such as 022, or a folder made before",
			folder, mode.Perm())
	}
	return in.named(os.Chmod(in.name(), mode&^fs.ModePerm|folderMode))
}

// writers says which other users can write to a folder; "": nobody but root.
func writers(folder fs.FileInfo) string {
	switch mode := folder.Mode(); {
	case mode&0o002 != 0:
		return "every user"
	case mode&0o020 != 0:
		return fmt.Sprintf("group %d", stat(folder).Gid)
	}
	return foreignOwner(folder)
}

// replacers says which other users can replace what is in a folder: with the sticky bit only its owner.
func replacers(folder fs.FileInfo) string {
	if folder.Mode()&fs.ModeSticky != 0 {
		return foreignOwner(folder)
	}
	return writers(folder)
}

func foreignOwner(folder fs.FileInfo) string {
	owner := int(stat(folder).Uid)
	if owner == 0 || owner == os.Geteuid() {
		return ""
	}
	return fmt.Sprintf("user %d", owner)
}

// Warnings lists the folders on the way to the socket in which other users can put something in its place.
func Warnings(path string) (reasons []string) {
	if path == "" || path[0] == '@' { // an abstract socket lies in no folder
		return nil
	}
	own := Folder(path)
	var seen []fs.FileInfo
	for _, folder := range wayTo(own) {
		info, err := os.Stat(folder)
		if err != nil || slices.ContainsFunc(seen, func(old fs.FileInfo) bool { return os.SameFile(old, info) }) {
			continue
		}
		seen = append(seen, info)
		if reason := weakness(folder, info, folder == own); reason != "" {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// weakness says what others can do in a folder. A name that is free matters in the socket's own only.
func weakness(folder string, info fs.FileInfo, own bool) string {
	if who := replacers(info); who != "" {
		return fmt.Sprintf("%s may write to %s, and replace what is there", who, folder)
	}
	if who := writers(info); who != "" && own {
		return fmt.Sprintf("%s may write to %s, and take the socket's path while the driver is down", who, folder)
	}
	return ""
}

// wayTo lists a folder and all above it: as the path names them, and as they are once links are followed.
func wayTo(folder string) (folders []string) {
	resolved, err := filepath.EvalSymlinks(folder)
	if err != nil {
		resolved = folder
	}
	for _, at := range []string{folder, resolved} {
		for ; at != "/" && at != "."; at = Folder(at) {
			folders = append(folders, at)
		}
	}
	return append(folders, "/")
}
