package secevent

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// aboutPeople are the kinds of targets whose events concern a person: the member, the
// person as an identity provider knows them, and the member's sessions.
var aboutPeople = []string{"member", "scim_user", "session"}

// telling is something that one event of the log says; settle looks at all that those of
// one change say together.
type telling struct {
	happening
	// vague tellings are dropped when another of the change says it better.
	vague bool
}

// person is what the documents of a member say.
type person struct {
	Email       string `json:"email"`
	DisplayName string `json:"display_name"`
	ExternalID  string `json:"external_id"`
	Active      bool   `json:"active"`
}

// personIn reads a document; nil for none, and for one of a person who was erased.
func personIn(doc json.RawMessage) *person {
	var p person
	if len(doc) == 0 || json.Unmarshal(doc, &p) != nil || p.Email == "" {
		return nil
	}
	return &p
}

// tellingsOf says what an event of the log means to receivers.
func tellingsOf(ctx context.Context, s *object.Scope, e *audit.Event) ([]telling, error) {
	switch e.Target.Kind {
	case "member":
		return ofMember(e), nil
	case "scim_user":
		return ofPushed(e), nil
	case "session":
		return ofSessions(ctx, s, e)
	}
	return nil, nil
}

// ofMember compares the documents of a member before and after: that covers every door
// and every way of changing one, whatever the event is called.
func ofMember(e *audit.Event) []telling {
	was, is := personIn(e.Before), personIn(e.After)
	var out []telling
	tell := func(p *person, events ...string) {
		for _, name := range events {
			out = append(out, tellingOf(e, name, e.Target.ID, p))
		}
	}
	left := []string{api.SecurityEventSessionRevoked, api.SecurityEventAccountDisabled}
	switch {
	case was == nil && is == nil:
	case was == nil:
		tell(is, api.SecurityEventUserCreated)
		out[0].Attributes = changed(&person{}, is)
	case is == nil:
		if was.Active {
			tell(was, left...)
		}
		tell(was, api.SecurityEventUserDeleted)
	default:
		if what := changed(was, is); len(what) > 0 {
			tell(is, api.SecurityEventUserUpdated)
			out[0].Attributes = what
		}
		switch {
		case was.Active && !is.Active:
			tell(is, append(left, api.SecurityEventUserDeactivated)...)
		case !was.Active && is.Active:
			tell(is, api.SecurityEventAccountEnabled, api.SecurityEventUserActivated)
		}
	}
	return out
}

// changed names the SCIM attributes that differ, as paths (RFC 7644 §3.5.2), but for
// active, which has events of its own.
func changed(was, is *person) []string {
	var out []string
	for _, a := range []struct {
		name     string
		was, now string
	}{{"displayName", was.DisplayName, is.DisplayName}, {"emails", was.Email, is.Email}, {"externalId", was.ExternalID, is.ExternalID}} {
		if a.was != a.now {
			out = append(out, a.name)
		}
	}
	return out
}

// ofPushed is what an identity provider did to somebody beside what the member shows.
func ofPushed(e *audit.Event) []telling {
	p := &person{Email: e.Target.Key}
	switch e.Action {
	case "scim_user.deleted":
		return []telling{tellingOf(e, api.SecurityEventUserDeleted, e.Target.ID, p)}
	case "scim_user.restored":
		t := tellingOf(e, api.SecurityEventUserCreated, e.Target.ID, p)
		t.Attributes = pushedAttributes(e)
		return []telling{t}
	case "scim_user.updated":
		t := tellingOf(e, api.SecurityEventUserUpdated, e.Target.ID, p)
		t.Attributes = pushedAttributes(e)
		t.vague = len(t.Attributes) == 0
		return []telling{t}
	}
	return nil
}

// pushedAttributes names what an identity provider changed, but for active, which has
// events of its own.
func pushedAttributes(e *audit.Event) []string {
	var c provisioning.Changed
	if len(e.After) == 0 || json.Unmarshal(e.After, &c) != nil {
		return nil // of somebody who was erased meanwhile
	}
	return slices.DeleteFunc(c.Attributes, func(a string) bool { return a == "active" })
}

// ofSessions is the end of sessions of a member who stays.
func ofSessions(ctx context.Context, s *object.Scope, e *audit.Event) ([]telling, error) {
	email, ok := strings.CutPrefix(e.Target.Key, "member:")
	if e.Action != audit.ActionSessionRevoked || !ok {
		return nil, nil
	}
	var id string
	err := s.Tx.QueryRowContext(ctx, `SELECT id FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $2`, s.WorkspaceID, email).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading whose sessions ended: %w", err)
	}
	t := tellingOf(e, api.SecurityEventSessionRevoked, id, &person{Email: email})
	t.vague = true
	return []telling{t}, nil
}

func tellingOf(e *audit.Event, name, member string, p *person) telling {
	txn := e.RequestID
	if txn == "" {
		txn = e.ID
	}
	entity, reason := why(e)
	return telling{happening: happening{event: e.ID, at: e.Time, message: message{
		Event: name, Txn: txn, OccurredAt: e.Time.Unix(), MemberID: member, Email: p.Email, ExternalID: p.ExternalID, Entity: entity, Reason: reason,
	}}}
}

// why says who caused something, in the words of CAEP §2, and one sentence of it. The
// sentence names nobody: receivers need not know the administrators.
func why(e *audit.Event) (entity, reason string) {
	switch e.Actor.Kind {
	case object.PrincipalConnection:
		return "system", "The identity provider ended the account or its access."
	case object.PrincipalSystem:
		return "policy", "A policy of the workspace ended the account or its access."
	case object.PrincipalMember:
		if e.Actor.ID != "" && e.Actor.ID == e.Target.ID || e.Actor.Key != "" && e.Actor.Key == e.Target.Key {
			return "user", "The person ended the account or its access."
		}
	}
	return "admin", "An administrator ended the account or its access."
}

// settle takes out of the tellings of one change what another says better: each person
// is told of once for each event, and a change without particulars only when there is
// nothing particular to tell.
func settle(group []telling) []telling {
	type about struct{ event, member string }
	clear := map[about]bool{}      // said for sure
	provision := map[string]bool{} // people of whom the SCIM events say something
	created := map[string]bool{}   // that says all of them
	txn := ""
	for _, t := range group {
		created[t.MemberID] = created[t.MemberID] || t.Event == api.SecurityEventUserCreated
		if txn == "" {
			txn = t.Txn
		}
		if !t.vague {
			clear[about{t.Event, t.MemberID}] = true
			provision[t.MemberID] = provision[t.MemberID] || strings.HasPrefix(t.Event, "user_")
		}
	}
	var out []telling
	said := map[about]int{} // where in out, from 1
	for _, t := range group {
		key := about{t.Event, t.MemberID}
		if t.vague && (clear[key] || t.Event == api.SecurityEventUserUpdated && provision[t.MemberID]) {
			continue
		}
		if created[t.MemberID] && (t.Event == api.SecurityEventUserUpdated || t.Event == api.SecurityEventUserActivated) {
			continue
		}
		if at := said[key]; at > 0 {
			for _, a := range t.Attributes {
				if !slices.Contains(out[at-1].Attributes, a) {
					out[at-1].Attributes = append(out[at-1].Attributes, a)
				}
			}
			continue
		}
		t.Txn = txn
		out = append(out, t)
		said[key] = len(out)
	}
	return out
}
