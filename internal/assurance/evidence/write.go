package evidence

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/report"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Options qualify the writing of evidence.
type Options struct {
	assurance.Options
	// Drift is a drift report as it was read, kept with its own signature. Without it
	// the snapshot's report is signed with Key.
	Drift []byte
	// Key signs the manifest.
	Key audit.Key
}

// Write evaluates a snapshot and writes the folder. The evaluation is of the snapshot
// as it was written, so that a reader comes to the same results.
func Write(dir string, s *assurance.Snapshot, o Options) (*assurance.Report, error) {
	files, err := pack(s)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Drift != nil:
		files[fileDrift] = o.Drift
	case s.Drift != nil:
		sealed, err := drift.Seal(s.Drift, o.Key)
		if err != nil {
			return nil, err
		}
		if files[fileDrift], err = encode(sealed); err != nil {
			return nil, fmt.Errorf("writing the drift report: %w", err)
		}
	}
	kept, err := unpack(files)
	if err != nil {
		return nil, fmt.Errorf("reading back what was written: %w", err)
	}
	r, err := assurance.Evaluate(kept, o.Options)
	if err != nil {
		return nil, err
	}
	if files[fileResults], err = encode(r); err != nil {
		return nil, fmt.Errorf("writing the results: %w", err)
	}
	var page strings.Builder
	if err := report.HTML(&page, r); err != nil {
		return nil, err
	}
	files[fileReport] = []byte(page.String())
	files[fileReadme] = []byte(readme(kept))
	m := Manifest{Workspace: kept.Run.Workspace, AsOf: kept.Run.AsOf, From: kept.Run.From, To: kept.Run.To, Tool: kept.Run.Tool}
	if err := sign(files, m, o.Key); err != nil {
		return nil, err
	}
	return r, writeFolder(dir, files)
}

func readme(s *assurance.Snapshot) string {
	return fmt.Sprintf(`Evidence of workspace %q, as of %s (UTC).

report.html      what was measured and what people attested, to read
results.json     the same for programs (%s)
drift.json       the comparison of code and control plane, signed, if one was made
snapshot/        everything the results were computed from: live objects, audit
                 events, Terraform state without sensitive values, proofs
manifest.json    the SHA-256 of every file; manifest.sig is its signature

Check it without any server:

    gatehouse evidence verify THIS-FOLDER --key PUBLIC-KEY

That compares every file with the manifest, computes the results again from the
snapshot, and checks the proofs of audit events against the signed checkpoint of
the log. Without --key the key in the manifest is used, which shows that nothing
was altered, but not who signed.

The folder names people. Keep it as you keep the audit log.
`, s.Run.Workspace, s.Run.AsOf.Format(time.RFC3339), assurance.ReportSchema)
}
