package audit

import "fmt"

// sealedTables hold what must never change. audit_subject may change (erasure),
// but a pseudonym is never deleted.
var sealedTables = []string{"audit_event", "audit_leaf", "audit_hash", "audit_checkpoint"}

// TriggerDDL returns the statements that make the engine refuse UPDATE and DELETE
// on what is sealed. The store executes them in order after the migrations, at
// every start; they do nothing where the triggers exist. Triggers stop mistakes
// and ordinary statements; who owns the database can drop them, and is found by
// Verify. An unknown dialect yields nothing.
func TriggerDDL(dialect string) []string {
	d, err := ParseDialect(dialect)
	if err != nil {
		return nil
	}
	if d == Postgres {
		return postgresTriggers()
	}
	return sqliteTriggers()
}

func sqliteTriggers() []string {
	const refuse = "CREATE TRIGGER IF NOT EXISTS %[1]s_no_%[2]s BEFORE %[3]s ON %[1]s BEGIN SELECT RAISE(ABORT, '%[1]s is append-only'); END"
	var statements []string
	for _, table := range sealedTables {
		statements = append(statements,
			fmt.Sprintf(refuse, table, "update", "UPDATE"),
			fmt.Sprintf(refuse, table, "delete", "DELETE"))
	}
	return append(statements,
		fmt.Sprintf(refuse, "audit_subject", "delete", "DELETE"),
		// INSERT OR REPLACE deletes without asking the DELETE trigger.
		"CREATE TRIGGER IF NOT EXISTS audit_event_no_replace BEFORE INSERT ON audit_event WHEN EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END",
	)
}

// postgresTriggers is one statement, so that replicas that start together wait
// for each other instead of failing.
func postgresTriggers() []string {
	body := fmt.Sprintf(`
	PERFORM pg_advisory_xact_lock(%d);
	IF to_regprocedure('audit_refuse_change()') IS NULL THEN
		CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $refuse$
		BEGIN
			RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
		END
		$refuse$;
	END IF;`, int64(sealLock)+1)
	trigger := func(table, name, event, scope string) {
		body += fmt.Sprintf(`
	IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = '%[1]s'::regclass AND tgname = '%[1]s_%[2]s') THEN
		CREATE TRIGGER %[1]s_%[2]s BEFORE %[3]s ON %[1]s FOR EACH %[4]s EXECUTE FUNCTION audit_refuse_change();
	END IF;`, table, name, event, scope)
	}
	for _, table := range sealedTables {
		trigger(table, "no_change", "UPDATE OR DELETE", "ROW")
		trigger(table, "no_truncate", "TRUNCATE", "STATEMENT")
	}
	trigger("audit_subject", "no_delete", "DELETE", "ROW")
	trigger("audit_subject", "no_truncate", "TRUNCATE", "STATEMENT")
	return []string{"DO $triggers$\nBEGIN" + body + "\nEND\n$triggers$"}
}
