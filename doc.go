// Package gocosi
package gocosi
