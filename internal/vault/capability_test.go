package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// C003: what is kept to be used is sealed with AES-256-GCM, for one place.
func TestSecretsAreSealedWithAES256ForTheirPlace(t *testing.T) {
	master := bytes.Repeat([]byte{7}, 32)
	v, err := New(master)
	if err != nil {
		t.Fatal(err)
	}
	const place, secret = "ws_1/sso_1/client_secret_wo", "correct-horse-battery-staple"
	sealed, again := v.Seal(place, secret), v.Seal(place, secret)
	if sealed == again {
		t.Error("the same secret is sealed twice to the same text: the nonce is not fresh")
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || bytes.Contains(raw, []byte(secret)) {
		t.Fatalf("sealed = %q, %v", sealed, err)
	}
	// Opened by the standard library alone, with a key of 32 bytes: AES-256 in GCM.
	key := subkey(master, "seal")
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gcm.Open(nil, raw[:gcm.NonceSize()], raw[gcm.NonceSize():], []byte(place))
	if len(key) != 32 || err != nil || string(plain) != secret {
		t.Errorf("a key of %d bytes opens %q, %v", len(key), plain, err)
	}
	if got, err := v.Open(place, sealed); err != nil || got != secret {
		t.Errorf("Open = %q, %v", got, err)
	}
	other, err := New(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	for name, try := range map[string]func() (string, error){
		"in another row":         func() (string, error) { return v.Open("ws_1/sso_2/client_secret_wo", sealed) },
		"with another key":       func() (string, error) { return other.Open(place, sealed) },
		"with one bit turned":    func() (string, error) { return v.Open(place, base64.StdEncoding.EncodeToString(raw)) },
		"cut short":              func() (string, error) { return v.Open(place, sealed[:8]) },
		"as what was not sealed": func() (string, error) { return v.Open(place, secret) },
	} {
		if got, err := try(); err == nil || got != "" || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestMasterKeyIsMadeOnceAndReadableByTheOperatorAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "master.key")
	first, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info, err)
	}
	second, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.Open("here", first.Seal("here", "kept")); err != nil || got != "kept" {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	for _, size := range []int{0, 16, 31, 33} {
		if _, err := New(make([]byte, size)); err == nil {
			t.Errorf("a master key of %d bytes was accepted", size)
		}
	}
}

// A server and the command that makes the first workspace start together.
func TestProgramsThatStartTogetherUseOneMasterKey(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "data", "master.key")
		const together = 4
		vaults, errs := make([]*Vault, together), make([]error, together)
		var started sync.WaitGroup
		for i := range together {
			started.Go(func() { vaults[i], errs[i] = LoadOrCreate(path) })
		}
		started.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for _, v := range vaults {
			if got, err := v.Open("here", vaults[0].Seal("here", "kept")); err != nil || got != "kept" {
				t.Fatalf("two programs have different master keys: %q, %v", got, err)
			}
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
			t.Errorf("%d files in the folder, %v; want the key alone", len(left), err)
		}
	}
}
