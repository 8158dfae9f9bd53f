package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
)

// mailFlags say how mail leaves.
type mailFlags struct {
	url, passwordFile, from string
	contents                bool
}

func (f *mailFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.url, "smtp-url", os.Getenv("GATEHOUSE_SMTP_URL"), "mail server, smtp://[user@]host[:port] (STARTTLS) or smtps://…; without it mail is only noted in the log [GATEHOUSE_SMTP_URL]")
	c.Flags().StringVar(&f.passwordFile, "smtp-password-file", os.Getenv("GATEHOUSE_SMTP_PASSWORD_FILE"), "file with the password of the mail server's user [GATEHOUSE_SMTP_PASSWORD_FILE]")
	c.Flags().StringVar(&f.from, "mail-from", os.Getenv("GATEHOUSE_MAIL_FROM"), "sender of mail, e.g. \"Gatehouse <gatehouse@example.com>\" [GATEHOUSE_MAIL_FROM]")
	c.Flags().BoolVar(&f.contents, "mail-to-log", false, "write whole mails, codes included, into the log; for development, on a loopback address without --smtp-url")
}

// maxPasswordFile bounds what is read as a password.
const maxPasswordFile = 4 << 10

func (f *mailFlags) sender(logger *slog.Logger, address string) (mail.Sender, error) {
	if f.url == "" {
		if f.passwordFile != "" || f.from != "" {
			return nil, errors.New("--smtp-password-file and --mail-from need --smtp-url")
		}
		if host, _, err := net.SplitHostPort(address); f.contents && (err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback()) {
			return nil, errors.New("--mail-to-log is for development: it needs a loopback address in --listen")
		}
		return mail.Log{Logger: logger, Contents: f.contents}, nil
	}
	if f.contents {
		return nil, errors.New("--mail-to-log and --smtp-url exclude each other")
	}
	if f.from == "" {
		return nil, errors.New("--smtp-url needs --mail-from")
	}
	settings := mail.Settings{URL: f.url, From: f.from}
	if f.passwordFile != "" {
		file, err := os.Open(f.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("reading the mail server's password: %w", err)
		}
		defer func() { _ = file.Close() }()
		raw, err := io.ReadAll(io.LimitReader(file, maxPasswordFile))
		if err != nil {
			return nil, fmt.Errorf("reading the mail server's password: %w", err)
		}
		if settings.Password = strings.TrimRight(string(raw), "\r\n"); settings.Password == "" {
			return nil, errors.New("--smtp-password-file is empty")
		}
	}
	return mail.NewSMTP(settings)
}
