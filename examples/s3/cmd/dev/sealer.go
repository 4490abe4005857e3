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
	path := filepath.Join(folder, "seal.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeKey(path)
	}
	if err != nil {
		return nil, err
	}
	return driver.NewSealer(string(text))
}

func makeKey(path string) ([]byte, error) {
	key := make([]byte, sealKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	text := []byte(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return text, os.WriteFile(path, text, 0o600)
}
