package driver

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Sealer encrypts the secret of an access key, so that it can be kept: IAM shows it only once, and a repeated grant must
// return it again (requirement GRANT-5). Safe for concurrent use.
type Sealer struct {
	ciphers []cipher.AEAD // the first one seals; any of them opens
}

// sealKeySize makes it AES-256.
const sealKeySize = 32

// NewSealer reads keys, one a line: 32 random bytes in base64, as "openssl rand -base64 32" prints. The first one seals,
// the others open what was sealed before a rotation.
func NewSealer(text string) (*Sealer, error) {
	s := &Sealer{}
	for i, line := range strings.Fields(text) {
		aead, err := newCipher(line)
		if err != nil {
			return nil, fmt.Errorf("key %d %w", i+1, err)
		}
		s.ciphers = append(s.ciphers, aead)
	}
	if len(s.ciphers) == 0 {
		return nil, errors.New("holds no key")
	}
	return s, nil
}

func newCipher(line string) (cipher.AEAD, error) {
	key, err := base64.StdEncoding.DecodeString(line)
	if err != nil || len(key) != sealKeySize {
		return nil, fmt.Errorf("is not %d bytes in base64, as \"openssl rand -base64 %[1]d\" prints", sealKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// key is an access key as it is sealed.
type key struct {
	id     string
	secret string
}

// seal encrypts a key. It opens for the same account and bucket only.
func (s *Sealer) seal(k key, account, bucket string) string {
	sealed := s.ciphers[0].Seal(nil, nil, //nolint:gosec // this cipher draws a nonce of its own
		[]byte(k.id+"\n"+k.secret), boundTo(account, bucket))
	return base64.StdEncoding.EncodeToString(sealed)
}

var errSealed = errors.New("no key of " + EnvSealKeyFile + " opens the secret that is kept for it")

// open decrypts a key, and says whether another than the first one sealed it.
func (s *Sealer) open(text, account, bucket string) (k key, old bool, err error) {
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return key{}, false, errSealed
	}
	for i, c := range s.ciphers {
		if plain, err := c.Open(nil, nil, sealed, boundTo(account, bucket)); err == nil {
			id, secret, _ := strings.Cut(string(plain), "\n")
			return key{id: id, secret: secret}, i > 0, nil
		}
	}
	return key{}, false, errSealed
}

// boundTo is the associated data: neither name can hold a line break.
func boundTo(account, bucket string) []byte {
	return []byte(account + "\n" + bucket)
}
