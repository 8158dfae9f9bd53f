package secevent_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent/receivertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
)

// TestWhoeverLeavesIsToldOf: by every way in which access of a person ends or begins,
// each event once and in an order that makes sense.
func TestWhoeverLeavesIsToldOf(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": everything})
		left := []string{"session_revoked", "account_disabled", "user_deactivated"}
		for _, step := range []struct {
			name string
			do   func()
			want []string
		}{
			{"made by Terraform", func() {
				w.Create(t, objecttest.Stack(w.Owner, "root"), api.MemberKind, doc{"email": ann, "display_name": "Ann"})
				// Sessions that end with a suspension are not told of a second time.
				w.do(object.System(w.Workspace.ID), func(s *object.Scope) error {
					_, err := signin.IssuePersonalToken(ctx, s, ann, time.Hour)
					return err
				})
			}, []string{"user_created"}},
			{"suspended by Terraform", func() {
				w.Put(t, objecttest.Stack(w.Owner, "root"), api.MemberKind, ann, doc{"email": ann, "display_name": "Ann", "active": false})
			}, left},
			{"let in again by Terraform", func() {
				w.Put(t, objecttest.Stack(w.Owner, "root"), api.MemberKind, ann, doc{"email": ann, "display_name": "Ann"})
			}, []string{"account_enabled", "user_activated"}},
			{"destroyed by Terraform", func() { w.Delete(t, objecttest.Stack(w.Owner, "root"), api.MemberKind, ann) }, left},
			{"let in again by an identity provider", func() { w.reactivate(ann) }, []string{"account_enabled", "user_activated"}},
			{"suspended by an identity provider", func() { w.suspend(ann) }, left},
			{"suspended once more", func() { w.suspend(ann) }, []string{}},
			{"given another name", func() {
				w.Put(t, w.Owner, api.MemberKind, objecttest.MemberEmail, doc{"email": objecttest.MemberEmail, "display_name": "Mia"})
			}, []string{"user_updated"}},
			{"given another address", func() {
				w.do(w.connection(), func(s *object.Scope) error { return people.Rename(ctx, s, objecttest.MemberEmail, "maria@example.com") })
			}, []string{"user_updated"}},
			{"given another role, which is nobody's business outside", func() {
				w.Put(t, w.Owner, api.MemberKind, objecttest.AdminEmail, doc{"email": objecttest.AdminEmail, "workspace_role": "member"})
			}, []string{}},
			{"a guest comes", func() {
				w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone"})
				w.Create(t, w.Owner, api.TeamKind, doc{"slug": "design", "name": "Design"})
				w.Create(t, w.Owner, api.ProjectKind, doc{"path": "/campaign", "name": "Campaign", "team": "design"})
				w.Create(t, w.Owner, api.GuestKind, doc{"email": "gus@client.example", "sponsor": objecttest.OwnerEmail, "projects": []string{"/campaign"}})
			}, []string{"user_created"}},
			{"a guest goes", func() { w.Delete(t, w.Owner, api.GuestKind, "gus@client.example") }, left},
			{"sessions end, and their owner stays", func() {
				w.do(w.Owner, func(s *object.Scope) error {
					return s.Record(audit.ActionSessionRevoked, audit.Target{Kind: "session", Key: "member:" + objecttest.AdminEmail}, audit.EffectNarrowed, nil, nil)
				})
			}, []string{"session_revoked"}},
			{"sessions of a machine end", func() {
				w.do(w.Owner, func(s *object.Scope) error {
					return s.Record(audit.ActionSessionRevoked, audit.Target{Kind: "session", Key: "service_account:ci"}, audit.EffectNarrowed, nil, nil)
				})
			}, []string{}},
		} {
			step.do()
			if diff := cmp.Diff(step.want, w.tell()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
	})
}

// TestTokensAreWrittenAsTheStandardsSay: every claim of every event, and no other.
func TestTokensAreWrittenAsTheStandardsSay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.receiver("mail", doc{"events": everything})
		m := w.Create(t, w.Owner, api.MemberKind, doc{"email": ann, "display_name": "Ann"}).(*api.Member)
		w.Put(t, w.Owner, api.MemberKind, ann, doc{"email": ann, "display_name": "Ann Ott"})
		w.suspend(ann)
		w.reactivate(ann)
		w.do(w.connection(), func(s *object.Scope) error {
			return s.Record("scim_user.deleted", audit.Target{Kind: "scim_user", ID: m.ID, Key: ann}, audit.EffectNarrowed, nil, nil)
		})
		w.tell()
		scim, email := doc{"format": "scim", "uri": "/Users/" + m.ID}, doc{"format": "email", "email": ann}
		want := []struct {
			event   string
			subject doc
			said    doc
		}{
			{"urn:ietf:params:scim:event:prov:create:notice", scim, doc{"attributes": []any{"displayName", "emails"}}},
			{"urn:ietf:params:scim:event:prov:patch:notice", scim, doc{"attributes": []any{"displayName"}}},
			{"https://schemas.openid.net/secevent/caep/event-type/session-revoked", email, doc{"initiating_entity": "policy", "reason_admin": doc{"en": "A policy of the workspace ended the account or its access."}, "reason_user": doc{"en": "Your access has ended."}}},
			{"https://schemas.openid.net/secevent/risc/event-type/account-disabled", email, doc{}},
			{"urn:ietf:params:scim:event:prov:deactivate", scim, doc{}},
			{"https://schemas.openid.net/secevent/risc/event-type/account-enabled", email, doc{}},
			{"urn:ietf:params:scim:event:prov:activate", scim, doc{}},
			{"urn:ietf:params:scim:event:prov:delete", scim, doc{}},
		}
		got := w.in.Accepted()
		if len(got) != len(want) {
			t.Fatalf("%d tokens: %v", len(got), names(got))
		}
		ids, transactions := map[string]bool{}, map[string][]string{}
		for n, token := range got {
			if err := token.Verify(w.keys()); err != nil {
				t.Errorf("%s: %v", token.Event, err)
			}
			if diff := cmp.Diff(doc{"typ": "secevent+jwt", "alg": "ES256", "kid": token.Header["kid"]}, token.Header); diff != "" || token.Header["kid"] == "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			at, isNumber := token.Said["event_timestamp"].(float64)
			if short[token.Event] == "session_revoked" != isNumber || isNumber && time.Since(time.Unix(int64(at), 0)).Abs() > time.Hour {
				t.Errorf("%s happened at %v", token.Event, token.Said["event_timestamp"])
			}
			delete(token.Said, "event_timestamp")
			if token.Event != want[n].event || !cmp.Equal(want[n].said, token.Said) {
				t.Errorf("token %d (-want +got):\n%s", n, cmp.Diff(want[n].said, token.Said))
			}
			iat, _ := token.Claims["iat"].(float64)
			if time.Since(time.Unix(int64(iat), 0)).Abs() > time.Hour || iat != float64(int64(iat)) {
				t.Errorf("iat is %v", token.Claims["iat"])
			}
			txn, _ := token.Claims["txn"].(string)
			transactions[txn] = append(transactions[txn], short[token.Event])
			if ids[token.ID] || token.ID == "" || txn == "" {
				t.Errorf("jti %q, txn %q", token.ID, txn)
			}
			ids[token.ID] = true
			// Nothing else: no sub, no exp (RFC 8417 section 2.2, RFC 9967 section 2.1).
			body := doc{"iss": baseURL + "/ssf/" + w.Workspace.ID, "aud": "https://mail.example.com", "jti": token.ID, "iat": iat, "txn": txn, "sub_id": want[n].subject, "events": doc{token.Event: token.Said}}
			if diff := cmp.Diff(body, token.Claims); diff != "" {
				t.Errorf("%s (-want +got):\n%s", token.Event, diff)
			}
			if token.Sent.Get("Authorization") != header || token.Path != "/mail" {
				t.Errorf("sent to %s with %v", token.Path, token.Sent)
			}
		}
		if r.Issuer != baseURL+"/ssf/"+w.Workspace.ID || r.JWKSURI != r.Issuer+"/jwks.json" {
			t.Errorf("issuer %q, keys at %q", r.Issuer, r.JWKSURI)
		}
		together := 0
		for _, events := range transactions {
			if slices.Contains(events, "session_revoked") {
				together = len(events)
			}
		}
		if together != 3 {
			t.Errorf("transactions: %v; want the three events of the leaver in one", transactions)
		}
	})
}

// TestWhoCausedItIsTold in the words of CAEP, without a name.
func TestWhoCausedItIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked"}})
		for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
			w.AddMember(t, w.Owner, email, "member")
		}
		connection := w.connection()
		connection.Kind, connection.ID, connection.Key = object.PrincipalConnection, "okta", "okta"
		w.Delete(t, w.Admin, api.MemberKind, "a@example.com")
		w.suspend("b@example.com")
		w.do(connection, func(s *object.Scope) error {
			var m *api.Member
			obj, err := s.Get(ctx, api.MemberKind, "c@example.com")
			if err != nil {
				return err
			}
			m = obj.(*api.Member)
			m.Active = false
			return s.SaveDerived(ctx, api.MemberKind, object.How{Verb: "suspended"}, m)
		})
		w.tell()
		var got []any
		for _, token := range w.in.Accepted() {
			got = append(got, token.Said["initiating_entity"])
			if raw := token.Said["reason_admin"].(doc)["en"].(string); strings.Contains(raw, "@") || raw == "" {
				t.Errorf("the reason is %q", raw)
			}
		}
		if diff := cmp.Diff([]any{"admin", "policy", "system"}, got); diff != "" {
			t.Errorf("who did it (-want +got):\n%s", diff)
		}
	})
}

// TestOnlyWhatIsAskedForIsSent: by event, by receiver, and not what was before.
func TestOnlyWhatIsAskedForIsSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.AddMember(t, w.Owner, ann, "member")
		w.suspend(ann) // before there was a receiver
		w.receiver("mail", nil)
		w.receiver("risc", doc{"events": []string{"account_disabled"}})
		w.receiver("off", doc{"enabled": false})
		w.AddMember(t, w.Owner, "ben@example.com", "member")
		w.suspend("ben@example.com")
		w.tell()
		by := map[string][]string{}
		for _, token := range w.in.Accepted() {
			by[token.Path] = append(by[token.Path], short[token.Event])
		}
		if diff := cmp.Diff(map[string][]string{"/mail": {"user_created", "session_revoked", "user_deactivated"}, "/risc": {"account_disabled"}}, by); diff != "" {
			t.Errorf("what came (-want +got):\n%s", diff)
		}
		// One that is switched on later is told of what happens from then on.
		w.receiver("off", doc{"authorization_header_wo_version": 2})
		w.suspend(objecttest.MemberEmail)
		got := w.tell()
		if len(got) != 5 || w.page("off", "", "", 0).Status.State != "idle" {
			t.Errorf("then came %v", got)
		}
	})
}

// TestOtherWorkspacesHearNothing: nor can they read keys or deliveries.
func TestOtherWorkspacesHearNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", nil)
		other, owner := w.NewWorkspace(t, "globex", "gina@example.com")
		w.Put(t, owner, api.EventReceiverKind, "mail", doc{"name": "mail", "url": w.in.URL + "/globex", "audience": "globex"})
		w.AddMember(t, w.Owner, ann, "member")
		w.AddMember(t, owner, "gus@example.com", "member")
		w.tell()
		if got := len(w.in.Accepted()); got != 2 {
			t.Fatalf("%d tokens", got)
		}
		for _, token := range w.in.Accepted() {
			workspace := w.Workspace.ID
			if token.Path == "/globex" {
				workspace = other.ID
			}
			if token.Claims["iss"] != baseURL+"/ssf/"+workspace {
				t.Errorf("%s got a token of %v", token.Path, token.Claims["iss"])
			}
			if err := token.Verify(w.keys()); (err == nil) != (workspace == w.Workspace.ID) {
				t.Errorf("%s with the keys of acme: %v", token.Path, err)
			}
		}
	})
}

// TestNobodyIsErasedBeforeReceiversKnowThatTheyLeft: what is told names the person still.
func TestNobodyIsErasedBeforeReceiversKnowThatTheyLeft(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked"}})
		w.AddMember(t, w.Owner, ann, "member")
		w.consume()
		w.Delete(t, w.Owner, api.MemberKind, ann)
		erase := func() error {
			return w.Service.Do(ctx, w.Owner, func(s *object.Scope) error {
				_, err := people.Erase(ctx, s, api.PersonRequest{Email: ann})
				return err
			})
		}
		p := objecttest.WantProblem(t, erase(), api.CodeConflict)
		if p != nil && !strings.Contains(p.Detail, "Receivers of security events") {
			t.Errorf("refused because %s", p.Detail)
		}
		w.consume()
		if err := erase(); err != nil {
			t.Fatal(err)
		}
		w.deliver()
		if got := w.in.Accepted(); len(got) != 1 || subject(got[0]) != ann {
			t.Errorf("told of %v", names(got))
		}
		// Nobody waits for a receiver that is switched off.
		w.receiver("mail", doc{"enabled": false})
		w.Delete(t, w.Owner, api.MemberKind, objecttest.MemberEmail)
		err := w.Service.Do(ctx, w.Owner, func(s *object.Scope) error {
			_, err := people.Erase(ctx, s, api.PersonRequest{Email: objecttest.MemberEmail})
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestEachEventIsQueuedOnce, however often the log is read and by how many.
func TestEachEventIsQueuedOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked"}})
		const leavers = 80
		for n := range leavers {
			w.AddMember(t, w.Owner, email(n), "member")
		}
		for n := range leavers {
			w.suspend(email(n))
		}
		w.Seal(w.t)
		done := make(chan error)
		for range 4 {
			worker := w.replica()
			go func() {
				var err error
				for range 20 {
					if err == nil {
						_, err = worker.Consume(ctx)
					}
					if err == nil {
						_, err = worker.Deliver(ctx)
					}
				}
				done <- err
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		w.tell()
		all := w.in.All()
		seen := map[string]bool{}
		var order []string
		for _, token := range all {
			if seen[token.ID] {
				t.Errorf("%s came twice", token.ID)
			}
			seen[token.ID] = true
			order = append(order, subject(token))
		}
		var want []string
		for n := range leavers {
			want = append(want, email(n))
		}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("who left (-want +got):\n%s", diff)
		}
	})
}

func email(n int) string {
	return "p" + string(rune('a'+n/26)) + string(rune('a'+n%26)) + "@example.com"
}

func subject(token receivertest.Token) string {
	id, _ := token.Claims["sub_id"].(doc)
	email, _ := id["email"].(string)
	return email
}
