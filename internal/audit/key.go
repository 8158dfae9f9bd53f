package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key signs checkpoints (Ed25519, in the signed-note form of sumdb/note).
type Key struct {
	Name     string
	Signer   note.Signer
	Verifier note.Verifier
	// Public is the verifier's text form, name+hash+base64: publish it, give it
	// to auditors, keep it in the Terraform configuration.
	Public string
}

const maxKeyFile = 4096

// LoadOrCreateKey reads the signing key at path, or makes one under name if no
// file is there (mode 0600). An existing key keeps its own name. A file that
// others can read is refused: whoever has the key can sign another history.
func LoadOrCreateKey(path, name string) (Key, error) {
	key, err := loadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	secret, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return Key{}, fmt.Errorf("making an audit signing key named %.80q: %w", name, err)
	}
	if err := writeKey(path, secret); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("writing the audit signing key %s: %w", path, err)
	}
	// If another process was first, this reads its key.
	return loadKey(path)
}

// NewKey reads a key from its secret text form.
func NewKey(secret string) (Key, error) {
	secret = strings.TrimSpace(secret)
	signer, err := note.NewSigner(secret)
	if err != nil {
		return Key{}, errors.New("malformed audit signing key")
	}
	// PRIVATE+KEY+<name>+<hash>+<base64 of algorithm and seed>
	parts := strings.SplitN(secret, "+", 5)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return Key{}, errors.New("malformed audit signing key")
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	text, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return Key{}, fmt.Errorf("deriving the public audit key: %w", err)
	}
	verifier, err := note.NewVerifier(text)
	if err != nil {
		return Key{}, fmt.Errorf("deriving the public audit key: %w", err)
	}
	return Key{Name: signer.Name(), Signer: signer, Verifier: verifier, Public: text}, nil
}

func loadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("reading the audit signing key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("the audit signing key %s has mode %04o: make it 0600, it must be readable by its owner alone", path, info.Mode().Perm())
	}
	if info.Size() > maxKeyFile {
		return Key{}, fmt.Errorf("the audit signing key %s is larger than a key", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("reading the audit signing key: %w", err)
	}
	key, err := NewKey(string(bytes.TrimSpace(text)))
	if err != nil {
		return Key{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return key, nil
}

// writeKey makes the file appear whole or not at all, and never replaces one.
func writeKey(path, secret string) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".audit-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temporary.Name())) }()
	_, err = temporary.WriteString(secret + "\n")
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Link(temporary.Name(), path)
}
