//go:build !linux

package main

import (
	"errors"
	"time"
)

// errSystem reports that this system does not provide the costs of processes.
var errSystem = errors.New("cannot measure the processor time and memory of processes on this system, want Linux")

func ownCPU() (time.Duration, error) { return 0, errSystem }

func cpuOf(int) (time.Duration, error) { return 0, errSystem }

func memoryOf(int) (memory, error) { return memory{}, errSystem }

func readMachine() machine { return newMachine() }
