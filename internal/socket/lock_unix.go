//go:build unix

package socket

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	startLockWait  = 10 * time.Second // for other processes that start or end
	endLockWait    = time.Second      // the same at a drain
	folderLockPoll = 10 * time.Millisecond
)

// lockFolder takes the advisory lock of the folder's descriptor, which leaves no file behind and dies with the process.
func lockFolder(ctx context.Context, folder string, patience time.Duration) (unlock func(), err error) {
	f, err := os.Open(folder)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w; want a folder that user %d may read, to lock it", err, os.Geteuid())
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := awaitLock(ctx, f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// awaitLock asks again and again: a blocking flock would not obey ctx.
func awaitLock(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(folderLockPoll)
	defer tick.Stop()
	for {
		if locked, err := tryLock(f); locked || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("another process%s holds the lock of the folder %s: %w; want it to end, or a folder of its own for each driver",
				lockHolder(f), f.Name(), ctx.Err())
		}
	}
}

func tryLock(f *os.File) (locked bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock "+f.Name(), err)
}
