package inquiry_test

import (
	"context"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/inquiry"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

// crowd is a workspace of 100,000 folders, each with a grant, of which every
// hundredth is the member's.
func crowd(b *testing.B) *world {
	b.Helper()
	w := &world{Fixture: objecttest.New(b, "sqlite"), t: b}
	w.Create(b, w.Owner, api.FolderKind, doc{"path": "/f"})
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) `
	w.sql(`INSERT INTO item (workspace_id, kind, id, key, doc, version, manager, stack, change_context, managed_at, created_at, updated_at, parent, team, owner, restricted) `+numbers+
		`SELECT $1, 'folder', 'fold_' || i, '/f/n' || i, '{"path":"/f/n' || i || '","inheritance":"inherit"}', 1, 'manual', '', '', 0, 0, 0, '/f', '', '', 0 FROM n`, w.Workspace.ID)
	w.sql(`INSERT INTO access_grant (workspace_id, kind, id, key, doc, version, manager, stack, change_context, managed_at, created_at, updated_at, resource, principal, level, role, source, expires_at, extras) `+numbers+
		`SELECT $1, 'access_grant', 'grnt_' || i, 'k' || i, '{"level":"view"}', 1, 'manual', '', '', 0, 0, 0, '/f/n' || i, CASE WHEN i % 100 = 0 THEN 'member:mia@example.com' ELSE 'member:p' || (i % 5000) || '@example.com' END, 'view', '', 'manual', 0, '' FROM n`, w.Workspace.ID)
	return w
}

// Each run decides by a version that nobody has asked about before: nothing is
// remembered from the run before it.
func (w *world) afresh(b *testing.B, ask func(*object.Scope)) {
	b.Helper()
	for b.Loop() {
		b.StopTimer()
		w.sql(`UPDATE workspace SET policy_version = policy_version WHERE id = $1`, w.Workspace.ID)
		b.StartTimer()
		w.view(func(s *object.Scope) error {
			ask(s)
			return nil
		})
	}
}

// The goal for a first page is 20 ms (DESIGN.md section 12).
func BenchmarkItemsFirstPage(b *testing.B) {
	w := crowd(b)
	w.afresh(b, func(s *object.Scope) {
		page, err := inquiry.Items(context.Background(), s, inquiry.What{Principal: w.Member.Principal(), Permission: "asset.read", Request: assume(s)}, "", 100)
		if err != nil || len(page.Items) != 100 {
			b.Fatal(len(page.Items), err)
		}
	})
}

// The goal for who can is 5 ms.
func BenchmarkWhoCan(b *testing.B) {
	w := crowd(b)
	w.afresh(b, func(s *object.Scope) {
		page, err := inquiry.WhoCan(context.Background(), s, inquiry.Who{Resource: "/f/n100", Permission: "asset.read", Request: assume(s)}, "", 100)
		if err != nil || len(page.Items) != 1 {
			b.Fatal(page.Items, err)
		}
	})
}

// What a decision costs by itself, and with its use noted (C072): for people of the
// organisation, and for those outside, of whose grants the use is remembered.
func BenchmarkDecide(b *testing.B) {
	w := crowd(b)
	w.Put(b, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone"})
	w.Create(b, w.Owner, api.AccessGrantKind, doc{"resource": "/f/n7", "principal": "email:x@outside.example", "level": "view"})
	app := *w.Owner
	app.Kind = object.PrincipalServiceAccount
	for name, principal := range map[string]string{"inside": w.Member.Principal(), "outside": "email:x@outside.example"} {
		for how, note := range map[string]bool{"alone": false, "noted": true} {
			b.Run(name+"/"+how, func(b *testing.B) {
				if err := w.Service.View(b.Context(), &app, func(s *object.Scope) error {
					path := map[string]string{"inside": "/f/n100", "outside": "/f/n7"}[name]
					subject, err := s.Subject(b.Context(), principal)
					if err != nil {
						return err
					}
					item, err := s.Item(b.Context(), path)
					if err != nil {
						return err
					}
					rc := assume(s)
					for b.Loop() {
						d := s.Engine().Check(subject, item, "asset.read", &rc)
						if note {
							s.Decided(subject, item, d)
						}
						if !d.Allowed {
							b.Fatal(d)
						}
					}
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
