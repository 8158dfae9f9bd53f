package assurance

import (
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

var (
	_ = declare("GH-AL-02", auditRetention)
	_ = declare("GH-AL-03", auditIntact)
)

func auditRetention(e *evaluation) outcome {
	policy := single[api.AuditPolicy](e, api.AuditPolicyKind)
	workspace := single[api.Workspace](e, api.WorkspaceKind)
	if policy == nil || workspace == nil {
		return e.notAssessed("")
	}
	least := e.number("days")
	if policy.RetentionDays < least {
		e.find("audit_policy", "events are kept for %d days; %d are the least", policy.RetentionDays, least)
	}
	if workspace.CreatedAt == nil {
		e.gap("the workspace has no time of creation")
		return e.notAssessed("")
	}
	age := int64(e.now().Sub(*workspace.CreatedAt) / api.Day)
	oldest := e.s.Log.Oldest
	if oldest == nil {
		e.gap("the oldest event of the audit log could not be read")
		return e.notAssessed("")
	}
	kept := int64(e.now().Sub(*oldest) / api.Day)
	if age >= least && kept < least {
		e.find("audit log", "the workspace is %d days old and the oldest event %d", age, kept)
	}
	if age < least {
		return e.verdict("Events are kept for %d days; the workspace is %d days old and its log goes back to the beginning (%s).", policy.RetentionDays, age, oldest.UTC().Format(time.DateOnly))
	}
	return e.verdict("Events are kept for %d days, and the oldest is %d days old.", policy.RetentionDays, kept)
}

func auditIntact(e *evaluation) outcome {
	e.covering("The server's recomputation of the whole log, the signed checkpoint, the sequence of the events read, and inclusion proofs checked here. Whoever has the server's key could have written another log from the start; an older checkpoint kept elsewhere shows that.")
	events := e.events()
	log := e.s.Log
	if log.Error != "" {
		e.gap("the evidence of the log could not be read (%s)", log.Error)
	}
	if log.Report == nil {
		e.gap("the server did not recompute its log")
	}
	if len(e.gaps) > 0 {
		return e.notAssessed("")
	}
	verifier, err := note.NewVerifier(log.PublicKey)
	if err != nil {
		e.gap("the public key of the log cannot be read")
		return e.notAssessed("")
	}
	known := note.VerifierList(verifier)
	checkpoint, err := audit.OpenCheckpoint([]byte(log.Checkpoint), known)
	if err != nil {
		e.find("checkpoint", "its signature does not verify: %v", err)
		return e.verdict("")
	}
	if e.s.Run.WorkspaceID != "" && checkpoint.Workspace != e.s.Run.WorkspaceID {
		e.find("checkpoint", "is of workspace %s", checkpoint.Workspace)
	}
	if !log.Report.OK() {
		e.find("audit log", "the server found %d problems when it recomputed the log", log.Report.ProblemCount)
		for _, p := range log.Report.Problems {
			e.findings = append(e.findings, Finding{Object: "audit log at " + quote(string(p.Kind)), Detail: p.Detail, Event: p.Event})
		}
	}
	e.checkSequence(events, checkpoint)
	e.checkProofs(events, known)
	key := "the server's own key"
	if log.KeyPinned {
		key = "a key that was known beforehand"
	}
	return e.verdict("%d sealed events verify up to checkpoint %d, signed by %s; the %d events of the period have no gap in their sequence, and %d inclusion proofs hold.", log.Report.Events, checkpoint.Size, key, len(events), len(log.Proofs))
}

// checkSequence finds events that are missing between the first and the last.
func (e *evaluation) checkSequence(events []audit.Event, checkpoint audit.Checkpoint) {
	seen := make(map[int64]bool, len(events))
	from, to := sequence(events)
	late := 0
	for i := range events {
		seq := events[i].Seq
		switch {
		case seq == 0:
			late++
		case seen[seq]:
			e.findEvent(&events[i], "audit log", "place %d is taken twice", seq)
		}
		seen[seq] = true
	}
	missing := 0
	for seq := from; seq <= to && from > 0; seq++ {
		if !seen[seq] {
			if missing++; missing <= 20 {
				e.find("audit log", "no event was read for place %d", seq)
			}
		}
	}
	if to > checkpoint.Size {
		e.gap("events up to %d are sealed, and the checkpoint in the snapshot covers %d", to, checkpoint.Size)
	}
	if late > 0 && e.now().Sub(events[len(events)-1].Time) > time.Minute {
		e.find("audit log", "%d events older than a minute are not sealed", late)
	}
}

// checkProofs verifies the inclusion proofs and that they are of the events read.
func (e *evaluation) checkProofs(events []audit.Event, known note.Verifiers) {
	byID := make(map[string]*audit.Event, len(events))
	for i := range events {
		byID[events[i].ID] = &events[i]
	}
	for i := range e.s.Log.Proofs {
		record, _, err := e.s.Log.Proofs[i].Verify(known)
		if err != nil {
			e.find("inclusion proof", "%v", err)
			continue
		}
		ev := byID[record.ID]
		switch {
		case record.Workspace != e.s.Run.WorkspaceID && e.s.Run.WorkspaceID != "":
			e.find("inclusion proof", "event %s is of workspace %s", record.ID, record.Workspace)
		case ev == nil:
			e.find("inclusion proof", "event %s is proved and is not among the events read", record.ID)
		case ev.Seq != e.s.Log.Proofs[i].Index+1 || ev.Action != record.Action || string(ev.Door) != record.Door || string(ev.Effect) != record.Effect ||
			ev.Time.UnixMicro() != record.OccurredAt || ev.Target.Kind != record.TargetKind || ev.RequestID != record.RequestID:
			e.findEvent(ev, "audit log", "the event read is not the one that was sealed")
		}
	}
}
