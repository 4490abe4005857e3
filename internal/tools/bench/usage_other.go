//go:build !linux

package main

import (
	"errors"
	"time"
)

// errSystem is the answer to every question that only Linux is asked.
var errSystem = errors.New("processor time and memory of processes are measured on Linux only")

func ownCPU() (time.Duration, error) { return 0, errSystem }

func cpuOf(int) (time.Duration, error) { return 0, errSystem }

func memoryOf(int) (memory, error) { return memory{}, errSystem }

func readMachine() machine { return newMachine() }
