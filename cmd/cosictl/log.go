package main

import (
	"fmt"
	"io"
	"os"
)

// maxLog is how much of a driver's log is looked at: the end of it.
const maxLog = 16 << 20

// driverLog is a file that a driver appends its log to.
type driverLog struct {
	name  string
	begin int64 // how long it was before the check
}

// followLog returns what reads the driver's log from here on; nil when no file is given. What stands there already is of
// another run: it could make up for a file that this driver does not write to.
func followLog(f file) (func() string, error) {
	if !f.given {
		return nil, nil //nolint:nilnil // no log
	}
	log, err := os.Open(f.name)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file, and cannot be read more than once", f.name)
	}
	return driverLog{f.name, info.Size()}.read, nil
}

// read returns what was written since the check began; "" when it cannot be read any more, which the kit takes for no log.
func (l driverLog) read() string {
	log, err := os.Open(l.name)
	if err != nil {
		return ""
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return ""
	}
	begin := l.begin
	if info.Size() < begin { // another file took its place, or it was emptied
		begin = 0
	}
	begin = max(begin, info.Size()-maxLog)
	text, err := io.ReadAll(io.NewSectionReader(log, begin, info.Size()-begin))
	if err != nil {
		return ""
	}
	return string(text)
}
