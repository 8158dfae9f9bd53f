package secevent_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent"
)

func TestReceiversAreChecked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := doc{"name": "mail", "url": "https://mail.example.com/in", "audience": "mail", "authorization_header_wo": header, "authorization_header_wo_version": 1}
		w.Put(t, w.Owner, api.EventReceiverKind, "mail", good)
		for _, c := range []struct {
			change doc
			path   string
		}{
			{doc{"url": "http://mail.example.com/in"}, "/url"},
			{doc{"url": "https://ann:secret@mail.example.com/in"}, "/url"},
			{doc{"url": "https://mail.example.com/in#part"}, "/url"},
			{doc{"url": "ftp://mail.example.com"}, "/url"},
			{doc{"audience": ""}, "/audience"},
			{doc{"events": []string{}}, "/events"},
			{doc{"events": []string{"everything"}}, "/events/0"},
			{doc{"signing_algorithm": "none"}, "/signing_algorithm"},
			{doc{"authorization_header_wo_version": nil}, "/authorization_header_wo_version"},
			{doc{"authorization_header_wo": "Bearer x\r\nX-Other: y"}, "/authorization_header_wo"},
			{doc{"authorization_header_wo": "Bearer ü"}, "/authorization_header_wo"},
			{doc{"authorization_header_wo": " Bearer x"}, "/authorization_header_wo"},
			// What was given to one host is not sent to another.
			{doc{"url": "https://evil.example.com/in"}, "/authorization_header_wo_version"},
			{doc{"url": "https://mail.example.com:8443/in", "authorization_header_wo": nil}, "/authorization_header_wo_version"},
		} {
			d := doc{}
			for _, m := range []doc{good, c.change} {
				for k, v := range m {
					d[k] = v
				}
			}
			_, err := w.TryPut(t, w.Owner, api.EventReceiverKind, "mail", d)
			objecttest.WantViolation(t, err, c.path)
			if strings.Contains(err.Error(), "correct-horse") {
				t.Errorf("the refusal tells the header: %v", err)
			}
		}
		for _, change := range []doc{{"url": "https://mail.example.com/elsewhere"}, {"url": "https://new.example.com", "authorization_header_wo_version": 2}, {"url": "https://other.example.com", "authorization_header_wo": nil, "authorization_header_wo_version": nil}} {
			d := doc{}
			for _, m := range []doc{good, change} {
				for k, v := range m {
					d[k] = v
				}
			}
			w.Put(t, w.Owner, api.EventReceiverKind, "mail", d)
		}
		_, err := w.TryPut(t, w.Member, api.EventReceiverKind, "other", doc{"name": "other", "url": "https://mail.example.com", "audience": "x"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

// TestVerifyingSaysWhatTheReceiverSays (SSF 1.0 section 8.1.4).
func TestVerifyingSaysWhatTheReceiverSays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.receiver("mail", doc{"events": []string{"session_revoked"}})
		verify := func() *api.EventReceiverVerification {
			t.Helper()
			v, err := secevent.Verify(ctx, w.Service, w.Worker.Client, w.Owner, "mail")
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if v := verify(); !v.Accepted || v.Status != 202 || v.Error != "" {
			t.Errorf("verified: %+v", v)
		}
		token := w.in.Accepted()[0]
		if err := token.Verify(w.keys()); err != nil {
			t.Error(err)
		}
		state, _ := token.Said["state"].(string)
		if short[token.Event] != "verification" || state == "" || !cmp.Equal(token.Claims["sub_id"], any(doc{"format": "opaque", "id": r.ID})) {
			t.Errorf("the token: %v", token.Claims)
		}
		// What waits for a receiver that works again is sent without further delay.
		w.in.Answers(always(http.StatusForbidden, `{"err":"access_denied"}`))
		w.suspend(objecttest.MemberEmail)
		w.tell()
		if v := verify(); v.Accepted || v.Status != 403 || v.Error != "the receiver answers 403: access_denied" {
			t.Errorf("verified: %+v", v)
		}
		w.in.Answers(nil)
		w.deliver()
		early := len(w.in.Accepted())
		verify()
		w.deliver()
		if early != 1 || len(w.in.Accepted()) != 3 {
			t.Errorf("%d before it was verified, %d after", early, len(w.in.Accepted()))
		}
		if got := len(w.Events(t, audit.Filter{Action: "event_receiver.verified"})); got != 3 {
			t.Errorf("%d verifications are in the audit log", got)
		}
		if items := w.page("mail", "", "", 0).Items; len(items) != 4 {
			t.Errorf("deliveries: %+v", items)
		}
		_, err := secevent.Verify(ctx, w.Service, w.Worker.Client, w.Member, "mail")
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, err = secevent.Verify(ctx, w.Service, w.Worker.Client, w.Owner, "none")
		objecttest.WantProblem(t, err, api.CodeNotFound)
		v, err := secevent.Verify(ctx, w.Service, nil, w.Owner, "mail")
		if err != nil || v.Accepted || v.Error == "" {
			t.Errorf("without a way out: %+v, %v", v, err)
		}
	})
}

// TestKeysChangeWithoutATokenThatCannotBeChecked: old and new are published beside each
// other, the new one before it is used.
func TestKeysChangeWithoutATokenThatCannotBeChecked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked", "account_enabled"}})
		w.receiver("rsa", doc{"events": []string{"session_revoked", "account_enabled"}, "signing_algorithm": "RS256"})
		if _, err := secevent.JWKS(ctx, w.Service, w.Workspace.ID); err == nil {
			t.Error("there are keys before there were any")
		}
		if err := w.Worker.EnsureKeys(ctx); err != nil {
			t.Fatal(err)
		}
		kids := func() []any {
			out := []any{}
			for _, token := range w.in.Accepted() {
				out = append(out, token.Header["kid"])
			}
			return out
		}
		rotate := func(atOnce, dry bool) *api.SecurityEventKeys {
			t.Helper()
			k, err := secevent.Rotate(ctx, w.Service, w.Owner, atOnce, dry)
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		verifyAll := func(want bool) {
			t.Helper()
			for _, token := range w.in.Accepted() {
				if err := token.Verify(w.keys()); (err == nil) != want {
					t.Errorf("%s by key %v: %v", token.ID, token.Header["kid"], err)
				}
			}
		}
		w.suspend(objecttest.MemberEmail)
		w.tell()
		before := string(w.keys())
		if k := rotate(false, true); len(k.Items) != 4 || string(w.keys()) != before {
			t.Errorf("a dry run shows %+v, or kept something", k)
		}
		if k := rotate(false, false); len(k.Items) != 4 || len(w.in.Accepted()) != 2 {
			t.Errorf("keys: %+v", k)
		}
		w.reactivate(objecttest.MemberEmail)
		w.tell() // at once after the rotation: nobody may know the new key
		if got := kids(); len(got) != 4 || !cmp.Equal(sorted(got[:2]), sorted(got[2:])) {
			t.Errorf("keys of the tokens: %v", got)
		}
		w.Advance(secevent.JWKSMaxAge * 3)
		w.suspend(objecttest.MemberEmail)
		w.tell()
		if got := kids(); len(got) != 6 || got[4] == got[0] || got[4] == got[1] {
			t.Errorf("keys of the tokens: %v", got)
		}
		verifyAll(true)
		w.Advance(7 * 24 * time.Hour)
		if err := secevent.Purge(ctx, w.Service); err != nil {
			t.Fatal(err)
		}
		if n := len(objecttest.Dump(t, w.DB)["security_event_key"]); n != 2 {
			t.Errorf("%d keys are kept", n)
		}
		// A key that leaked counts no longer.
		rotate(true, false)
		verifyAll(false)
		w.reactivate(objecttest.MemberEmail)
		w.tell()
		for _, token := range w.in.Accepted()[6:] {
			if err := token.Verify(w.keys()); err != nil {
				t.Error(err)
			}
		}
		if n := len(w.Events(t, audit.Filter{Action: "security_event_key.rotated"})); n != 4 {
			t.Errorf("%d rotations are in the audit log", n)
		}
		_, err := secevent.Rotate(ctx, w.Service, w.Member, false, false)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		err = w.Service.View(ctx, w.Owner, func(s *object.Scope) error {
			k, err := secevent.Keys(ctx, s)
			if err == nil && (len(k.Items) != 2 || k.Items[0].ExpiresAt != nil) {
				t.Errorf("keys: %+v", k)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func sorted(list []any) map[any]bool {
	out := map[any]bool{}
	for _, v := range list {
		out[v] = true
	}
	return out
}
