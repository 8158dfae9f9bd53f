package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// process is a command of the built binary that serves, so that what it holds in
// memory is its own and not the bench's.
type process struct {
	name string // as it is told: "serve"
	url  string
	pid  int
	stop func()
}

// announcement passes on the first line that a command prints, which says where it serves.
type announcement struct {
	text bytes.Buffer
	line chan string // holds one
	told bool
}

func (a *announcement) Write(p []byte) (int, error) {
	if !a.told {
		a.text.Write(p)
		if line, _, whole := strings.Cut(a.text.String(), "\n"); whole {
			a.told = true
			a.line <- line
		}
	}
	return len(p), nil
}

var address = regexp.MustCompile(`https?://\S+`)

// startProcess starts a command and waits until it says where it serves. Its log goes
// into a file of that name in the scratch folder.
func (b *bench) startProcess(ctx context.Context, name string, args ...string) (*process, error) {
	path := filepath.Join(b.folder, name+".log")
	log, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "gatehouse"), args...) //nolint:gosec // the command line names the binaries to measure
	// An interrupt lets it finish its requests and close its store.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	said := &announcement{line: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = said, log
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}()
	stop := func() {
		cancel()
		<-ended
	}
	fail := func(why string) (*process, error) {
		stop()
		told, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("gatehouse %s: %s\n%s", args[0], why, tail(told))
	}
	select {
	case line := <-said.line:
		url := address.FindString(line)
		if url == "" {
			return fail("said " + line)
		}
		return &process{name: args[0], url: url, pid: cmd.Process.Pid, stop: stop}, nil
	case <-ended:
		return fail("ended at once")
	case <-time.After(30 * time.Second):
		return fail("said nothing for 30 seconds")
	}
}

// runOnce runs a command of the built binary to its end.
func (b *bench) runOnce(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(b.bin, "gatehouse"), args...).CombinedOutput() //nolint:gosec // the command line names the binaries to measure
	if err != nil {
		return fmt.Errorf("gatehouse %s: %w\n%s", args[0], err, tail(out))
	}
	return nil
}

// resident is what a process holds in memory: now, and at its highest so far.
type resident struct{ now, peak int64 }

// memory asks the kernel. Only Linux tells what a process held at its highest; anywhere
// else it is not known.
func (p *process) memory() (resident, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return resident{}, false
	}
	var r resident
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			r.now = kib << 10
		case "VmHWM":
			r.peak = kib << 10
		}
	}
	return r, r.peak > 0
}

// processor is what the process has used of the processor; 0 where /proc does not tell.
func (p *process) processor() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return 0
	}
	// The command's name may hold anything, so fields count from behind it: proc(5)
	// has utime and stime as the 14th and 15th, in ticks of 10 ms.
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := strings.Fields(string(rest))
	const utime, stime = 11, 12
	if len(fields) <= stime {
		return 0
	}
	var ticks int64
	for _, f := range []string{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
