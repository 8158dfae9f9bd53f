package sharing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

func TestLinksThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.Create(t, w.Admin, api.AssetKind, doc{"path": "/campaigns/old", "name": "Old", "archived": true})
		w.AddMember(t, w.Owner, "sue@example.com", "member")
		w.Delete(t, w.Owner, api.MemberKind, "sue@example.com")
		k := api.ShareLinkKind
		w.wantRefused([]refusal{
			{name: "unknown item", kind: k, at: "/resource", code: api.ViolationReference, says: []string{"/nowhere"}, doc: linkDoc("/nowhere", "anyone", nil)},
			{name: "the workspace", kind: k, at: "/resource", says: []string{"path of the item"}, doc: linkDoc("/", "anyone", nil)},
			{name: "a name of digits", kind: k, at: "/name", says: []string{"three letters"}, doc: linkDoc("/finance", "anyone", doc{"name": "12/24 x"})},
			{name: "a name that says nothing", kind: k, at: "/name", says: []string{"does not say"}, doc: linkDoc("/finance", "anyone", doc{"name": "Untitled!"})},
			{name: "recipients of an anyone link", kind: k, at: "/recipients", says: []string{"kind = \"recipient\""}, doc: linkDoc("/finance", "anyone", doc{"recipients": []string{visitorMail}})},
			{name: "no recipients", kind: k, at: "/recipients", code: api.ViolationRequired, doc: linkDoc("/finance", "recipient", doc{"recipients": []string{}})},
			{name: "a suspended member", kind: k, at: "/recipients/0", says: []string{"suspended"}, doc: linkDoc("/finance", "recipient", doc{"recipients": []string{"sue@example.com"}})},
			{name: "an address no code can reach", kind: k, at: "/recipients/0", says: []string{"plain address"}, doc: linkDoc("/finance", "recipient", doc{"recipients": []string{strings.Repeat("a", 65) + "@client.example"}})},
			{name: "more than commenting", kind: k, at: "/level", says: []string{"view, comment"}, doc: linkDoc("/finance", "anyone", doc{"level": "edit"})},
			{name: "a short password", kind: k, at: "/password_wo", says: []string{"at least 8"}, doc: linkDoc("/finance", "anyone", doc{"password_wo": "short", "password_wo_version": 1})},
			{name: "a password without a version", kind: k, at: "/password_wo_version", code: api.ViolationRequired, doc: linkDoc("/finance", "anyone", doc{"password_wo": thePassword})},
			{name: "a version without a password", kind: k, at: "/password_wo", code: api.ViolationRequired, doc: linkDoc("/finance", "anyone", doc{"password_wo_version": 1})},
			{name: "an end in the past", kind: k, at: "/expires_at", says: []string{"in the past"}, doc: linkDoc("/finance", "anyone", doc{"expires_at": in(-1)})},
		})
		_, err := w.TryCreate(t, w.Owner, k, linkDoc("/campaigns/old", "anyone", nil))
		if p := objecttest.WantProblem(t, err, api.CodeForbidden); !strings.Contains(p.Detail, "archived") {
			t.Errorf("a link to an archived item: %v", p)
		}
	})
}

// C052 to C058: what the sharing policy at the item's place does not allow.
func TestSharingPolicyGovernsLinksAtTheirPlace(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		k := api.ShareLinkKind
		policy := api.ViolationSharingPolicy
		for _, c := range []struct {
			policy doc
			refusal
		}{
			{doc{"public_links": "disabled"}, refusal{name: "public links off", at: "/kind", says: []string{"public_links"}, doc: linkDoc("/finance", "anyone", nil)}},
			{doc{"public_links": "disabled", "external_sharing": "disabled"}, refusal{name: "nothing outside", at: "/kind", says: []string{"external_sharing"}, doc: linkDoc("/finance", "anyone", nil)}},
			{doc{"public_links": "disabled", "external_sharing": "disabled"}, refusal{name: "nobody outside", at: "/recipients/0", says: []string{"external_sharing"}, doc: linkDoc("/finance", "recipient", nil)}},
			{doc{"external_sharing": "allowlist", "allowed_domains": []string{"partner.example"}}, refusal{name: "not on the list", at: "/recipients/0", says: []string{"allowed_domains"}, doc: linkDoc("/finance", "recipient", nil)}},
			{doc{"blocked_domains": []string{"client.example"}}, refusal{name: "a blocked domain", at: "/recipients/0", says: []string{"blocked_domains"}, doc: linkDoc("/finance", "recipient", nil)}},
			{doc{"require_link_password": true}, refusal{name: "no password", at: "/password_wo", says: []string{"require_link_password"}, doc: linkDoc("/finance", "anyone", nil)}},
			{doc{"max_link_expiration_days": 30}, refusal{name: "too long", at: "/expires_at", says: []string{"max_link_expiration_days (30)"}, doc: linkDoc("/finance", "anyone", doc{"expires_at": in(31)})}},
		} {
			w.linkPolicy(c.policy)
			c.kind, c.code = k, policy
			w.wantRefused([]refusal{c.refusal})
		}
		// What the policy has nothing against: members as recipients, addresses on the
		// list, and recipient links without a password, which codes protect.
		w.linkPolicy(doc{"external_sharing": "disabled", "public_links": "disabled", "require_link_password": true})
		w.link("/finance", "recipient", doc{"name": "For the team", "recipients": []string{nobody}})
		w.linkPolicy(doc{"external_sharing": "allowlist", "allowed_domains": []string{"client.example"}, "require_link_password": true, "default_link_expiration_days": 3, "default_allow_download": true})
		l := w.link("/finance", "recipient", doc{"name": "For the client"})
		if got := l.ExpiresAt.Sub(*l.CreatedAt).Round(time.Hour); got != 72*time.Hour || l.AllowDownload == nil || !*l.AllowDownload {
			t.Errorf("defaults of the policy: %v, download %v", got, l.AllowDownload)
		}
		// C062: links that exist stay, may be described anew and made narrower, not wider.
		w.linkPolicy(doc{"external_sharing": "disabled", "public_links": "disabled"})
		w.Put(t, w.Admin, k, l.ID, doc{"resource": "/finance", "kind": "recipient", "name": "For the client", "recipients": []string{visitorMail}, "allow_download": false})
		_, err := w.TryPut(t, w.Admin, k, l.ID, doc{"resource": "/finance", "kind": "recipient", "name": "For the client", "recipients": []string{visitorMail, strangerMail}, "allow_download": false})
		if v := objecttest.WantViolation(t, err, "/recipients/0"); !strings.Contains(v.Message, strangerMail) {
			t.Errorf("violation = %+v, want the new recipient", v)
		}
	})
}

func TestStricterPolicyOfAnItemGovernsItsLinks(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.SharingPolicyOverrideKind, doc{"path": "/finance", "public_links": "disabled"})
		w.link("/campaigns", "anyone", nil)
		w.wantRefused([]refusal{{name: "below the override", kind: api.ShareLinkKind, at: "/kind", code: api.ViolationSharingPolicy, doc: linkDoc("/finance/quarterly", "anyone", nil)}})
	})
}

// C015, C016, C024: links are made by who manages the item, gives no more than they
// have, and is no guest.
func TestOnlyWhoManagesAnItemMakesLinksOfIt(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.linkPolicy(doc{"require_external_approval": false})
		for level, want := range map[string]bool{"view": false, "comment": false, "edit": false, "manage": true, "full_access": true} {
			w.grant("member:"+nobody, "/finance", level)
			_, err := w.TryCreate(t, w.as(nobody), api.ShareLinkKind, linkDoc("/finance", "recipient", doc{"name": "Made with " + level}))
			if want != (err == nil) {
				t.Errorf("a link made with the level %s: %v", level, err)
			}
		}
		w.grant("member:"+guest, "/finance", "edit")
		_, err := w.TryCreate(t, w.as(guest), api.ShareLinkKind, linkDoc("/finance", "recipient", nil))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		// A role that makes links is no way up: the level given is the maker's at most.
		w.Create(t, w.Admin, api.RoleKind, doc{"name": "linker", "base_level": "view", "statements": []doc{{"effect": "allow", "permissions": []string{"share_link.*"}}}})
		w.Create(t, w.Admin, api.RoleAssignmentKind, doc{"role": "linker", "principal": "member:" + designer, "scope": "/finance"})
		w.Create(t, w.as(designer), api.ShareLinkKind, linkDoc("/finance", "recipient", doc{"name": "To look at"}))
		_, err = w.TryCreate(t, w.as(designer), api.ShareLinkKind, linkDoc("/finance", "recipient", doc{"name": "To comment on", "level": "comment"}))
		objecttest.WantViolation(t, objecttest.WantProblem(t, err, api.CodeForbidden), "/level")
	})
}

func TestLinksOfAnItemHaveDifferentNames(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", doc{"name": "Spring cut: für Acme!"})
		if want := "/finance#spring-cut-für-acme"; l.Key != want {
			t.Errorf("key = %q, want %q", l.Key, want)
		}
		_, err := w.TryCreate(t, w.Admin, api.ShareLinkKind, linkDoc("/finance", "recipient", doc{"name": "spring cut, FÜR acme"}))
		objecttest.WantProblem(t, err, api.CodeConflict)
		w.link("/campaigns", "anyone", doc{"name": "Spring cut: für Acme!"})
		if got := w.Get(t, w.Admin, api.ShareLinkKind, l.Key).(*api.ShareLink).ID; got != l.ID {
			t.Errorf("by its key it is %s, want %s", got, l.ID)
		}
	})
}

func TestPasswordsAndTokensAreKeptAsHashes(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1})
		token := w.token(l)
		session, _ := w.enter(token, browser, sharing.Answer{Password: thePassword})
		w.visit(session, browser)
		for table, rows := range objecttest.Dump(t, w.DB) {
			for _, secret := range []string{thePassword, token, session} {
				if strings.Contains(fmt.Sprint(rows), secret) {
					t.Errorf("%s holds a secret", table)
				}
			}
		}
		for _, e := range w.Events(t, audit.Filter{}) {
			raw, _ := json.Marshal(e)
			if strings.Contains(string(raw), thePassword) || strings.Contains(string(raw), token) {
				t.Errorf("the audit log holds a secret: %s", e.Action)
			}
		}
		var hash string
		w.read(`SELECT hash FROM link_password`, &hash)
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("the password is kept as %q", hash)
		}
		var sealed int
		w.read(`SELECT COUNT(*) FROM sealed_secret`, &sealed)
		if sealed != 0 {
			t.Error("the password was sealed as well: it can be read again")
		}
	})
}

// read reads one value past all rules.
func (w *world) read(query string, into any) {
	w.t.Helper()
	if err := w.DB.SQL().QueryRowContext(ctx, query).Scan(into); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

// An ephemeral resource is opened at plan and at apply; whoever asks by hand is shown
// the token once.
func TestTokenIsGivenAgainOnlyForItsRotation(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.Service.BaseURL = "https://gatehouse.example.com"
		l := w.link("/finance", "anyone", nil)
		issue := func(by *object.Caller, rotation int64) (out *api.ShareSecret, err error) {
			err = w.Service.Do(ctx, by, func(s *object.Scope) (err error) {
				out, err = sharing.IssueLinkSecret(ctx, s, l.ID, rotation)
				return err
			})
			return out, err
		}
		first, err := issue(w.Admin, 1)
		if err != nil || first.URL != "https://gatehouse.example.com/s/"+first.Secret {
			t.Fatalf("rotation 1: %+v, %v", first, err)
		}
		again, err := issue(w.Admin, 1)
		if err != nil || again.Secret != first.Secret {
			t.Errorf("rotation 1 again: %v, the same token %t", err, again != nil && again.Secret == first.Secret)
		}
		second, err := issue(w.Admin, 2)
		if err != nil {
			t.Fatal(err)
		}
		w.wantLanding(first.Secret, sharing.ClosedRevoked, "")
		w.wantLanding(second.Secret, "", sharing.NeedsNothing)
		_, err = issue(w.Admin, 1)
		objecttest.WantProblem(t, err, api.CodeConflict)
		shown, err := issue(w.Admin, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.wantLanding(second.Secret, sharing.ClosedRevoked, "")
		w.wantLanding(shown.Secret, "", sharing.NeedsNothing)
		_, err = issue(w.Admin, 3) // the number of the one that was shown once
		objecttest.WantProblem(t, err, api.CodeConflict)
		for by, want := range map[string]api.Code{nobody: api.CodeNotFound, guest: api.CodeForbidden} {
			_, err = issue(w.as(by), 9)
			objecttest.WantProblem(t, err, want)
		}
	})
}

func TestDeletedItemTakesItsLinksAlong(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/campaigns/spring", "anyone", nil)
		token := w.token(l)
		session, _ := w.enter(token, browser, sharing.Answer{})
		w.Delete(t, w.Owner, api.FolderKind, "/campaigns/spring")
		w.folder("/campaigns/spring", "inherit")
		w.wantLanding(token, sharing.ClosedRevoked, "")
		w.wantClosed(session, sharing.ClosedRevoked)
		if got := w.keys(w.Admin, api.ShareLinkKind); len(got) != 0 {
			t.Errorf("links = %v, want none", got)
		}
	})
}

// C039: who leaves takes their links along, and is no visitor any more.
func TestLinksOfSuspendedMembersAreRevoked(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.grant("member:"+nobody, "/finance", "full_access")
		w.linkPolicy(doc{"require_external_approval": false})
		made := w.Create(t, w.as(nobody), api.ShareLinkKind, linkDoc("/finance", "anyone", nil)).(*api.ShareLink)
		theirs := w.token(made)
		session, _ := w.enter(theirs, browser, sharing.Answer{})
		other := w.token(w.link("/finance", "recipient", doc{"name": "For Nils", "recipients": []string{nobody, visitorMail}}))
		inside := w.identify(other, browser, sharing.Answer{Email: nobody})
		outside := w.identify(other, another, sharing.Answer{Email: visitorMail})
		err := w.Service.Do(ctx, object.System(w.Workspace.ID), func(s *object.Scope) error {
			return people.Suspend(ctx, s, nobody, "left the company")
		})
		if err != nil {
			t.Fatal(err)
		}
		w.wantClosed(session, sharing.ClosedRevoked)
		w.wantLanding(theirs, sharing.ClosedRevoked, "")
		w.wantClosed(inside, sharing.ClosedEnded)
		w.visit(outside, another)
		if got := w.Get(t, w.Admin, api.ShareLinkKind, made.ID).(*api.ShareLink).State; got != api.LinkRevoked {
			t.Errorf("state = %q, want revoked", got)
		}
		if e := w.Events(t, audit.Filter{Action: "share_link.revoked"}); len(e) != 1 || e[0].Effect != audit.EffectNarrowed || !strings.Contains(strings.Join(e[0].Reasons, " "), "left the company") {
			t.Errorf("events = %+v", e)
		}
		// Nobody gets in by a code that is asked for now, and the link opens no more.
		if _, next := w.enter(other, browser, sharing.Answer{Email: nobody}); next.Needs != sharing.NeedsCode {
			t.Errorf("a leaver is answered %+v", next)
		}
		// It can be made anew, by somebody who is here; nothing of before counts.
		again := w.Create(t, w.Admin, api.ShareLinkKind, linkDoc("/finance", "anyone", nil)).(*api.ShareLink)
		if again.State != api.LinkActive || again.CreatedBy != "member:"+objecttest.AdminEmail {
			t.Errorf("made anew: %+v", again)
		}
		w.wantLanding(theirs, sharing.ClosedRevoked, "")
	})
}

// Who changes their address takes their links along, and is followed by what a
// suspension does to them.
func TestLinksFollowAMemberToAnotherAddress(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.linkPolicy(doc{"require_external_approval": false})
		w.grant("member:"+nobody, "/finance", "full_access")
		made := w.Create(t, w.as(nobody), api.ShareLinkKind, linkDoc("/finance", "anyone", nil)).(*api.ShareLink)
		named := w.link("/finance", "recipient", doc{"name": "For Nils", "recipients": []string{nobody, visitorMail}})
		token := w.token(named)
		session := w.identify(token, browser, sharing.Answer{Email: nobody})
		const now = "nils.new@example.com"
		system := func(f func(s *object.Scope) error) {
			t.Helper()
			if err := w.Service.Do(ctx, object.System(w.Workspace.ID), f); err != nil {
				t.Fatal(err)
			}
		}
		system(func(s *object.Scope) error { return people.Rename(ctx, s, nobody, now) })
		w.wantClosed(session, sharing.ClosedEnded)
		if got := w.Get(t, w.Admin, api.ShareLinkKind, named.ID).(*api.ShareLink).Recipients; strings.Join(got, " ") != now+" "+visitorMail {
			t.Errorf("recipients = %q", got)
		}
		w.visit(w.identify(token, another, sharing.Answer{Email: now}), another)
		system(func(s *object.Scope) error { return people.Suspend(ctx, s, now, "") })
		if got := w.Get(t, w.Admin, api.ShareLinkKind, made.ID).(*api.ShareLink); got.State != api.LinkRevoked || got.CreatedBy != "member:"+now {
			t.Errorf("the link they made: %+v", got)
		}
	})
}
