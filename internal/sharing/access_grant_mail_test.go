package sharing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// letters waits for n letters in all and answers those that came since the last call.
type letters struct {
	w    *world
	seen int
}

func (l *letters) want(n int) []mail.Message {
	l.w.t.Helper()
	all := mailtest.Outbox(l.w.t, l.w.Service)
	fresh := all[l.seen:]
	l.seen = len(all)
	if len(fresh) != n {
		l.w.t.Fatalf("%d letters, want %d: %+v", len(fresh), n, fresh)
	}
	return fresh
}

func (l *letters) wantOne(to string, words ...string) mail.Message {
	l.w.t.Helper()
	m := l.want(1)[0]
	if m.To != to {
		l.w.t.Errorf("the letter went to %s, want %s", m.To, to)
	}
	wantWords(l.w.t, m.Subject+"\n"+m.Text, words...)
	return m
}

// C064: whoever is given access by address hears of it: from whom, what, until when,
// and in the sharer's words.
func TestAddressesHearOfWhatTheyAreGiven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		box := &letters{w: w}
		end := w.Service.Clock().AddDate(0, 1, 0).UTC().Truncate(time.Second)
		grant := doc{"resource": "/finance/quarterly", "principal": "email:" + outsider, "level": "comment", "expires_at": end.Format(time.RFC3339), "message": "The numbers.\nYour access code: 1"}
		w.Create(t, w.Admin, api.AccessGrantKind, grant)
		m := box.wantOne(outsider, objecttest.AdminEmail+" shares “quarterly” with you", "Workspace acme", "look at it and comment on it", "until "+mail.Moment(end), "\n> The numbers.\n> Your access code: 1\n", "is for "+outsider+" and nobody else")
		if strings.Contains(m.Text, "/finance") {
			t.Errorf("the letter tells what lies above: %s", m.Text)
		}
		// Terraform writes the same again, and what is none of the holder's business.
		stack := objecttest.Stack(w.Admin, "infra")
		_, err := w.Service.Put(ctx, stack, api.AccessGrantKind, "", objecttest.JSON(t, grant), object.WriteOptions{Adopt: true})
		if err != nil {
			t.Fatal(err)
		}
		put := func(key string, value any) {
			t.Helper()
			grant[key] = value
			w.Put(t, stack, api.AccessGrantKind, "", grant)
		}
		put("justification", "the audit")
		put("message", "other words")
		put("condition", "context.mfa_age >= 0")
		put("level", "view")
		box.want(0)
		put("level", "edit")
		box.wantOne(outsider, "Your access to “quarterly” has changed", "change it", "under conditions", "> other words")
		put("allow_download", true)
		box.wantOne(outsider, "download originals")
		w.Delete(t, stack, api.AccessGrantKind, "email:"+outsider+"@/finance/quarterly")
		box.want(0)
		// Nobody but an address is mailed, and a dry run mails nobody.
		w.grant("member:"+nobody, "/finance", "view")
		w.grant("member:"+guest, "/finance", "view")
		w.grant("team:design", "/finance", "view")
		if _, err := w.Service.Create(ctx, w.Admin, api.AccessGrantKind, objecttest.JSON(t, grant), object.WriteOptions{DryRun: true}); err != nil {
			t.Fatal(err)
		}
		box.want(0)
		mailed := w.Events(t, audit.Filter{Action: "access_grant.mailed"})
		if len(mailed) != 3 || !strings.Contains(string(mailed[0].After), outsider) {
			t.Errorf("events = %+v, want one for each letter", mailed)
		}
		_, err = w.TryCreate(t, w.Admin, api.AccessGrantKind, doc{"resource": "/finance", "principal": "team:film", "level": "view", "message": "hello"})
		wantWords(t, objecttest.WantViolation(t, err, "/message").Message, "only an e-mail address is mailed")
	})
}

// A pipeline shares in the name of the workspace: what it is called says nothing outside.
func TestMachinesShareInTheNameOfTheWorkspace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		w.Create(t, w.Owner, api.ServiceAccountKind, doc{"name": "ci-runner-7", "owner": objecttest.OwnerEmail, "workspace_role": "admin"})
		ci := &object.Caller{WorkspaceID: w.Workspace.ID, WorkspaceSlug: w.Workspace.Slug, Kind: object.PrincipalServiceAccount, ID: "sa_ci", Key: "ci-runner-7", Door: audit.DoorREST, Stack: "infra"}
		w.Create(t, ci, api.AccessGrantKind, doc{"resource": "/finance", "principal": "email:" + outsider, "level": "view"})
		m := (&letters{w: w}).wantOne(outsider, "Workspace acme shares “finance” with you")
		if strings.Contains(m.Text, "ci-runner") {
			t.Errorf("the letter names the machine: %s", m.Text)
		}
	})
}

// C055: what waits for approval is not told before it is approved; then it is, in the
// name of whoever asked.
func TestAddressesHearOfNothingThatWaits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		box := &letters{w: w}
		nils := w.manager(nobody, "/finance")
		w.share(nils, "/finance", "view")
		w.Put(t, nils, api.AccessGrantKind, "", doc{"resource": "/finance", "principal": "email:" + outsider, "level": "comment", "message": "Have a look"})
		box.want(0)
		w.mustSay(w.Admin, sharing.ApproveRequest, w.pending().ID)
		box.wantOne(outsider, nobody+" shares “finance” with you", "comment on it", "> Have a look")
		w.Create(t, nils, api.AccessGrantKind, doc{"resource": "/finance/quarterly", "principal": "email:" + outsider, "level": "view"})
		w.mustSay(w.Admin, sharing.DenyRequest, w.pending().ID)
		box.want(0)
	})
}

// The map of an item mails those who are new in it, and nobody else again.
func TestTheMapOfGrantsMailsWhoIsNewInIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		box := &letters{w: w}
		set := func(grants doc) {
			t.Helper()
			w.Put(t, objecttest.Stack(w.Admin, "infra"), api.AccessGrantsKind, "/finance", doc{"resource": "/finance", "grants": grants})
		}
		one, two := "email:yves@partner.example", "email:zoe@partner.example"
		set(doc{one: "view", "team:design": "edit"})
		box.wantOne("yves@partner.example", "look at it")
		set(doc{one: "view", two: "comment", "team:design": "view"})
		box.wantOne("zoe@partner.example", "comment on it")
		set(doc{one: "view", two: "comment", "team:design": "view"})
		set(doc{two: "view"})
		box.want(0)
		set(doc{two: "edit"})
		box.wantOne("zoe@partner.example", "change it")
	})
}

// Giving and taking in turns floods nobody; the audit log says what was held back.
func TestNobodyIsFloodedByGivingAndTaking(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		box := &letters{w: w}
		flap := func(path string, times int) {
			t.Helper()
			for range times {
				w.share(w.Admin, path, "view")
				w.Delete(t, w.Admin, api.AccessGrantKind, "email:"+outsider+"@"+path)
			}
		}
		flap("/finance", 7)
		box.want(5)
		flap("/campaigns", 1)
		box.want(1)
		held := 0
		for _, e := range w.Events(t, audit.Filter{Action: "access_grant.mailed"}) {
			if strings.Contains(string(e.After), "withheld") {
				held++
			}
		}
		if held != 2 {
			t.Errorf("%d letters were noted as withheld, want 2", held)
		}
		w.Advance(24 * time.Hour)
		flap("/finance", 1)
		box.want(1)
		for _, row := range objecttest.Dump(t, w.DB)["link_throttle"] {
			if strings.Contains(fmt.Sprint(row), "xenia") {
				t.Errorf("a counter holds an address: %s", row)
			}
		}
	})
}
