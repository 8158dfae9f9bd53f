package sharing_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

func TestItemsThatCannotBeAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.AddMember(t, w.Owner, "sam@example.com", "member")
		w.Put(t, w.Owner, api.MemberKind, "sam@example.com", doc{"email": "sam@example.com", "active": false})
		project := func(path string, more ...any) doc {
			d := doc{"path": path, "name": "P", "team": "design"}
			for i := 0; i+1 < len(more); i += 2 {
				d[more[i].(string)] = more[i+1]
			}
			return d
		}
		w.wantRefused([]refusal{
			{name: "project under nothing", kind: api.ProjectKind, at: "/path", code: api.ViolationReference, says: []string{`"/legal"`, "create it first"}, doc: project("/legal/cases")},
			{name: "folder under nothing", kind: api.FolderKind, at: "/path", code: api.ViolationReference, says: []string{`"/finance/annual"`}, doc: doc{"path": "/finance/annual/2026"}},
			{name: "project at the root", kind: api.ProjectKind, at: "/path", says: []string{"workspace itself", "/finance"}, doc: project("/")},
			{name: "folder at the root", kind: api.FolderKind, at: "/path", says: []string{"workspace itself"}, doc: doc{"path": "/"}},
			{name: "segment that is no slug", kind: api.FolderKind, at: "/path", says: []string{"slug", "/finance/quarterly"}, doc: doc{"path": "/_x"}},
			{name: "project where a folder is", kind: api.ProjectKind, at: "/path", says: []string{"there is a folder at /finance already", "choose another path"}, doc: project("/finance")},
			{name: "folder where a project is", kind: api.FolderKind, at: "/path", says: []string{"there is a project at /campaigns already"}, doc: doc{"path": "/campaigns"}},
			{name: "unknown team", kind: api.ProjectKind, at: "/team", code: api.ViolationReference, says: []string{"sales", "gatehouse_team"}, doc: project("/new", "team", "sales")},
			{name: "unknown owner", kind: api.ProjectKind, at: "/owner", code: api.ViolationReference, says: []string{"gatehouse_member"}, doc: project("/new", "owner", "ann@example.com")},
			{name: "owner who is a guest", kind: api.ProjectKind, at: "/owner", says: []string{"guests own no projects", "name a member"}, doc: project("/new", "owner", guest)},
			{name: "owner who is suspended", kind: api.ProjectKind, at: "/owner", says: []string{"suspended", "active member"}, doc: project("/new", "owner", "sam@example.com")},
			{name: "guest AI by an admin", kind: api.ProjectKind, at: "/allow_guest_ai_workflows", says: []string{"only the workspace Owner", "token of the Owner"}, doc: project("/new", "allow_guest_ai_workflows", true)},
			{name: "another member's project", by: designer, kind: api.ProjectKind, at: "/owner", says: []string{"leave owner out"}, doc: project("/new", "owner", nobody)},
			{name: "another team's project", by: designer, kind: api.ProjectKind, at: "/team", says: []string{"not in the team", "one of your own teams"}, doc: project("/new", "team", "film")},
		})
	})
}

// C015: members create projects for their teams, and own them.
func TestAMemberCreatesProjectsForTheirTeams(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := w.Create(t, w.as(designer), api.ProjectKind, doc{"path": "/summer", "name": "Summer", "team": "design"}).(*api.Project)
		if p.Owner != designer {
			t.Errorf("owner = %q, want who made it", p.Owner)
		}
		w.wantLevel("member:"+designer, "/summer", "full_access")
		// What is nobody's place takes the right to write there.
		_, err := w.TryCreate(t, w.as(designer), api.ProjectKind, doc{"path": "/finance/summer", "name": "Summer", "team": "design"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, err = w.TryCreate(t, w.as(designer), api.FolderKind, doc{"path": "/top"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		w.Create(t, w.as(designer), api.FolderKind, doc{"path": "/campaigns/autumn"})
		// An editor may make folders but not cut others off in them.
		_, err = w.TryCreate(t, w.as(designer), api.FolderKind, doc{"path": "/campaigns/secret", "inheritance": "restricted"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		// Guests make nothing (C016).
		w.policy(doc{"external_sharing": "anyone"})
		w.grant("member:"+guest, "/campaigns", "edit")
		_, err = w.TryCreate(t, w.as(guest), api.FolderKind, doc{"path": "/campaigns/guests"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestAProjectThatAMachineMakesBelongsToTheOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.ServiceAccountKind, doc{"name": "ci", "owner": objecttest.OwnerEmail, "workspace_role": "admin"})
		ci := *w.Admin
		ci.Kind, ci.Key, ci.ID = object.PrincipalServiceAccount, "ci", "sva_ci"
		ci.TokenID, ci.Scopes = "atok_1", []string{"project.*", "access_grant.*"}
		p := w.Create(t, objecttest.Stack(&ci, "prod"), api.ProjectKind, doc{"path": "/infra", "name": "Infra", "team": "design"}).(*api.Project)
		if p.Owner != objecttest.OwnerEmail || p.ManagedBy.Stack != "prod" {
			t.Errorf("project = %+v, managed by %+v", p, p.ManagedBy)
		}
		// A token for the kind need not list the atoms that it takes on the item as well.
		w.Put(t, &ci, api.AccessGrantKind, "", doc{"resource": "/infra", "principal": "team:film", "level": "view"})
		if got := w.Get(t, &ci, api.ProjectKind, "/infra").(*api.Project); got.Path != "/infra" {
			t.Errorf("read back %+v", got)
		}
		_, err := w.TryCreate(t, &ci, api.FolderKind, doc{"path": "/infra/x"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

// C032, X06: full access transfers assets and collections, never a project.
func TestOnlyTheWorkspaceOwnerTransfersAProject(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.as(designer), api.ProjectKind, doc{"path": "/summer", "name": "Summer", "team": "design"})
		moved := doc{"path": "/summer", "name": "Summer", "team": "design", "owner": nobody}
		for _, by := range []*object.Caller{w.as(designer), w.Admin} {
			_, err := w.TryPut(t, by, api.ProjectKind, "/summer", moved)
			v := objecttest.WantViolation(t, err, "/owner")
			wantWords(t, v.Message, "only the workspace Owner", "leave owner as it is")
		}
		// Leaving owner out is not a transfer.
		p := w.Put(t, w.Admin, api.ProjectKind, "/summer", doc{"path": "/summer", "name": "High summer", "team": "design"}).(*api.Project)
		if p.Owner != designer {
			t.Errorf("owner = %q after a change that does not name one", p.Owner)
		}
		w.Put(t, w.Owner, api.ProjectKind, "/summer", moved)
		w.wantLevel("member:"+nobody, "/summer", "full_access")
		w.wantLevel("member:"+designer, "/summer", "edit") // the team's, not the owner's
	})
}

// C033: guests run AI workflows only where the Owner lets them.
func TestOnlyTheOwnerLetsGuestsRunAIWorkflows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone"})
		w.grant("member:"+guest, "/campaigns", "edit")
		w.wantAllowed("member:"+guest, "/campaigns/spring", false, "workflow.run")
		on := doc{"path": "/campaigns", "name": "Campaigns", "team": "design", "allow_guest_ai_workflows": true}
		_, err := w.TryPut(t, w.Admin, api.ProjectKind, "/campaigns", on)
		objecttest.WantViolation(t, err, "/allow_guest_ai_workflows")
		w.Put(t, w.Owner, api.ProjectKind, "/campaigns", on)
		w.wantAllowed("member:"+guest, "/campaigns/spring", true, "workflow.run")
		// Once the Owner has allowed it, an admin may change the rest of the project.
		on["name"] = "All campaigns"
		w.Put(t, w.Admin, api.ProjectKind, "/campaigns", on)
	})
}

// C033: per project, for guests who came in by the front door; and no further than
// their level.
func TestGuestsRunAIWorkflowsPerProject(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const gus = "member:gus@partner.example"
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone", "require_external_approval": false})
		w.project("/films", "design")
		for level, may := range map[string]bool{"edit": true, "comment": false} {
			w.Put(t, w.Owner, api.GuestKind, "gus@partner.example", doc{"email": "gus@partner.example", "sponsor": objecttest.AdminEmail, "projects": []string{"/campaigns", "/films"}, "max_level": level})
			w.wantAllowed(gus, "/campaigns/spring", false, "workflow.run")
			w.Put(t, w.Owner, api.ProjectKind, "/campaigns", doc{"path": "/campaigns", "name": "Campaigns", "team": "design", "allow_guest_ai_workflows": true})
			w.wantAllowed(gus, "/campaigns/spring", may, "workflow.run")
			w.wantAllowed(gus, "/films", false, "workflow.run")
			w.wantAllowed("member:"+designer, "/films", true, "workflow.run")
			w.Put(t, w.Owner, api.ProjectKind, "/campaigns", doc{"path": "/campaigns", "name": "Campaigns", "team": "design"})
		}
	})
}

// C059: guests upload where the project and the workspace's policy let them.
func TestGuestsUploadWhereProjectAndPolicyAllow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone"})
		w.grant("member:"+guest, "/campaigns", "edit")
		project := func(on bool) {
			w.Put(t, w.Admin, api.ProjectKind, "/campaigns", doc{"path": "/campaigns", "name": "Campaigns", "team": "design", "allow_guest_uploads": on})
		}
		policy := func(on bool) { w.Put(t, w.Admin, api.SharingPolicyKind, "", doc{"allow_guest_uploads": on}) }
		who := "member:" + guest
		project(true)
		w.wantAllowed(who, "/campaigns/spring", false, "asset.create")
		policy(true)
		w.wantAllowed(who, "/campaigns/spring", true, "asset.create")
		project(false)
		w.wantAllowed(who, "/campaigns/spring", false, "asset.create")
		project(true)
		policy(false)
		w.wantAllowed(who, "/campaigns/spring", false, "asset.create")
		w.wantAllowed("member:"+designer, "/campaigns/spring", true, "asset.create")
	})
}

func TestAProjectIsDeletedOnlyWhenItIsUnprotectedAndEmpty(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Admin, api.ProjectKind, "/campaigns", doc{"path": "/campaigns", "name": "Campaigns", "team": "design", "deletion_protection": true})
		p := objecttest.WantProblem(t, w.remove(w.Admin, api.ProjectKind, "/campaigns"), api.CodeConflict)
		wantWords(t, p.Detail, "deletion_protection = true", "Set it to false")
		w.Put(t, w.Admin, api.ProjectKind, "/campaigns", doc{"path": "/campaigns", "name": "Campaigns", "team": "design"})
		p = objecttest.WantProblem(t, w.remove(w.Admin, api.ProjectKind, "/campaigns"), api.CodeReferenced)
		wantWords(t, p.Detail, "folder /campaigns/spring", "first")
		p = objecttest.WantProblem(t, w.remove(w.Admin, api.FolderKind, "/finance"), api.CodeReferenced)
		wantWords(t, p.Detail, "folder /finance/quarterly")
		objecttest.WantProblem(t, w.remove(w.as(designer), api.FolderKind, "/campaigns/spring"), api.CodeForbidden)
		w.Delete(t, w.Admin, api.FolderKind, "/campaigns/spring")
		w.Delete(t, w.Admin, api.ProjectKind, "/campaigns")
	})
}

func TestADeletedItemTakesItsGrantsAlong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Admin, api.FolderKind, doc{"path": "/deal"})
		w.Put(t, w.Admin, api.AccessGrantsKind, "/deal", doc{"resource": "/deal", "grants": doc{"member:" + nobody: "edit"}})
		w.Create(t, w.Admin, api.RoleAssignmentKind, doc{"role": "viewer", "principal": "team:film", "scope": "/deal"})
		w.wantLevel("member:"+nobody, "/deal", "edit")
		w.Delete(t, w.Admin, api.FolderKind, "/deal")
		w.Create(t, w.Admin, api.FolderKind, doc{"path": "/deal"})
		w.wantLevel("member:"+nobody, "/deal", "none")
		if keys := w.keys(w.Admin, api.RoleAssignmentKind); len(keys) != 0 {
			t.Errorf("assignments left: %v", keys)
		}
		var revoked int
		for _, e := range w.Events(t, audit.Filter{}) {
			if e.Action == "access_grant.revoked" || e.Action == "role_assignment.revoked" {
				revoked++
			}
		}
		if revoked != 2 {
			t.Errorf("%d revocations in the audit log, want 2", revoked)
		}
	})
}

// C030: inheritance, and where it is cut.
func TestARestrictedItemInheritsNoLevel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.grant("member:"+nobody, "/finance", "edit")
		w.wantLevel("member:"+nobody, "/finance/quarterly", "edit")
		w.folder("/finance/quarterly", "restricted")
		w.wantLevel("member:"+nobody, "/finance/quarterly", "none")
		w.wantLevel("member:"+nobody, "/finance", "edit")
		w.grant("member:"+nobody, "/finance/quarterly", "view")
		w.wantLevel("member:"+nobody, "/finance/quarterly", "view")
		w.folder("/finance/quarterly", "inherit")
		w.wantLevel("member:"+nobody, "/finance/quarterly", "edit")
		w.wantEffects(api.FolderKind, audit.EffectNeutral, audit.EffectNeutral, audit.EffectNeutral, audit.EffectNarrowed, audit.EffectWidened)
		// Owner and admins administer it all the same, without seeing what is in it (X05).
		w.wantAllowed("member:"+objecttest.AdminEmail, "/finance/quarterly", true, "grant.create", "item.settings")
		w.wantAllowed("member:"+objecttest.AdminEmail, "/finance/quarterly", false, "asset.read")
	})
}

func TestMembersSeeOnlyWhatTheyHaveAccessTo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got, want := w.keys(w.as(designer), api.ProjectKind), []string{"/campaigns"}; !slices.Equal(got, want) {
			t.Errorf("projects of a designer = %v, want %v", got, want)
		}
		if got := w.keys(w.as(nobody), api.ProjectKind); len(got) != 0 {
			t.Errorf("projects of somebody without access = %v", got)
		}
		if got, want := w.keys(w.as(designer), api.FolderKind), []string{"/campaigns/spring"}; !slices.Equal(got, want) {
			t.Errorf("folders of a designer = %v, want %v", got, want)
		}
		if got := w.keys(w.Admin, api.FolderKind); len(got) != 3 {
			t.Errorf("folders of an admin = %v, want all three", got)
		}
		_, err := w.Service.Get(t.Context(), w.as(nobody), api.ProjectKind, "/campaigns")
		objecttest.WantProblem(t, err, api.CodeNotFound)

		w.grant("member:"+nobody, "/finance", "view")
		w.grant("team:film", "/finance", "view")
		if got, want := w.keys(w.as(nobody), api.AccessGrantKind), []string{"member:" + nobody + "@/finance"}; !slices.Equal(got, want) {
			t.Errorf("grants that somebody with view sees = %v, want their own: %v", got, want)
		}
		w.grant("member:"+nobody, "/finance", "manage")
		if got := w.keys(w.as(nobody), api.AccessGrantKind); len(got) != 2 {
			t.Errorf("grants that a manager sees = %v, want both", got)
		}
	})
}

func TestItemsOfAnotherWorkspaceDoNotExist(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, other := w.NewWorkspace(t, "globex", "gus@globex.example")
		for _, kind := range []*api.Kind{api.ProjectKind, api.FolderKind, api.AccessGrantKind, api.RoleKind, api.RoleAssignmentKind} {
			if got := w.keys(other, kind); len(got) != 0 {
				t.Errorf("%s of another workspace: %v", kind.Plural, got)
			}
		}
		_, err := w.Service.Get(t.Context(), other, api.ProjectKind, "/campaigns")
		objecttest.WantProblem(t, err, api.CodeNotFound)
		mine := w.Get(t, w.Admin, api.ProjectKind, "/campaigns").(*api.Project)
		_, err = w.Service.Get(t.Context(), other, api.ProjectKind, mine.ID)
		objecttest.WantProblem(t, err, api.CodeNotFound)
		objecttest.WantProblem(t, w.remove(other, api.ProjectKind, mine.ID), api.CodeNotFound)
		// The same path may exist there, and neither sees the other's people.
		_, err = w.TryCreate(t, other, api.AccessGrantKind, doc{"resource": "/campaigns", "principal": "member:" + nobody, "level": "view"})
		objecttest.WantViolation(t, err, "/resource")
		objecttest.WantViolation(t, err, "/principal")
	})
}

// X06: full access hands assets and collections to active members of the organisation.
func TestFullAccessTransfersAssetsAndCollections(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		const fred, mona = "fred@example.com", "mona@example.com"
		w.AddMember(t, w.Owner, fred, "member")
		w.AddMember(t, w.Owner, mona, "member")
		w.AddMember(t, w.Owner, "sam@example.com", "member")
		w.Put(t, w.Owner, api.MemberKind, "sam@example.com", doc{"email": "sam@example.com", "active": false})
		w.grant("member:"+fred, "/campaigns", "full_access")
		w.grant("member:"+mona, "/campaigns", "manage")
		asset := func(owner string) doc { return doc{"path": "/campaigns/spring/teaser", "owner": owner} }
		reel := func(owner string) doc {
			return doc{"path": "/campaigns/reel", "owner": owner, "asset_ids": []string{"/campaigns/spring/teaser"}}
		}
		w.Put(t, w.Owner, api.CollectionKind, "/campaigns/reel", doc{"path": "/campaigns/reel", "asset_ids": []string{"/campaigns/spring/teaser"}})
		for _, c := range []struct {
			name, by, owner string
			says            []string
		}{
			{"a manager", mona, nobody, []string{"it takes full access", "leave owner as it is"}},
			{"to a guest", fred, guest, []string{"guests own no", "name a member"}},
			{"to somebody suspended", fred, "sam@example.com", []string{"suspended", "active member"}},
			{"to nobody who is here", fred, "zed@example.com", []string{"gatehouse_member"}},
		} {
			for kind, d := range map[*api.Kind]doc{api.AssetKind: asset(c.owner), api.CollectionKind: reel(c.owner)} {
				t.Run(c.name+" "+kind.Name, func(t *testing.T) {
					_, err := w.TryPut(t, w.as(c.by), kind, d["path"].(string), d)
					wantWords(t, objecttest.WantViolation(t, err, "/owner").Message, c.says...)
				})
			}
		}
		w.Put(t, w.as(fred), api.AssetKind, "/campaigns/spring/teaser", asset(nobody))
		w.wantLevel("member:"+nobody, "/campaigns/spring/teaser", "none") // to own an asset gives nothing by itself
		w.Put(t, w.as(fred), api.CollectionKind, "/campaigns/reel", reel(nobody))
		w.wantLevel("member:"+nobody, "/campaigns/reel", "full_access")
		w.wantLevel("member:"+nobody, "/campaigns/spring/teaser", "full_access")
		// Leaving owner out is not a transfer.
		w.Put(t, w.as(mona), api.AssetKind, "/campaigns/spring/teaser", doc{"path": "/campaigns/spring/teaser", "name": "Teaser"})
		w.Put(t, w.as(mona), api.CollectionKind, "/campaigns/reel", doc{"path": "/campaigns/reel", "name": "Reel", "asset_ids": []string{"/campaigns/spring/teaser"}})
		if a, c := w.Get(t, w.Owner, api.AssetKind, "/campaigns/spring/teaser").(*api.Asset), w.Get(t, w.Owner, api.CollectionKind, "/campaigns/reel").(*api.Collection); a.Owner != nobody || c.Owner != nobody {
			t.Errorf("owners = %q and %q", a.Owner, c.Owner)
		}
		// What somebody owns stays theirs under another address.
		const renamed = "nils.new@example.com"
		err := w.Service.Do(t.Context(), object.System(w.Workspace.ID), func(s *object.Scope) error { return people.Rename(t.Context(), s, nobody, renamed) })
		if err != nil {
			t.Fatal(err)
		}
		if a := w.Get(t, w.Owner, api.AssetKind, "/campaigns/spring/teaser").(*api.Asset); a.Owner != renamed {
			t.Errorf("owner of the asset = %q", a.Owner)
		}
		w.wantLevel("member:"+renamed, "/campaigns/reel", "full_access")
		// A manager takes nothing into it: its owner would get more than the manager has.
		w.asset("/campaigns/spring/poster", nil)
		_, err = w.TryPut(t, w.as(mona), api.CollectionKind, "/campaigns/reel", doc{"path": "/campaigns/reel", "asset_ids": []string{"/campaigns/spring/teaser", "/campaigns/spring/poster"}})
		wantWords(t, objecttest.WantViolation(t, err, "/asset_ids/1").Message, "full_access")
		// Nor does one who has full access to a collection alone give its assets away.
		w.grant("member:"+mona, "/campaigns/reel", "full_access")
		w.asset("/finance/other", nil)
		w.Put(t, w.Owner, api.CollectionKind, "/campaigns/reel", doc{"path": "/campaigns/reel", "asset_ids": []string{"/finance/other"}})
		w.Put(t, w.Owner, api.AssetKind, "/finance/other", doc{"path": "/finance/other", "inheritance": "restricted"})
		_, err = w.TryPut(t, w.as(mona), api.CollectionKind, "/campaigns/reel", doc{"path": "/campaigns/reel", "asset_ids": []string{"/finance/other"}, "owner": mona})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

// C023: people delete what they registered themselves, and nothing else.
func TestEditorsDeleteTheirOwnAssets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine := w.Create(t, w.as(designer), api.AssetKind, doc{"path": "/campaigns/mine"}).(*api.Asset)
		if mine.Owner != designer {
			t.Errorf("owner = %q, want who registered it", mine.Owner)
		}
		w.asset("/campaigns/other", nil)
		objecttest.WantProblem(t, w.remove(w.as(designer), api.AssetKind, "/campaigns/other"), api.CodeForbidden)
		if err := w.remove(w.as(designer), api.AssetKind, "/campaigns/mine"); err != nil {
			t.Error(err)
		}
		// Registering something for others takes full access; and so does what is theirs
		// once the level is gone.
		_, err := w.TryCreate(t, w.as(designer), api.AssetKind, doc{"path": "/campaigns/theirs", "owner": nobody})
		objecttest.WantViolation(t, err, "/owner")
		w.Create(t, w.as(designer), api.AssetKind, doc{"path": "/campaigns/again"})
		w.Put(t, w.Owner, api.TeamMembershipKind, "", doc{"team": "design", "principal": designer, "role": "viewer"})
		objecttest.WantProblem(t, w.remove(w.as(designer), api.AssetKind, "/campaigns/again"), api.CodeForbidden)
	})
}
