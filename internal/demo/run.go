package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func (s *story) title(text string) {
	s.chapter++
	fmt.Printf("\n── %d. %s\n", s.chapter, text)
}

func (s *story) say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// relative shortens paths inside the checkout, as a reader would type them.
func (s *story) relative(path string) string {
	if rel, err := filepath.Rel(s.root, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// command is one program that the story runs.
type command struct {
	dir   string
	env   []string // shown before the command
	quiet []string // not shown: said once at the beginning
	args  []string
	want  int // exit code that the story expects
	mute  bool
}

// run prints a command, runs it, prints what it says, and checks its exit code.
func (s *story) run(ctx context.Context, c command) (string, error) {
	shown := make([]string, len(c.args))
	for i, a := range c.args {
		shown[i] = s.relative(a)
		if flag, path, ok := strings.Cut(a, "="); ok && filepath.IsAbs(path) {
			shown[i] = flag + "=" + s.relative(path)
		}
		if strings.ContainsAny(shown[i], " \"{}*?") {
			shown[i] = "'" + shown[i] + "'"
		}
	}
	fmt.Println("$ " + strings.Join(append(append([]string{}, c.env...), shown...), " "))
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...) //nolint:gosec // the story runs the programs that it was given
	cmd.Dir = c.dir
	cmd.Env = append(append(os.Environ(), c.quiet...), c.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		return "", fmt.Errorf("%s: %w", shown[0], err)
	}
	if !c.mute || code != c.want {
		indent(out.String())
	}
	if code != c.want {
		return "", fmt.Errorf("%s exited with %d; the story expects %d", strings.Join(shown, " "), code, c.want)
	}
	return out.String(), nil
}

func indent(text string) {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return
	}
	for line := range strings.Lines(text) {
		fmt.Print("  " + line)
	}
	fmt.Println()
}

// start builds nothing (make demo has) and starts the control plane on a free port.
func (s *story) start(ctx context.Context) (stop func(), err error) {
	s.title("Start the control plane on a loopback port, with an empty SQLite store")
	data := filepath.Join(s.folder, "data")
	args := []string{filepath.Join(s.bin, "gatehouse"), "serve", "--data", data, "--listen", "127.0.0.1:0"}
	fmt.Println("$ " + s.relative(args[0]) + " serve --data " + s.relative(data) + " --listen 127.0.0.1:0 &")
	logs, err := os.Create(filepath.Join(s.folder, "serve.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...) //nolint:gosec // the story runs the programs that it was given
	cmd.Stderr = logs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
		}
		_ = logs.Close()
	}
	line, err := firstLine(stdout)
	if err != nil {
		stop()
		return nil, fmt.Errorf("the control plane did not start; see %s: %w", logs.Name(), err)
	}
	indent(line)
	for word := range strings.FieldsSeq(line) {
		if strings.HasPrefix(word, "http") {
			s.endpoint = word
		}
	}
	if s.endpoint == "" {
		stop()
		return nil, errors.New("the control plane did not say where it listens")
	}
	return stop, nil
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	return line, err
}

// environment is what every command of a stack needs; it is said once.
func (s *story) environment(st stack) ([]string, error) {
	token, err := os.ReadFile(s.tokenFile(st))
	if err != nil {
		return nil, err
	}
	return []string{
		"GATEHOUSE_ENDPOINT=" + s.endpoint, "GATEHOUSE_TOKEN=" + strings.TrimSpace(string(token)), "GATEHOUSE_WORKSPACE=" + st.name,
		"TF_CLI_CONFIG_FILE=" + filepath.Join(s.folder, "terraform.rc"), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "NO_COLOR=1",
	}, nil
}

func (s *story) tokenFile(st stack) string { return filepath.Join(s.folder, st.name+".token") }
