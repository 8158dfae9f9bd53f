package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Verification is what a reader of a folder comes to know.
type Verification struct {
	Dir      string   `json:"folder"`
	Manifest Manifest `json:"manifest"`
	// Signer is the name of the key that signed; SignerKnown tells whether it is a
	// key that the reader gave.
	Signer      string `json:"signer"`
	SignerKnown bool   `json:"signer_known"`
	Files       int    `json:"files"`
	// Recomputed tells that the results are those of the snapshot.
	Recomputed bool `json:"recomputed"`
	// Proofs counts the audit events whose inclusion in the log was verified, towards
	// checkpoints of up to Checkpoint events; LogKeyKnown tells whose key was used.
	Proofs      int   `json:"proofs"`
	Checkpoint  int64 `json:"checkpoint"`
	LogKeyKnown bool  `json:"log_key_known"`
	// Problems are everything that does not hold; empty means that the folder stands.
	Problems []string          `json:"problems"`
	Report   *assurance.Report `json:"-"`
}

// OK reports whether everything holds.
func (v *Verification) OK() bool { return len(v.Problems) == 0 }

func (v *Verification) problem(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

// Trust is what a reader knows from elsewhere; nil uses the keys in the folder.
type Trust struct {
	Signer note.Verifiers // who may have signed the evidence
	Log    note.Verifiers // keys of the audit log
}

// Verify checks a folder without any server. An error means that the folder could not
// be read at all; what does not hold is in the problems.
func Verify(dir string, trust Trust) (*Verification, error) {
	files, err := readFolder(dir)
	if err != nil {
		return nil, err
	}
	v := &Verification{Dir: dir, Files: len(files), SignerKnown: trust.Signer != nil, LogKeyKnown: trust.Log != nil, Problems: []string{}}
	v.Manifest, v.Signer, err = openManifest(files, trust.Signer)
	if err != nil {
		v.problem("%v", err)
		return v, nil
	}
	v.compareFiles(files)
	s, err := unpack(files)
	if err != nil {
		v.problem("the snapshot: %v", err)
		return v, nil
	}
	if s.Run.Workspace != v.Manifest.Workspace || !s.Run.AsOf.Equal(v.Manifest.AsOf) {
		v.problem("the manifest speaks of another snapshot")
	}
	v.recompute(files[fileResults], s)
	v.checkLog(s, trust.Log)
	return v, nil
}

// compareFiles finds files that were altered, added or taken away.
func (v *Verification) compareFiles(files map[string][]byte) {
	listed := map[string]bool{fileManifest: true, fileSignature: true}
	for _, f := range v.Manifest.Files {
		listed[f.Path] = true
		raw, there := files[f.Path]
		switch {
		case !there:
			v.problem("%s is missing", f.Path)
		case len(raw) != f.Size || digest(raw) != f.SHA256:
			v.problem("%s was altered", f.Path)
		}
	}
	for _, f := range listFiles(files) {
		if !listed[f.Path] {
			v.problem("%s was added", f.Path)
		}
	}
}

// recompute evaluates again from the snapshot and compares with what was written.
func (v *Verification) recompute(written []byte, s *assurance.Snapshot) {
	var r assurance.Report
	if err := json.Unmarshal(written, &r); err != nil || r.Schema != assurance.ReportSchema {
		v.problem("%s is not of the form %s", fileResults, assurance.ReportSchema)
		return
	}
	v.Report = &r
	if r.Catalogue.Digest != assurance.CatalogueDigest() {
		v.problem("the results were computed with another catalogue of checks (version %s); verify with the release that wrote them (%s)", r.Catalogue.Version, r.Run.Tool)
		return
	}
	again, err := assurance.Evaluate(s, r.Options)
	if err != nil {
		v.problem("the results cannot be computed again: %v", err)
		return
	}
	then := map[string]assurance.Result{}
	for _, res := range r.Results {
		then[res.ID] = res
	}
	before := len(v.Problems)
	for _, res := range again.Results {
		if old, ok := then[res.ID]; !ok || !equal(old, res) {
			v.problem("%s: the snapshot gives %s, the results say %s", res.ID, res.Status, old.Status)
		}
	}
	if !equal(again, r) && len(v.Problems) == before {
		v.problem("the results are not those of the snapshot")
	}
	v.Recomputed = len(v.Problems) == before
}

func equal(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// checkLog verifies the signed checkpoint and every inclusion proof, and that the
// proofs are of the events in the folder.
func (v *Verification) checkLog(s *assurance.Snapshot, known note.Verifiers) {
	if s.Log.Checkpoint == "" {
		return // GH-AL-03 is not assessed then
	}
	if known == nil {
		key, err := note.NewVerifier(s.Log.PublicKey)
		if err != nil {
			v.problem("the public key of the audit log cannot be read")
			return
		}
		known = note.VerifierList(key)
	}
	checkpoint, err := audit.OpenCheckpoint([]byte(s.Log.Checkpoint), known)
	if err != nil {
		v.problem("the checkpoint of the audit log: %v", err)
		return
	}
	v.Checkpoint = checkpoint.Size
	read := map[string]*audit.Event{}
	for i := range s.Events.Items {
		read[s.Events.Items[i].ID] = &s.Events.Items[i]
	}
	for i, p := range s.Log.Proofs {
		record, _, err := p.Verify(known)
		if err != nil {
			v.problem("inclusion proof %d: %v", i+1, err)
			continue
		}
		e := read[record.ID]
		if e == nil || e.Seq != p.Index+1 || e.Action != record.Action || e.Time.UnixMicro() != record.OccurredAt || string(e.Door) != record.Door || string(e.Effect) != record.Effect {
			v.problem("inclusion proof %d: the event %s in the folder is not the one in the log", i+1, record.ID)
			continue
		}
		v.Proofs++
	}
}
