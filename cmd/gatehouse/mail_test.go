package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
)

func TestMailFlagsAreCheckedAtTheStart(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const from = "Gatehouse <gatehouse@example.com>"
	for name, c := range map[string]struct {
		flags   mailFlags
		address string
		problem string
	}{
		"nothing":                  {mailFlags{}, ":8443", ""},
		"contents here":            {mailFlags{contents: true}, "127.0.0.1:8460", ""},
		"contents elsewhere":       {mailFlags{contents: true}, ":8443", "loopback"},
		"contents and a server":    {mailFlags{contents: true, url: "smtp://mail.example.com", from: from}, "127.0.0.1:0", "exclude"},
		"a sender alone":           {mailFlags{from: from}, ":8443", "--smtp-url"},
		"a server alone":           {mailFlags{url: "smtp://mail.example.com"}, ":8443", "--mail-from"},
		"all":                      {mailFlags{url: "smtp://robot@mail.example.com", passwordFile: password, from: from}, ":8443", ""},
		"a user without password":  {mailFlags{url: "smtp://robot@mail.example.com", from: from}, ":8443", "password"},
		"a password that is gone":  {mailFlags{url: "smtp://robot@mail.example.com", passwordFile: password + ".gone", from: from}, ":8443", "password"},
		"a password in the URL":    {mailFlags{url: "smtp://robot:secret@mail.example.com", from: from}, ":8443", "file"},
		"a sender that is none":    {mailFlags{url: "smtp://mail.example.com", from: "Gatehouse"}, ":8443", "sender"},
		"a server of another kind": {mailFlags{url: "imap://mail.example.com", from: from}, ":8443", "smtp://"},
	} {
		sender, err := c.flags.sender(slog.New(slog.DiscardHandler), c.address)
		switch {
		case c.problem == "" && (err != nil || sender == nil):
			t.Errorf("%s: %v", name, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s: %v, want something about %q", name, err, c.problem)
		}
		if l, ok := sender.(mail.Log); ok && l.Contents != c.flags.contents {
			t.Errorf("%s: the log has contents: %v", name, l.Contents)
		}
	}
}
