//go:build !linux

package main

// peak is not known here.
func peak(_ int, ended <-chan struct{}) int64 { <-ended; return 0 }
