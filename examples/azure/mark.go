package main

import (
	"strconv"
	"strings"
)

// mark is what a container's metadata says of who made it, and how. It is written by the call that makes the container,
// so there is no moment in which a container of ours has none. A holder of a shared access signature cannot change it.
type mark struct {
	driver     string
	parameters bucketParameters
}

// The names under which a mark is stored. Azure takes letters, digits and underscores.
const (
	markDriver        = "cosi_driver"
	markEmptyOnDelete = "cosi_empty_on_delete"
)

func (m mark) metadata() map[string]*string {
	return map[string]*string{
		markDriver:        &m.driver,
		markEmptyOnDelete: new(strconv.FormatBool(m.parameters.emptyOnDelete)),
	}
}

// readMark reads what metadata wrote. HTTP does not keep the case of names.
func readMark(metadata map[string]*string) mark {
	lower := map[string]string{}
	for name, value := range metadata {
		if value != nil {
			lower[strings.ToLower(name)] = *value
		}
	}
	return mark{driver: lower[markDriver], parameters: bucketParameters{emptyOnDelete: lower[markEmptyOnDelete] == yes}}
}
