package drift

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Sealed is a report as it is kept: the report, and a signed note over its digest.
type Sealed struct {
	Report json.RawMessage `json:"report"`
	// Signature is a signed note (golang.org/x/mod/sumdb/note) whose text is the
	// schema and the SHA-256 of the report without insignificant white space.
	Signature string `json:"signature,omitempty"`
	// PublicKey verifies it; a reader who knows the signer uses a key of their own.
	PublicKey string `json:"public_key,omitempty"`
}

// ErrSeal is wrapped when a sealed report cannot be trusted.
var ErrSeal = errors.New("the drift report is not as it was signed")

// Seal signs a report.
func Seal(r *Report, key audit.Key) (*Sealed, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding the drift report: %w", err)
	}
	text, err := sealText(raw)
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: text}, key.Signer)
	if err != nil {
		return nil, fmt.Errorf("signing the drift report: %w", err)
	}
	return &Sealed{Report: raw, Signature: string(signed), PublicKey: key.Public}, nil
}

func sealText(report []byte) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, report); err != nil {
		return "", fmt.Errorf("reading the drift report: %w", err)
	}
	sum := sha256.Sum256(compact.Bytes())
	return Schema + "\nsha256 " + hex.EncodeToString(sum[:]) + "\n", nil
}

const maxReport = 64 << 20

// Open reads a kept report. With known verifiers the signature must be by one of
// them; without, by the key in the file, which shows that it was not altered since
// but not by whom it was made. An unsigned report opens with signed false.
func Open(raw []byte, known note.Verifiers) (r *Report, signed bool, err error) {
	if len(raw) > maxReport {
		return nil, false, fmt.Errorf("the drift report is larger than %d MiB", maxReport>>20)
	}
	var s Sealed
	if err := json.Unmarshal(raw, &s); err != nil || len(s.Report) == 0 {
		return nil, false, errors.New("this is not a drift report; make one with `gatehouse drift --format json`")
	}
	r = &Report{}
	if err := json.Unmarshal(s.Report, r); err != nil || r.Schema != Schema {
		return nil, false, fmt.Errorf("this is no drift report of form %s", Schema)
	}
	if s.Signature == "" {
		return r, false, nil
	}
	if known == nil {
		v, err := note.NewVerifier(strings.TrimSpace(s.PublicKey))
		if err != nil {
			return nil, false, fmt.Errorf("%w: its public key cannot be read", ErrSeal)
		}
		known = note.VerifierList(v)
	}
	opened, err := note.Open([]byte(s.Signature), known)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %v", ErrSeal, err)
	}
	text, err := sealText(s.Report)
	if err != nil {
		return nil, false, err
	}
	if opened.Text != text {
		return nil, false, fmt.Errorf("%w: its digest is another", ErrSeal)
	}
	return r, true, nil
}
