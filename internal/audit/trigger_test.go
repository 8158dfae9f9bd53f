package audit

import (
	"strings"
	"testing"
)

func TestUpdateAndDeleteAreRefused(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		for range 2 { // every start of the server executes them
			for _, statement := range TriggerDDL(string(db.dialect)) {
				db.exec(t, statement)
			}
		}
		sealInSteps(t, db)
		refused := []string{
			"UPDATE audit_event SET effect = 'widened'",
			"DELETE FROM audit_event WHERE id = 'evt_000001'",
			"UPDATE audit_leaf SET leaf_hash = ''",
			"DELETE FROM audit_leaf",
			"UPDATE audit_hash SET hash = ''",
			"DELETE FROM audit_hash",
			"UPDATE audit_checkpoint SET size = 1",
			"DELETE FROM audit_checkpoint",
			"DELETE FROM audit_subject",
		}
		if db.dialect == Postgres {
			refused = append(refused, "TRUNCATE audit_event", "TRUNCATE audit_subject")
		} else {
			refused = append(refused, "INSERT OR REPLACE INTO audit_event SELECT * FROM audit_event WHERE id = 'evt_000001'")
		}
		for _, statement := range refused {
			if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: error %v, want a refusal", statement, err)
			}
		}
		// What the log itself needs still works.
		if _, err := db.log.Erase(t.Context(), db, testWorkspace, "ann@example.com"); err != nil {
			t.Error(err)
		}
		db.append(t, testEvent(11))
		db.seal(t)
		if report := verifyOK(t, db); report.Events != 11 {
			t.Errorf("%d events, want 11", report.Events)
		}
	})
}

func TestUnknownDialectHasNoTriggers(t *testing.T) {
	if got := TriggerDDL("oracle"); got != nil {
		t.Errorf("statements %v", got)
	}
}
