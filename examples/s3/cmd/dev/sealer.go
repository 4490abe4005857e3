package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

const sealKeySize = 32

// sealerIn seals by the key that lies with the store's data; the first start makes one.
func sealerIn(folder string) (*driver.Sealer, error) {
	text, err := findOrMakeKey(filepath.Join(folder, "seal.key"))
	if err != nil {
		return nil, err
	}
	return driver.NewSealer(string(text))
}

func findOrMakeKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	return text, err
}

func makeKey(path string) ([]byte, error) {
	key := make([]byte, sealKeySize)
	_, _ = rand.Read(key) // never fails
	text := []byte(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return text, os.WriteFile(path, text, 0o600)
}
