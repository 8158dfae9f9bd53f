package sharing_test

import (
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

// The tree cannot hold a circle: an item's place is its path, and a path never changes.
func TestNothingMovesInTheTree(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		folder := w.Get(t, w.Owner, api.FolderKind, "/finance").(*api.Folder)
		project := w.Get(t, w.Owner, api.ProjectKind, "/campaigns").(*api.Project)
		asset := w.Get(t, w.Owner, api.AssetKind, "/finance/report").(*api.Asset)
		collection := w.Get(t, w.Owner, api.CollectionKind, "/campaigns/reel").(*api.Collection)
		for _, c := range []struct {
			name string
			kind *api.Kind
			id   string
			doc  doc
		}{
			{"a folder under itself", api.FolderKind, folder.ID, doc{"path": "/finance/quarterly/finance"}},
			{"a folder to its child's place", api.FolderKind, folder.ID, doc{"path": "/finance/quarterly"}},
			{"a folder elsewhere", api.FolderKind, folder.ID, doc{"path": "/campaigns/finance"}},
			{"a project under itself", api.ProjectKind, project.ID, doc{"path": "/campaigns/spring/campaigns", "name": "C", "team": "design"}},
			{"an asset into a collection", api.AssetKind, asset.ID, doc{"path": "/campaigns/reel/report"}},
			{"a collection into an asset", api.CollectionKind, collection.ID, doc{"path": "/finance/report/reel"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				_, err := w.TryPut(t, w.Owner, c.kind, c.id, c.doc)
				v := objecttest.WantViolation(t, err, "/path")
				if v.Code != api.ViolationImmutable {
					t.Errorf("code = %q, want %q", v.Code, api.ViolationImmutable)
				}
				wantWords(t, v.Message, "cannot be changed", "make a new one")
			})
		}
		for _, path := range []string{"/finance/../campaigns", "/finance/./x", "/finance//x", "finance/x", "/finance/%2e%2e", "/finance/\x00", "/finance/x/"} {
			if got, err := w.TryCreate(t, w.Owner, api.FolderKind, doc{"path": path}); err == nil {
				if key := got.GetMeta().Key; key != "/finance/x" {
					t.Errorf("%q was made as %q", path, key)
				}
				w.Delete(t, w.Owner, api.FolderKind, got.GetMeta().ID)
			}
		}
		w.wantLevel("member:"+designer, "/finance", "none")
	})
}

// Teams lie in a tree of their own, and no team is above itself.
func TestNoTeamIsAboveItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "web", "name": "Web", "parent": "design"})
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "mobile", "name": "Mobile", "parent": "web"})
		for _, parent := range []string{"design", "web", "mobile"} {
			_, err := w.TryPut(t, w.Owner, api.TeamKind, "design", doc{"slug": "design", "name": "Design", "parent": parent})
			objecttest.WantViolation(t, err, "/parent")
		}
		w.Put(t, w.Owner, api.TeamKind, "mobile", doc{"slug": "mobile", "name": "Mobile", "parent": "film"})
		w.Put(t, w.Owner, api.TeamKind, "web", doc{"slug": "web", "name": "Web", "parent": "mobile"})
	})
}

// Names of those who are not there, or may not act, give nothing to anybody.
func TestGrantsToTheDeadGiveNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.AddMember(t, w.Owner, "sam@example.com", "member")
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "short", "name": "Short-lived"})
		w.Create(t, w.Owner, api.TeamMembershipKind, doc{"team": "short", "principal": nobody})
		w.Create(t, w.Owner, api.ServiceAccountKind, doc{"name": "bot", "owner": objecttest.OwnerEmail})
		for _, p := range []string{"member:sam@example.com", "team:short", "service_account:bot", "group:Nobody-Ever"} {
			w.grant(p, "/finance", "edit")
		}
		w.wantLevel("member:sam@example.com", "/finance", "edit")
		w.wantLevel("service_account:bot", "/finance", "edit")
		w.wantLevel("member:"+nobody, "/finance", "edit")

		w.Delete(t, w.Owner, api.MemberKind, "sam@example.com")
		w.Delete(t, w.Owner, api.ServiceAccountKind, "bot")
		w.Delete(t, w.Owner, api.TeamKind, "short")
		for _, p := range []string{"member:sam@example.com", "service_account:bot", "member:" + nobody, "member:never@example.com"} {
			w.wantAllowed(p, "/finance", false, "item.read", "asset.read", "comment.create")
		}
		// Nor does the next one of the same name get what the last one had.
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "short", "name": "Another"})
		w.Create(t, w.Owner, api.TeamMembershipKind, doc{"team": "short", "principal": nobody})
		w.wantLevel("member:"+nobody, "/finance", "none")
		w.Put(t, w.Owner, api.MemberKind, "sam@example.com", doc{"email": "sam@example.com", "active": true})
		w.wantLevel("member:sam@example.com", "/finance", "none")

		w.wantRefused([]refusal{
			{name: "a member who is not here", kind: api.AccessGrantKind, at: "/principal", code: api.ViolationReference, says: []string{"never@example.com", "create it first"}, doc: doc{"resource": "/finance", "principal": "member:never@example.com", "level": "view"}},
			{name: "a team that is not here", kind: api.AccessGrantKind, at: "/principal", code: api.ViolationReference, says: []string{"gone"}, doc: doc{"resource": "/finance", "principal": "team:gone", "level": "view"}},
			{name: "a machine that is not here", kind: api.RoleAssignmentKind, at: "/principal", code: api.ViolationReference, says: []string{"gone"}, doc: doc{"role": "viewer", "principal": "service_account:gone", "scope": "/finance"}},
			{name: "an item that is not here", kind: api.AccessGrantKind, at: "/resource", code: api.ViolationReference, says: []string{"/gone"}, doc: doc{"resource": "/gone", "principal": "team:film", "level": "view"}},
		})
	})
}

// Everything that ends, ends at its moment: then it allows, and denies, no more.
func TestWhatHasExpiredCountsNoMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone"})
		end := w.Service.Clock().Add(48 * time.Hour).UTC().Truncate(time.Second)
		until := end.Format(time.RFC3339)
		people := []string{"grant@example.com", "assignment@example.com", "team@example.com", "custom@example.com", "policy@example.com"}
		for _, email := range people {
			w.AddMember(t, w.Owner, email, "member")
		}
		w.Create(t, w.Owner, api.RoleKind, doc{"name": "reader", "statements": []any{statement("allow", []string{"item.read", "asset.read"}, "/campaigns")}})
		w.Create(t, w.Owner, api.AccessGrantKind, doc{"resource": "/campaigns", "principal": "member:grant@example.com", "level": "view", "expires_at": until})
		w.Create(t, w.Owner, api.AccessGrantKind, doc{"resource": "/campaigns", "principal": "email:eve@partner.example", "level": "view", "expires_at": until})
		w.Create(t, w.Owner, api.AccessGrantKind, doc{"resource": "/campaigns", "principal": "member:custom@example.com", "role": "reader", "expires_at": until})
		w.Create(t, w.Owner, api.RoleAssignmentKind, doc{"role": "viewer", "principal": "member:assignment@example.com", "scope": "/campaigns", "expires_at": until})
		w.Create(t, w.Owner, api.TeamMembershipKind, doc{"team": "design", "principal": "team@example.com", "role": "viewer", "expires_at": until})
		w.Create(t, w.Owner, api.AttributePolicyKind, doc{"name": "let-in", "effect": "allow", "permissions": []string{"item.read", "asset.read"}, "paths": []string{"/campaigns"}, "condition": `principal == Principal::"member:policy@example.com"`, "expires_at": until})
		w.Create(t, w.Owner, api.AttributePolicyKind, doc{"name": "keep-out", "effect": "deny", "permissions": []string{"asset.read"}, "paths": []string{"/campaigns"}, "expires_at": until, "condition": `principal == Principal::"member:` + designer + `"`})
		link := &object.LinkGrant{ID: "slnk_1", Resource: "/campaigns", Level: vocabulary.LevelView, ExpiresAt: end}
		visits := func() (allowed bool) {
			viewer, err := object.ViewerSubject(w.Workspace.ID, "vera@partner.example", link)
			if err != nil {
				t.Fatal(err)
			}
			w.ask("member:"+nobody, "/campaigns", func(s *object.Scope, _ *access.Subject, item *access.Item, rc *access.RequestContext) {
				allowed = s.Engine().Check(viewer, item, "asset.read", rc).Allowed
			})
			return allowed
		}
		look := func(at string, live bool) {
			t.Helper()
			for _, email := range people {
				w.wantAllowed("member:"+email, "/campaigns", live, "asset.read")
			}
			w.wantAllowed("email:eve@partner.example", "/campaigns", live, "asset.read")
			w.wantAllowed("member:"+designer, "/campaigns", !live, "asset.read")
			if visits() != live {
				t.Errorf("%s: the visit of a link is allowed: %v", at, !live)
			}
		}
		look("before", true)
		w.Advance(end.Sub(w.Service.Clock()) - time.Minute)
		look("a minute before the end", true)
		w.Advance(2 * time.Minute)
		look("after the end", false)
		// A clock that jumps back brings denials back at once.
		w.Advance(-time.Hour)
		w.wantAllowed("member:"+designer, "/campaigns", false, "asset.read")
		w.Advance(2 * time.Hour)
		look("again", false)
	})
}
