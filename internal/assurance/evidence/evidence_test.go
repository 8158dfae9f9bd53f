package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/assurancetest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/evidence"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// written is a folder of a sound snapshot in which one policy is not as it should be.
type written struct {
	t   *testing.T
	dir string
	key audit.Key
	s   *assurance.Snapshot
	r   *assurance.Report
}

func write(t *testing.T) *written {
	t.Helper()
	w := &written{t: t, dir: filepath.Join(t.TempDir(), "evidence"), key: assurancetest.Key(t, "gatehouse-evidence"), s: assurancetest.Snapshot(t)}
	w.s.Objects["mfa_policy"].Items[0]["requirement"] = "none"
	var err error
	if w.r, err = evidence.Write(w.dir, w.s, evidence.Options{Key: w.key}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *written) verify(trust evidence.Trust) *evidence.Verification {
	w.t.Helper()
	v, err := evidence.Verify(w.dir, trust)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *written) read(name string) []byte {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

func (w *written) replace(name, old, new string) {
	w.t.Helper()
	raw := w.read(name)
	changed := bytes.Replace(raw, []byte(old), []byte(new), 1)
	if bytes.Equal(raw, changed) {
		w.t.Fatalf("%s does not hold %q", name, old)
	}
	w.put(name, changed)
}

func (w *written) put(name string, raw []byte) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), raw, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// resign makes manifest and signature anew, as a forger with the key could.
func (w *written) resign() {
	w.t.Helper()
	var m evidence.Manifest
	if err := json.Unmarshal(w.read("manifest.json"), &m); err != nil {
		w.t.Fatal(err)
	}
	for i := range m.Files {
		raw := w.read(m.Files[i].Path)
		sum := sha256.Sum256(raw)
		m.Files[i].Size, m.Files[i].SHA256 = len(raw), hex.EncodeToString(sum[:])
	}
	raw, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	signed, err := note.Sign(&note.Note{Text: evidence.Schema + "\nsha256 " + hex.EncodeToString(sum[:]) + "\n"}, w.key.Signer)
	if err != nil {
		w.t.Fatal(err)
	}
	w.put("manifest.json", raw)
	w.put("manifest.sig", signed)
}

func TestAWrittenFolderHoldsAndIsComputedAgain(t *testing.T) {
	w := write(t)
	log, err := note.NewVerifier(w.s.Log.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	v := w.verify(evidence.Trust{Signer: note.VerifierList(w.key.Verifier), Log: note.VerifierList(log)})
	if !v.OK() || !v.Recomputed || !v.SignerKnown || !v.LogKeyKnown || v.Signer != "gatehouse-evidence" {
		t.Fatalf("%+v", v)
	}
	if v.Checkpoint != 9 || v.Proofs != len(w.s.Log.Proofs) || v.Proofs == 0 {
		t.Errorf("%d proofs towards checkpoint %d", v.Proofs, v.Checkpoint)
	}
	if v := w.verify(evidence.Trust{}); !v.OK() || v.SignerKnown {
		t.Errorf("without keys: %+v", v)
	}
	if w.r.ExitCode() != 2 {
		t.Errorf("exit code %d", w.r.ExitCode())
	}
	info, err := os.Stat(filepath.Join(w.dir, "results.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("results.json has mode %v", info.Mode())
	}
}

// Each case alters a folder; every one of them must be noticed.
func TestTamperingIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		alter func(w *written)
		says  string
	}{
		"a result is turned into a pass":  {func(w *written) { w.replace("results.json", `"status": "fail"`, `"status": "pass"`) }, "results.json was altered"},
		"the page is made nicer":          {func(w *written) { w.replace("report.html", "fail", "pass") }, "report.html was altered"},
		"an object is changed":            {func(w *written) { w.replace("snapshot/objects/mfa_policy.json", `"none"`, `"all_users"`) }, "mfa_policy.json was altered"},
		"an audit event is changed":       {func(w *written) { w.replace("snapshot/audit_events.json", "member.created", "member.updated") }, "audit_events.json was altered"},
		"a file is taken away":            {func(w *written) { remove(w, "snapshot/probes.json") }, "snapshot/probes.json is missing"},
		"a file is added":                 {func(w *written) { w.put("snapshot/objects/extra.json", []byte("{}")) }, "snapshot/objects/extra.json was added"},
		"the manifest is changed":         {func(w *written) { w.replace("manifest.json", `"wikio"`, `"other"`) }, "not the one that was signed"},
		"the signature is taken away":     {func(w *written) { remove(w, "manifest.sig") }, "is missing"},
		"the signature is another's":      {func(w *written) { w.key = assurancetest.Key(w.t, "gatehouse-evidence"); w.resign() }, "does not hold"},
		"the drift report is changed":     {func(w *written) { w.replace("drift.json", `"in_sync"`, `"drift"`); w.resign() }, "drift"},
		"results are forged with the key": {func(w *written) { w.replace("results.json", `"status": "fail"`, `"status": "pass"`); w.resign() }, "the snapshot gives fail"},
		"a policy is forged with the key": {func(w *written) { w.replace("snapshot/objects/mfa_policy.json", `"none"`, `"all_users"`); w.resign() }, "GH-AU-01: the snapshot gives pass, the results say fail"},
		"an event is forged with the key": {func(w *written) {
			w.replace("snapshot/audit_events.json", `"action": "team.updated"`, `"action": "team.created"`)
			w.resign()
		}, "is not the one in the log"},
		"a checkpoint is forged with the key": {func(w *written) { w.replace("snapshot/audit_log.json", `\n9\n`, `\n10\n`); w.resign() }, "checkpoint"},
		"another snapshot under the manifest": {func(w *written) {
			w.replace("snapshot/run.json", "2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z")
			w.resign()
		}, "another snapshot"},
	} {
		t.Run(name, func(t *testing.T) {
			w := write(t)
			trust := evidence.Trust{Signer: note.VerifierList(w.key.Verifier)}
			c.alter(w)
			v := w.verify(trust)
			if text := strings.Join(v.Problems, "\n"); v.OK() || !strings.Contains(text, c.says) {
				t.Errorf("problems, which should say %q:\n%s", c.says, text)
			}
		})
	}
}

func remove(w *written, name string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
		w.t.Fatal(err)
	}
}

func TestLinksAreRefused(t *testing.T) {
	w := write(t)
	remove(w, "report.html")
	if err := os.Symlink("/etc/hostname", filepath.Join(w.dir, "report.html")); err != nil {
		t.Skip("no symbolic links here")
	}
	if _, err := evidence.Verify(w.dir, evidence.Trust{}); err == nil || !strings.Contains(err.Error(), "no plain file") {
		t.Errorf("error %v", err)
	}
}

func TestEvidenceIsNotWrittenOverAnything(t *testing.T) {
	w := write(t)
	if _, err := evidence.Write(w.dir, w.s, evidence.Options{Key: w.key}); !errors.Is(err, evidence.ErrNotEmpty) {
		t.Errorf("error %v", err)
	}
}

func TestADriftReportIsKeptWithItsOwnSignature(t *testing.T) {
	s, key, other := assurancetest.Snapshot(t), assurancetest.Key(t, "gatehouse-evidence"), assurancetest.Key(t, "ci")
	sealed, err := drift.Seal(s.Drift, other)
	if err != nil {
		t.Fatal(err)
	}
	var signed, unsigned bytes.Buffer
	if err := errors.Join(s.Drift.WriteJSON(&signed, sealed), s.Drift.WriteJSON(&unsigned, nil)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		raw  []byte
		want assurance.Status
	}{"signed": {signed.Bytes(), assurance.Pass}, "unsigned": {unsigned.Bytes(), assurance.NotAssessed}} {
		dir := filepath.Join(t.TempDir(), "evidence")
		r, err := evidence.Write(dir, s, evidence.Options{Key: key, Drift: c.raw})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, res := range r.Results {
			if res.ID == "GH-CM-01" && res.Status != c.want {
				t.Errorf("%s: %s: %s", name, res.Status, res.Summary)
			}
		}
		if v, err := evidence.Verify(dir, evidence.Trust{}); err != nil || !v.OK() {
			t.Errorf("%s: %v %+v", name, err, v)
		}
	}
}

// Whatever a state holds, sensitive values are gone before evidence is written; here
// the kinds' own secrets are looked for.
func TestEvidenceHasNoWriteOnlyValue(t *testing.T) {
	s := assurancetest.Snapshot(t)
	if s.Objects["sso_connection"].Items[1]["oidc"].(map[string]any)["client_secret_wo"] != nil {
		t.Fatal("the snapshot has a secret to begin with")
	}
	for _, k := range api.Kinds() {
		for _, f := range k.Fields() {
			if f.WriteOnly {
				for _, item := range s.Objects[k.Name].Items {
					if item[f.Name] != nil {
						t.Errorf("%s.%s is in the snapshot", k.Name, f.Name)
					}
				}
			}
		}
	}
}
