package object_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

func TestWriteThatNamesAnOldVersionIsRefused(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		first := f.Create(t, f.Admin, api.TeamKind, team("One")).GetMeta().ETag
		put := func(name, etag string) (*object.Result, error) {
			return f.Service.Put(ctx, f.Admin, api.TeamKind, "", objecttest.JSON(t, team(name)), object.WriteOptions{IfMatch: etag})
		}
		res, err := put("Two", first)
		if err != nil {
			t.Fatal(err)
		}
		_, err = put("Three", first)
		objecttest.WantProblem(t, err, api.CodePreconditionFailed)
		err = f.Service.Delete(ctx, f.Admin, api.TeamKind, "design", object.WriteOptions{IfMatch: first})
		objecttest.WantProblem(t, err, api.CodePreconditionFailed)
		if read := f.Get(t, f.Admin, api.TeamKind, "design").(*api.Team); read.Name != "Two" || read.ETag != res.Object.GetMeta().ETag {
			t.Errorf("live = %+v", read)
		}
		_, err = f.Service.Put(ctx, f.Admin, api.TeamKind, "", objecttest.JSON(t, doc{"slug": "new", "name": "New"}), object.WriteOptions{IfMatch: "1"})
		objecttest.WantProblem(t, err, api.CodePreconditionFailed)
		_, err = f.Service.Put(ctx, f.Admin, api.TeamKind, "", objecttest.JSON(t, team("Four")), object.WriteOptions{CreateOnly: true})
		objecttest.WantProblem(t, err, api.CodeConflict)
	})
}

func TestWritingTheSameAgainChangesNothing(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		tf := objecttest.Stack(f.Admin, "teams")
		first := f.Create(t, tf, api.TeamKind, team("Design")).GetMeta()
		before := objecttest.Dump(t, f.DB)
		again := f.Put(t, tf, api.TeamKind, "", team("Design")).GetMeta()
		if again.ETag != first.ETag || !again.UpdatedAt.Equal(*first.UpdatedAt) {
			t.Errorf("first %+v, again %+v", first, again)
		}
		after := objecttest.Dump(t, f.DB)
		delete(before, "workspace") // authz_version moves; nothing else does
		delete(after, "workspace")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("a write of the same left something: %s", diff)
		}
	})
}

func TestRepeatedCreateWithTheSameKeyAnswersTheFirstObject(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		create := func(c *object.Caller, d doc, key string) (*object.Result, error) {
			return f.Service.Create(ctx, c, api.TeamKind, objecttest.JSON(t, d), object.WriteOptions{IdempotencyKey: key})
		}
		first, err := create(f.Admin, team("Design"), "key-1")
		if err != nil {
			t.Fatal(err)
		}
		again, err := create(f.Admin, team("Design"), "key-1")
		if err != nil || again.Object.GetMeta().ID != first.Object.GetMeta().ID || !again.Created {
			t.Errorf("replay = %+v, %v", again, err)
		}
		if n := len(f.Events(t, audit.Filter{Action: "team.created"})); n != 1 {
			t.Errorf("%d teams were made", n)
		}
		_, err = create(f.Admin, doc{"slug": "film", "name": "Film"}, "key-1")
		objecttest.WantProblem(t, err, api.CodeConflict)
		// The key is the caller's own.
		_, err = create(f.Owner, team("Design"), "key-1")
		objecttest.WantProblem(t, err, api.CodeConflict)
		// Whoever lost the right to read gets no replay either.
		f.Delete(t, f.Owner, api.MemberKind, objecttest.AdminEmail)
		_, err = create(f.Admin, team("Design"), "key-1")
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestIdempotencyKeyIsForgottenAfterADay(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		create := func() error {
			_, err := f.Service.Create(ctx, f.Admin, api.TeamKind, objecttest.JSON(t, team("Design")), object.WriteOptions{IdempotencyKey: "key-1"})
			return err
		}
		if err := create(); err != nil {
			t.Fatal(err)
		}
		f.Advance(25 * time.Hour)
		objecttest.WantProblem(t, create(), api.CodeConflict)
	})
}

func TestDryRunAnswersTheSameAndLeavesNothing(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, doc{"slug": "film", "name": "Film"})
		tf := objecttest.Stack(f.Admin, "teams")
		dry := object.WriteOptions{DryRun: true, IdempotencyKey: "k"}
		before := objecttest.Dump(t, f.DB)
		res, err := f.Service.Create(ctx, tf, api.TeamKind, objecttest.JSON(t, team("Design")), dry)
		if err != nil || !res.Created || res.Object.GetMeta().ID == "" || res.Object.GetMeta().ManagedBy.Stack != "teams" {
			t.Fatalf("dry create = %+v, %v", res, err)
		}
		if _, err := f.Service.Put(ctx, tf, api.ChangePolicyKind, "", objecttest.JSON(t, doc{"mode": "block"}), dry); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Service.Put(ctx, tf, api.TeamMembershipsKind, "", objecttest.JSON(t, doc{"team": "film", "members": doc{objecttest.MemberEmail: "editor"}}), dry); err != nil {
			t.Fatal(err)
		}
		if err := f.Service.Delete(ctx, tf, api.MemberKind, objecttest.MemberEmail, dry); err != nil {
			t.Fatal(err)
		}
		_, err = f.Service.Create(ctx, tf, api.TeamKind, objecttest.JSON(t, doc{"slug": "film", "name": "Film"}), object.WriteOptions{DryRun: true})
		objecttest.WantProblem(t, err, api.CodeConflict)
		if diff := cmp.Diff(before, objecttest.Dump(t, f.DB)); diff != "" {
			t.Errorf("dry runs left something behind:\n%s", diff)
		}
		if _, err := f.Service.Get(ctx, f.Member, api.TeamKind, "film"); err != nil {
			t.Errorf("a dry suspension was remembered: %v", err)
		}
	})
}

func TestReadOnlyTokenMayTryButNotDo(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		ro := *objecttest.Stack(f.Admin, "teams")
		ro.TokenID, ro.Scopes, ro.ReadOnly = "tok", []string{"*"}, true
		_, err := f.TryCreate(t, &ro, api.TeamKind, team("Design"))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		res, err := f.Service.Create(ctx, &ro, api.TeamKind, objecttest.JSON(t, team("Design")), object.WriteOptions{DryRun: true})
		if err != nil || !res.Created {
			t.Errorf("a plan with a read-only token: %v, %v", res, err)
		}
		_, err = f.Service.Get(ctx, &ro, api.TeamKind, "design")
		objecttest.WantProblem(t, err, api.CodeNotFound)
		narrow := *f.Owner
		narrow.TokenID, narrow.Scopes = "tok", []string{"team.read"}
		_, err = f.TryCreate(t, &narrow, api.TeamKind, team("Design"))
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestChangeWithoutItsAuditRowDoesNotHappen(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		before := objecttest.Dump(t, f.DB)
		broken := *f.Admin
		broken.Door = "cellar" // no such door: the log refuses the event
		_, err := f.TryCreate(t, &broken, api.TeamKind, team("Design"))
		if err == nil || !strings.Contains(err.Error(), "writing the audit log") {
			t.Fatalf("error = %v, want a failure to write the audit log", err)
		}
		if !errors.Is(err, audit.ErrInvalidEvent) {
			t.Errorf("the cause is lost: %v", err)
		}
		if diff := cmp.Diff(before, objecttest.Dump(t, f.DB)); diff != "" {
			t.Errorf("the change stayed without its audit row:\n%s", diff)
		}
		// The same when the engine refuses the row.
		if err := f.DB.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.ExecContext(ctx, `ALTER TABLE audit_event RENAME TO audit_event_away`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.TryCreate(t, f.Admin, api.TeamKind, team("Design")); err == nil {
			t.Error("a change happened although the audit log is gone")
		}
		_, err = f.Service.Get(ctx, f.Admin, api.TeamKind, "design")
		objecttest.WantProblem(t, err, api.CodeNotFound)
	})
}

func TestEveryChangeIsInTheAuditLogWithWhoHowAndWhat(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		tf := objecttest.Stack(f.Admin, "teams")
		tf.IP, tf.RequestID = "192.0.2.7", "req_1"
		id := f.Create(t, tf, api.TeamKind, team("Design")).GetMeta().ID
		f.Put(t, tf, api.TeamKind, "", team("Designers"))
		f.Delete(t, tf, api.TeamKind, "design")
		events := f.Events(t, audit.Filter{TargetID: id})
		var actions []string
		for _, e := range events {
			actions = append(actions, e.Action)
			if e.Actor.Key != objecttest.AdminEmail || e.Door != audit.DoorREST || e.IP != "192.0.2.7" || e.RequestID != "req_1" || e.Change == nil || e.Change.Stack != "teams" || e.Change.Commit != "4f2a9c1" || e.Target.Key != "design" {
				t.Errorf("event = %+v", e)
			}
		}
		if diff := cmp.Diff([]string{"team.created", "team.updated", "team.deleted"}, actions); diff != "" {
			t.Error(diff)
		}
		changes, err := audit.Diff(events[1].Before, events[1].After)
		if err != nil || len(changes) != 1 || changes[0].Path != "/name" {
			t.Errorf("the update shows %+v, %v; want the name alone", changes, err)
		}
	})
}

func TestUnknownAttributesAndAllOtherMistakesAreNamedAtOnce(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, err := f.TryCreate(t, f.Admin, api.TeamKind, doc{"slug": "Not a slug", "colour": "red", "default_level": "boss"})
		for _, path := range []string{"/slug", "/colour", "/default_level", "/name"} {
			objecttest.WantViolation(t, err, path)
		}
		_, err = f.Service.Create(ctx, f.Admin, api.TeamKind, []byte(`[1]`), object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeMalformed)
		_, err = f.TryPut(t, f.Admin, api.TeamKind, "film", team("Design"))
		objecttest.WantProblem(t, err, api.CodeInvalid)
	})
}

func TestConcurrentWritersOfOneObjectAllSucceed(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("Design"))
		errs := make(chan error, 6)
		for i := range cap(errs) {
			go func() {
				_, err := f.Service.Put(ctx, f.Admin, api.TeamKind, "", []byte(`{"slug":"design","name":"N`+string(rune('0'+i))+`"}`), object.WriteOptions{})
				errs <- err
			}()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n := len(f.Events(t, audit.Filter{Action: "team.updated"})); n != cap(errs) {
			t.Errorf("%d changes in the log, want %d", n, cap(errs))
		}
	})
}
