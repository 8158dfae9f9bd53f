package assurance

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Register is what people state: exceptions from checks, attestations of what cannot
// be measured, and who answers for findings. It is a YAML file in the repository.
type Register struct {
	Exceptions   []Exception   `yaml:"exceptions" json:"exceptions,omitempty"`
	Attestations []Attestation `yaml:"attestations" json:"attestations,omitempty"`
	Findings     []Ownership   `yaml:"findings" json:"findings,omitempty"`
}

// Exception accepts that a check fails, for a while.
type Exception struct {
	Check     string    `yaml:"check" json:"check"`
	Reason    string    `yaml:"reason" json:"reason"`
	Approver  string    `yaml:"approver" json:"approver"`
	ExpiresAt time.Time `yaml:"expires_at" json:"expires_at"`
}

// Attestation is a statement of a person about what this program cannot measure.
type Attestation struct {
	Check     string    `yaml:"check" json:"check"`
	Statement string    `yaml:"statement" json:"statement"`
	Author    string    `yaml:"author" json:"author"`
	Date      time.Time `yaml:"date" json:"date"`
	ExpiresAt time.Time `yaml:"expires_at" json:"expires_at"`
	// Artefact is the SHA-256 of the document that the statement rests on.
	Artefact string `yaml:"artefact_sha256" json:"artefact_sha256"`
}

// Ownership says who answers for a failing check, and until when.
type Ownership struct {
	Check string    `yaml:"check" json:"check"`
	Owner string    `yaml:"owner" json:"owner"`
	Due   time.Time `yaml:"due" json:"due"`
}

const maxRegister = 1 << 20

// ReadRegister reads and checks a register.
func ReadRegister(r io.Reader) (*Register, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxRegister+1))
	if err != nil {
		return nil, fmt.Errorf("reading the register: %w", err)
	}
	if len(raw) > maxRegister {
		return nil, fmt.Errorf("the register is larger than %d KiB", maxRegister>>10)
	}
	var out Register
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&out); err != nil && err != io.EOF { //nolint:errorlint // the decoder returns io.EOF itself
		return nil, fmt.Errorf("reading the register: %w", err)
	}
	return &out, out.check()
}

func (r *Register) check() error {
	known := func(where, id string) error {
		if check, ok := TheCatalogue().Find(id); !ok || check.ID != id {
			return fmt.Errorf("%s: there is no check %q; write its id, e.g. GH-ID-02", where, id)
		}
		return nil
	}
	for i, e := range r.Exceptions {
		where := fmt.Sprintf("exception %d", i+1)
		if err := known(where, e.Check); err != nil {
			return err
		}
		if e.Reason == "" || e.Approver == "" || e.ExpiresAt.IsZero() {
			return fmt.Errorf("%s (%s) needs reason, approver and expires_at", where, e.Check)
		}
	}
	for i, a := range r.Attestations {
		where := fmt.Sprintf("attestation %d", i+1)
		if err := known(where, a.Check); err != nil {
			return err
		}
		if a.Statement == "" || a.Author == "" || a.Date.IsZero() || a.ExpiresAt.IsZero() {
			return fmt.Errorf("%s (%s) needs statement, author, date and expires_at", where, a.Check)
		}
		if len(a.Artefact) != 64 || strings.Trim(strings.ToLower(a.Artefact), "0123456789abcdef") != "" {
			return fmt.Errorf("%s (%s): artefact_sha256 is the digest of the document that it rests on, 64 hexadecimal digits", where, a.Check)
		}
	}
	for i, f := range r.Findings {
		where := fmt.Sprintf("finding %d", i+1)
		if err := known(where, f.Check); err != nil {
			return err
		}
		if f.Owner == "" || f.Due.IsZero() {
			return fmt.Errorf("%s (%s) needs owner and due", where, f.Check)
		}
	}
	return nil
}

// exceptionFor is the exception of a check that lasts longest; nil if there is none.
func (r *Register) exceptionFor(id string) *Exception {
	var out *Exception
	if r == nil {
		return nil
	}
	for i := range r.Exceptions {
		if e := &r.Exceptions[i]; e.Check == id && (out == nil || e.ExpiresAt.After(out.ExpiresAt)) {
			out = e
		}
	}
	return out
}

// attestationFor is the newest attestation of a check.
func (r *Register) attestationFor(id string) *Attestation {
	var out *Attestation
	if r == nil {
		return nil
	}
	for i := range r.Attestations {
		if a := &r.Attestations[i]; a.Check == id && (out == nil || a.Date.After(out.Date)) {
			out = a
		}
	}
	return out
}
