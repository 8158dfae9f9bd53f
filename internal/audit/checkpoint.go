package audit

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement: the log of this workspace had this many
// leaves and this root. Whoever keeps one is a witness of everything before it.
type Checkpoint struct {
	Workspace string
	Size      int64
	Root      tlog.Hash
	Time      time.Time
}

// originPrefix starts a checkpoint's first line, its origin. The workspace is
// part of it, so that the checkpoint of one log is never valid for another.
const originPrefix = "gatehouse-audit/"

const maxCheckpoint = 8192

// ErrCheckpoint is wrapped when a checkpoint is malformed or not signed by a
// known key.
var ErrCheckpoint = errors.New("invalid audit checkpoint")

// Text is the signed text: origin, size, root and time, a line each. The first
// three are those of the C2SP tlog-checkpoint form.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s%s\n%d\n%s\n%s\n", originPrefix, c.Workspace, c.Size, c.Root, c.Time.UTC().Format(time.RFC3339Nano))
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(signer note.Signer) ([]byte, error) {
	if c.Workspace == "" || strings.ContainsAny(c.Workspace, "\n\r") {
		return nil, fmt.Errorf("%w: workspace %.50q", ErrCheckpoint, c.Workspace)
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	if err != nil {
		return nil, fmt.Errorf("signing the audit checkpoint of %s at %d: %w", c.Workspace, c.Size, err)
	}
	return signed, nil
}

// OpenCheckpoint checks the signature of a checkpoint and reads it.
func OpenCheckpoint(signed []byte, known note.Verifiers) (Checkpoint, error) {
	if len(signed) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("%w: larger than %d bytes", ErrCheckpoint, maxCheckpoint)
	}
	opened, err := note.Open(signed, known)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	return parseCheckpoint(opened.Text)
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	workspace, ok := strings.CutPrefix(lines[0], originPrefix)
	if len(lines) != 5 || lines[4] != "" || !ok || workspace == "" {
		return Checkpoint{}, fmt.Errorf("%w: not the text of an audit checkpoint", ErrCheckpoint)
	}
	c := Checkpoint{Workspace: workspace}
	var err error
	if c.Size, err = parseDecimal(lines[1]); err != nil || c.Size < 1 {
		return Checkpoint{}, fmt.Errorf("%w: its size", ErrCheckpoint)
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: its root", ErrCheckpoint)
	}
	if c.Time, err = time.Parse(time.RFC3339Nano, lines[3]); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: its time", ErrCheckpoint)
	}
	return c, nil
}

// CheckConsistency tells whether the log behind a later checkpoint begins with
// exactly the events behind an earlier one. A witness (the Terraform provider's
// data source) needs its stored checkpoint, the current one and the proof.
func CheckConsistency(earlier, later []byte, proof []tlog.Hash, known note.Verifiers) error {
	before, err := OpenCheckpoint(earlier, known)
	if err != nil {
		return fmt.Errorf("the earlier checkpoint: %w", err)
	}
	after, err := OpenCheckpoint(later, known)
	if err != nil {
		return fmt.Errorf("the later checkpoint: %w", err)
	}
	if before.Workspace != after.Workspace {
		return fmt.Errorf("%w: they are of two workspaces, %s and %s", ErrInconsistent, before.Workspace, after.Workspace)
	}
	if after.Size < before.Size {
		return fmt.Errorf("%w: the log of %s shrank from %d to %d events", ErrInconsistent, after.Workspace, before.Size, after.Size)
	}
	if err := tlog.CheckTree(proof, after.Size, after.Root, before.Size, before.Root); err != nil {
		return fmt.Errorf("%w: the log of %s with %d events does not begin with the %d events of the earlier checkpoint", ErrInconsistent, after.Workspace, after.Size, before.Size)
	}
	return nil
}

// ErrInconsistent says that a log was rewritten.
var ErrInconsistent = errors.New("inconsistent audit log")

// signedSize is the size in a checkpoint whose signature the reader will check.
func signedSize(signed []byte) (int64, error) {
	text, _, found := strings.Cut(string(signed), "\n\n")
	if !found {
		return 0, fmt.Errorf("%w: it has no signature", ErrCheckpoint)
	}
	c, err := parseCheckpoint(text + "\n")
	return c.Size, err
}
