package tfstate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// FindCLI gives the Terraform or OpenTofu command to use: the one named, else that
// of TF_CLI, else terraform or tofu on PATH.
func FindCLI(named string) (string, error) {
	if named == "" {
		named = os.Getenv("TF_CLI")
	}
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("the command %q that should read the state cannot be found", named)
		}
		return filepath.Abs(path)
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", errors.New("neither terraform nor tofu is on PATH; name one with --terraform, or give a state file with --state")
}

// Show asks the CLI for the state of the configuration in a folder, through whatever
// backend it has.
func Show(ctx context.Context, cli, folder string) (*State, error) {
	// The command and the folder are what the caller of this program named.
	cmd := exec.CommandContext(ctx, cli, "show", "-json", "-no-color")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_LOG=")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{into: &out, left: maxState}, &limited{into: &said, left: 64 << 10}
	name := filepath.Base(cli)
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s show -json in %s: %w: %s", name, folder, err, strings.TrimSpace(said.String()))
	}
	s, err := Parse(bytes.TrimSpace(out.Bytes()))
	if err != nil {
		return nil, fmt.Errorf("%s show -json in %s: %w", name, folder, err)
	}
	s.Source = name + " show -json"
	return s, nil
}

// limited keeps the first bytes of what is written and drops the rest.
type limited struct {
	into *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.into.Write(p[:n])
	l.left -= n
	return len(p), nil
}
