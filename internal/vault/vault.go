package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Vault holds the deployment's master key.
type Vault struct {
	aead   cipher.AEAD
	derive []byte
}

// New makes a vault from a 32-byte master key.
func New(master []byte) (*Vault, error) {
	if len(master) != 32 {
		return nil, errors.New("vault: the master key must have 32 bytes")
	}
	block, err := aes.NewCipher(subkey(master, "seal"))
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return &Vault{aead: aead, derive: subkey(master, "derive")}, nil
}

// LoadOrCreate reads the master key from a file (64 hex digits, mode 0600), making
// one when there is none. Losing the file means losing what it sealed.
func LoadOrCreate(path string) (*Vault, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := writeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("vault: making the key: %w", err)
		}
		raw, err = os.ReadFile(path) // of another process, when that was first
	}
	if err != nil {
		return nil, fmt.Errorf("vault: reading the key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("vault: %s does not hold 64 hex digits", path)
	}
	return New(key)
}

// writeKey makes a file with a new key appear whole or not at all, and never replaces
// one: a server and a command that start together on a new folder must use one key.
func writeKey(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".master-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temporary.Name())) }()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	_, err = temporary.WriteString(hex.EncodeToString(key) + "\n")
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Link(temporary.Name(), path)
}

func subkey(master []byte, purpose string) []byte {
	m := hmac.New(sha256.New, master)
	m.Write([]byte("gatehouse vault " + purpose))
	return m.Sum(nil)
}

// Seal encrypts a secret for one place (for example "ws_…/sso_…/client_secret_wo").
func (v *Vault) Seal(place, secret string) string {
	nonce := make([]byte, v.aead.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(v.aead.Seal(nonce, nonce, []byte(secret), []byte(place)))
}

// Open decrypts what Seal made for the same place.
func (v *Vault) Open(place, sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < v.aead.NonceSize() {
		return "", errors.New("vault: not a sealed secret")
	}
	n := v.aead.NonceSize()
	plain, err := v.aead.Open(nil, raw[:n], raw[n:], []byte(place))
	if err != nil {
		return "", errors.New("vault: the secret does not open; the master key or the row is another")
	}
	return string(plain), nil
}

// Derive makes the same 32-byte secret for the same name each time. Only credentials
// that a caller must be able to ask for again (one rotation of a SCIM token, read by
// an ephemeral resource at plan and at apply) are made this way.
func (v *Vault) Derive(name string) []byte {
	m := hmac.New(sha256.New, v.derive)
	m.Write([]byte(name))
	return m.Sum(nil)
}
