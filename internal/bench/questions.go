package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/inquiry"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// questions measures who can, what somebody sees, and what if, cold: at a version of
// the workspace that nobody has asked about. Where scripts/with-postgres has started
// PostgreSQL, it is measured as well.
func (b *bench) questions(ctx context.Context) error {
	databases := map[string]string{"SQLite": ""}
	names := []string{"SQLite"}
	if server := os.Getenv("GATEHOUSE_TEST_POSTGRES"); server != "" {
		database, drop, err := newDatabase(ctx, server)
		if err != nil {
			return err
		}
		defer drop()
		names, databases["PostgreSQL"] = append(names, "PostgreSQL"), database
	}
	for _, name := range names {
		p, err := b.startPlaneOn(ctx, "questions-"+name, databases[name])
		if err != nil {
			return err
		}
		err = b.ask(ctx, p, name)
		if p.stop(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func newDatabase(ctx context.Context, server string) (string, func(), error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, fmt.Errorf("the URL of PostgreSQL: %w", err)
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", nil, fmt.Errorf("opening PostgreSQL: %w", err)
	}
	name := "gatehouse_bench_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		return "", nil, errors.Join(fmt.Errorf("making a database: %w", err), db.Close())
	}
	u.Path = "/" + name
	return u.String(), func() {
		_, err := db.ExecContext(context.WithoutCancel(ctx), `DROP DATABASE `+name+` WITH (FORCE)`)
		if err := errors.Join(err, db.Close()); err != nil {
			fmt.Fprintln(os.Stderr, "dropping the database:", err)
		}
	}, nil
}

const seer = "person-0@example.com"

// crowdItems makes folders below /f with a grant on each, every hundredth one to seer.
func (p *plane) crowdItems(ctx context.Context, n int) error {
	if err := p.addMembers(ctx, n/20); err != nil {
		return err
	}
	if _, err := p.Service.Create(ctx, p.owner, api.FolderKind, []byte(`{"path":"/f"}`), object.WriteOptions{}); err != nil {
		return err
	}
	numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, n)
	const row = `(workspace_id, kind, id, key, doc, version, manager, stack, change_context, managed_at, created_at, updated_at, `
	return p.Service.Do(ctx, object.System(p.workspaceID), func(s *object.Scope) error {
		for _, text := range []string{
			`INSERT INTO item ` + row + `parent, team, owner, restricted) ` + numbers + `SELECT CAST($1 AS TEXT), 'folder', 'fold_' || i, '/f/n' || i, '{"path":"/f/n' || i || '","inheritance":"inherit"}', 1, 'manual', '', '', 0, 0, 0, '/f', '', '', 0 FROM n`,
			`INSERT INTO access_grant ` + row + `resource, principal, level, role, source, expires_at, extras) ` + numbers + `SELECT CAST($1 AS TEXT), 'access_grant', 'grnt_' || i, 'member:person-' || CASE WHEN i % 100 = 0 THEN 0 ELSE 1 + i % ` + fmt.Sprint(n/20-1) + ` END || '@example.com@/f/n' || i, '{"level":"view"}', 1, 'manual', '', '', 0, 0, 0,
				'/f/n' || i, 'member:person-' || CASE WHEN i % 100 = 0 THEN 0 ELSE 1 + i % ` + fmt.Sprint(n/20-1) + ` END || '@example.com', 'view', '', 'manual', 0, '' FROM n`,
		} {
			if _, err := s.Tx.ExecContext(ctx, text, s.WorkspaceID); err != nil {
				return err
			}
		}
		return s.BumpAuthz(ctx)
	})
}

func (b *bench) ask(ctx context.Context, p *plane, database string) error {
	n := b.size(100_000, 4000)
	if err := p.crowdItems(ctx, n); err != nil {
		return err
	}
	if p.Service.DB.Dialect() == "postgres" {
		if _, err := p.Service.DB.SQL().ExecContext(ctx, `ANALYZE`); err != nil {
			return err
		}
	}
	view := func(f func(*object.Scope, access.RequestContext) error) func() error {
		return func() error {
			return p.Service.View(ctx, p.owner, func(s *object.Scope) error {
				return f(s, access.RequestContext{Time: s.Now, MFAAge: -1})
			})
		}
	}
	who, err := b.cold(ctx, p, view(func(s *object.Scope, rc access.RequestContext) error {
		page, err := inquiry.WhoCan(ctx, s, inquiry.Who{Resource: "/f/n100", Permission: "asset.read", Request: rc}, "", 100)
		if err == nil && len(page.Items) != 1 {
			err = fmt.Errorf("%d people can, not 1", len(page.Items))
		}
		return err
	}))
	if err != nil {
		return err
	}
	b.add(fmt.Sprintf("who can read an item, cold, %d grants, %s", n, database), who.String(), "-", "-", "≤ 5ms")
	first := min(100, n/100)
	items, err := b.cold(ctx, p, view(func(s *object.Scope, rc access.RequestContext) error {
		page, err := inquiry.Items(ctx, s, inquiry.What{Principal: "member:" + seer, Permission: "asset.read", Request: rc}, "", first)
		if err == nil && len(page.Items) != first {
			err = fmt.Errorf("%d items are visible, not %d", len(page.Items), first)
		}
		return err
	}))
	if err != nil {
		return err
	}
	b.add(fmt.Sprintf("first page of visible items, cold, %d grants, %s", n, database), items.String(), "-", "-", "≤ 20ms")
	change := inquiry.Change{Kind: api.FolderKind.Name, Ref: "/f", Document: json.RawMessage(`{"path":"/f","inheritance":"restricted"}`)}
	var out *inquiry.Simulation
	simulated, err := b.cold(ctx, p, func() (err error) {
		out, err = inquiry.Simulate(ctx, p.Service, p.owner, inquiry.Plan{Changes: []inquiry.Change{change}})
		return err
	})
	if err != nil {
		return err
	}
	b.add(fmt.Sprintf("what if a folder of %d were restricted, %s", n, database), simulated.String(),
		fmt.Sprintf("%d of %d pairs compared, sampled: %t", out.Compared, out.Pairs, out.Sampled), "-", "bounded")
	return nil
}

// cold measures a question several times, each at a new version of the workspace, and
// answers the median.
func (b *bench) cold(ctx context.Context, p *plane, ask func() error) (time.Duration, error) {
	var took []time.Duration
	for range b.size(15, 5) {
		if err := p.Service.Do(ctx, object.System(p.workspaceID), func(s *object.Scope) error { return s.BumpAuthz(ctx) }); err != nil {
			return 0, err
		}
		start := b.now()
		if err := ask(); err != nil {
			return 0, err
		}
		took = append(took, b.now()-start)
	}
	return median(took).Round(time.Microsecond), nil
}
