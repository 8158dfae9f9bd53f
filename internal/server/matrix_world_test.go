package server_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// matrix is a deployment with two workspaces: a is full, b is the stranger's.
type matrix struct {
	*servertest.Instance
	a, b   servertest.Instance
	made   made
	event  string // of the audit log
	held   string // a quarantined provisioning event
	asked  string // a request for approval
	said   doc    // ids of a review, a comment and an item in the trash, by what they are
	routes []route
}

func newMatrix(t *testing.T, i *servertest.Instance) *matrix {
	t.Helper()
	m := &matrix{Instance: i, made: fill(t, i), routes: peopleRoutes(t, i)}
	events := want(t, i, 200, call{method: "GET", path: in(i, "audit_events") + "?limit=1", token: i.OwnerToken}).object(t)
	m.event = events["items"].([]any)[0].(doc)["id"].(string)
	eventually(t, "the event is sealed", func() bool {
		return send(t, i, call{method: "GET", path: in(i, "audit/proofs/"+m.event), token: i.OwnerToken}).status == 200
	})
	m.held = holdOne(t, i)
	m.asked = askOne(t, i)
	m.said = sayOne(t, i, m.made.keys["asset"])
	m.said["notifications"] = noticeOne(t, i, m.event)
	m.a = i.AddWorkspace("globex")
	m.b = *i
	return m
}

// holdOne keeps the event of a change that was held.
func holdOne(t *testing.T, i *servertest.Instance) string {
	t.Helper()
	connection := &object.Caller{Kind: object.PrincipalConnection, Key: i.Workspace + "-okta", WorkspaceID: i.WorkspaceID}
	err := provisioning.Note(context.Background(), i.Service, connection, provisioning.Event{Operation: provisioning.OperationGroupUpdate, Resource: provisioning.ResourceGroup, Target: "sgrp_1", Outcome: provisioning.OutcomeQuarantined, Request: []byte(`{"method":"DELETE","path":"/Groups/sgrp_1"}`)})
	if err != nil {
		t.Fatal(err)
	}
	events := want(t, i, 200, call{method: "GET", path: in(i, "provisioning_events") + "?waiting=true", token: i.OwnerToken}).object(t)
	return events["items"].([]any)[0].(doc)["id"].(string)
}

// askOne makes a request for approval.
func askOne(t *testing.T, i *servertest.Instance) (id string) {
	t.Helper()
	vic := "vic@" + i.Workspace + ".example.org"
	err := i.Service.Do(context.Background(), object.System(i.WorkspaceID), func(s *object.Scope) (err error) {
		id, err = sharing.OpenPromotion(context.Background(), s, sharing.Ask{Purpose: sharing.PurposePromotion, Summary: "let somebody in", Always: true}, "viewer:"+vic, doc{"email": vic, "workspace_role": "member"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sayOne asks for a review, comments, and puts an item into the trash.
func sayOne(t *testing.T, i *servertest.Instance, item string) doc {
	t.Helper()
	post := func(to string, body doc) doc {
		return want(t, i, 201, call{method: "POST", path: in(i, to), token: i.OwnerToken, body: body}).object(t)
	}
	out := doc{"review": post("reviews", doc{"item": item, "name": "A cut", "reviewers": []string{"owner@example.com"}})["id"], "comment": post("comments", doc{"item": item, "body": "Hello"})["id"]}
	gone := post("assets", doc{"path": item + "-gone"})
	want(t, i, 204, call{method: "DELETE", path: in(i, "assets/"+gone["id"].(string)), token: i.OwnerToken})
	out["trash"] = gone["id"]
	return out
}

// requests gives the calls of a route in workspace a: by slug and key, and by ids.
func (m *matrix) requests(t *testing.T, r route, dry bool) []call {
	t.Helper()
	var out []call
	for _, byID := range []bool{false, true} {
		workspace, ref := m.a.Workspace, ""
		refs := m.made.keys
		if byID {
			workspace, refs = m.a.WorkspaceID, m.made.ids
		}
		switch {
		case r.kind != nil:
			ref = refs[r.kind.Name]
		case r.id == "resend_invitation":
			ref = refs[api.InvitationKind.Name]
		case strings.HasSuffix(r.id, "_approval_request"):
			ref = m.asked
		case strings.HasPrefix(r.id, "issue_scim"):
			ref = refs[api.SCIMTokenKind.Name]
		case strings.HasPrefix(r.id, "issue_api"):
			ref = refs[api.APITokenKind.Name]
		case strings.Contains(r.id, "share_link"):
			ref = refs[api.ShareLinkKind.Name]
		case strings.Contains(r.path, "/event_receivers/"):
			ref = refs[api.EventReceiverKind.Name]
		}
		for what, id := range m.said {
			if strings.Contains(r.path, "/"+what) && r.kind == nil {
				ref = id.(string)
			}
		}
		event := m.event
		if strings.Contains(r.path, "/provisioning_events/") {
			event = m.held
		}
		path := strings.NewReplacer("{workspace}", escape(workspace), "{ref}", escape(ref), "{event}", escape(event)).Replace(r.path)
		if strings.Contains(path, "{") {
			t.Fatalf("%s has a parameter that this test cannot fill in", r)
		}
		c := call{method: r.method, path: path + m.query(r)}
		if dry && r.params["dry_run"] {
			c.path = path + "?dry_run=true"
		}
		if r.takesBody {
			c.body = m.body(t, r)
		}
		out = append(out, c)
	}
	return out
}

// query gives the parameters without which a route can say nothing.
func (m *matrix) query(r route) string {
	switch r.id {
	case "effective_access":
		return "?principal=member:admin@example.com&resource=/"
	case "who_can":
		return "?permission=asset.read&resource=/"
	case "usable_items":
		return "?permission=asset.read&principal=member:admin@example.com"
	case "sso_service_provider":
		return "?connection=" + m.made.keys[api.SSOConnectionKind.Name]
	case "audit_consistency":
		return "?old=1&new=1"
	case "list_comments", "next_unresolved_comment":
		return "?item=" + escape(m.made.keys["asset"])
	}
	return ""
}

func (m *matrix) body(t *testing.T, r route) any {
	t.Helper()
	switch r.id {
	case "create_workspace":
		return doc{"slug": "initech", "name": "Initech", "owner": "owner@example.com"}
	case "batch_read":
		var refs []doc
		for name, id := range m.made.ids {
			refs = append(refs, doc{"kind": name, "ref": id})
		}
		return doc{"objects": refs}
	case "check_access":
		return doc{"principal": "member:admin@example.com", "permission": "member.read"}
	case "simulate_provisioning":
		return doc{"connection": m.a.Workspace + "-okta", "requests": []doc{{"method": "DELETE", "path": "/Users/nobody"}}}
	case "simulate_access":
		return doc{"changes": []doc{{"kind": "team", "document": doc{"slug": "night", "name": "Night"}}}}
	case "request_review":
		return doc{"item": m.made.keys["asset"], "name": "Another cut", "reviewers": []string{"owner@example.com"}}
	case "erase_person", "export_person":
		return doc{"email": "somebody@elsewhere.example"}
	case "set_review_state":
		return doc{"state": "closed"}
	case "give_verdict":
		return doc{"verdict": "approved"}
	case "create_comment", "edit_comment":
		return doc{"item": m.made.keys["asset"], "body": "Hello again"}
	case "set_thread_state":
		return doc{"state": "resolved"}
	case "rotate_security_event_keys":
		return doc{"at_once": true}
	case "hold_trash":
		return doc{"legal_hold": true}
	case "put_notification_preferences":
		return doc{"digest": "daily"}
	case "claim_ownership", "release_ownership":
		return doc{"stack": "example.com/infra", "objects": []doc{{"kind": "team", "id": m.made.ids["team"]}}}
	case "approve_approval_request", "deny_approval_request", "withdraw_approval_request":
		return doc{"comment": "because"}
	case "introspect_share_visit":
		return doc{"session": "ghv_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"}
	case "preview_sharing_policy":
		return doc{"sharing_policy": doc{"external_sharing": "disabled"}}
	case "revoke_stale_links":
		return doc{"expired": true}
	case "enforce_sharing_policy":
		return doc{"resource": "/"}
	case "report_asset_events":
		return doc{"events": []doc{{"asset": m.made.keys["asset"], "action": "viewed", "actor": "member:owner@example.com"}}}
	case "issue_scim_secret", "issue_api_secret", "issue_share_link_secret":
		return doc{"rotation": 1}
	}
	if r.kind == nil {
		t.Fatalf("%s takes a body that this test does not know; add one", r)
	}
	return sampleOf(t, m.a.Workspace, r.kind)
}
