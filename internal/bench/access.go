package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// addMembers stores members directly: making them is not what is measured.
func (p *plane) addMembers(ctx context.Context, n int) error {
	return p.Service.DB.Write(ctx, func(tx *store.Tx) error {
		table := store.Table{Name: "member", Extra: []string{"role", "active", "source", "external_id", "connection"}}
		now := time.Now().UTC()
		for i := range n {
			email := fmt.Sprintf("person-%d@example.com", i)
			doc, err := json.Marshal(&api.Member{Email: email, WorkspaceRole: "member", Active: true, Source: "terraform"})
			if err != nil {
				return err
			}
			if err := table.Insert(ctx, tx, &store.Row{WorkspaceID: p.workspaceID, Kind: "member", ID: store.NewID("mem", now), Key: email, Doc: string(doc), Version: 1, Manager: "manual", ManagedAt: now, CreatedAt: now, UpdatedAt: now,
				Extra: []any{"member", int64(1), "terraform", "", ""}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// addGrants stores grants of everybody on projects, 20 each, and 200 custom roles.
func (p *plane) addGrants(ctx context.Context, grants int) error {
	people := grants / 20
	if err := p.addMembers(ctx, people); err != nil {
		return err
	}
	return p.Service.DB.Write(ctx, func(tx *store.Tx) error {
		table := store.Table{Name: "access_grant", Extra: []string{"resource", "principal", "level", "role", "source", "expires_at", "state", "extras"}}
		now := time.Now().UTC()
		row := func(kind, prefix, key string, obj any) (*store.Row, error) {
			doc, err := json.Marshal(obj)
			return &store.Row{WorkspaceID: p.workspaceID, Kind: kind, ID: store.NewID(prefix, now), Key: key, Doc: string(doc), Version: 1, Manager: "manual", ManagedAt: now, CreatedAt: now, UpdatedAt: now}, err
		}
		for i := range grants {
			g := &api.AccessGrant{Resource: fmt.Sprintf("/p%d", i%(people*2)), Principal: fmt.Sprintf("member:person-%d@example.com", i%people), Level: "edit", Source: "manual"}
			g.Resource = fmt.Sprintf("/p%d", (i/people)*7+i%people)
			r, err := row("access_grant", "grnt", api.AccessGrantKind.KeyOf(g), g)
			if err != nil {
				return err
			}
			r.Extra = []any{g.Resource, g.Principal, g.Level, "", "manual", int64(0), "active", ""}
			if err := table.Insert(ctx, tx, r); err != nil {
				return err
			}
		}
		for i := range 200 {
			role := &api.Role{Name: fmt.Sprintf("role-%d", i), Statements: []api.RoleStatement{{Effect: "allow", Permissions: []string{"asset.read"}, Paths: []string{fmt.Sprintf("/p%d", i)}}}}
			r, err := row("role", "role", role.Name, role)
			if err != nil {
				return err
			}
			if err := store.Objects.Insert(ctx, tx, r); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE workspace SET authz_version = $2, policy_version = $2 WHERE id = $1`, p.workspaceID, object.NewVersion())
		return err
	})
}

// access measures one decision, in process and over HTTP, at two sizes.
func (b *bench) access(ctx context.Context) error {
	var first time.Duration
	for _, n := range []int{b.size(10_000, 1000), b.size(100_000, 2000)} {
		p, err := b.startPlane(ctx, fmt.Sprintf("access%d", n))
		if err != nil {
			return err
		}
		per, err := b.accessAt(ctx, p, n)
		p.stop()
		if err != nil {
			return err
		}
		if first == 0 {
			first = per
		} else {
			b.add("check in process, largest against smallest", per.String(), first.String(), ratio(per, first), "flat")
		}
	}
	return nil
}

func (b *bench) accessAt(ctx context.Context, p *plane, n int) (time.Duration, error) {
	if err := p.addGrants(ctx, n); err != nil {
		return 0, err
	}
	var per time.Duration
	err := p.Service.View(ctx, p.owner, func(s *object.Scope) error {
		subj, err := s.Subject(ctx, "member:person-1@example.com")
		if err != nil {
			return err
		}
		item, err := s.Item(ctx, "/p1")
		if err != nil {
			return err
		}
		rc := access.RequestContext{Time: s.Now, MFAAge: -1}
		if d := s.Engine().Check(subj, item, vocabulary.AssetRead, &rc); !d.Allowed {
			return fmt.Errorf("the decision to be measured is a refusal: %s", d)
		}
		rounds := b.size(50_000, 1000)
		start := time.Now()
		for range rounds {
			s.Engine().Check(subj, item, vocabulary.AssetRead, &rc)
		}
		per = time.Since(start) / time.Duration(rounds)
		return nil
	})
	if err != nil {
		return 0, err
	}
	b.add(fmt.Sprintf("check in process, %d grants, 200 custom roles", n), per.String(), "-", "-", "≤ 20µs")
	return per, b.checkHTTP(ctx, p, n)
}

// checkHTTP compares the check over HTTP with a handler that decodes the same body
// and answers a constant.
func (b *bench) checkHTTP(ctx context.Context, p *plane, n int) error {
	body := []byte(`{"principal":"member:person-1@example.com","resource":"/p1","permission":"asset.read"}`)
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q map[string]any
		if json.NewDecoder(r.Body).Decode(&q) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"allowed": true, "permission": q["permission"]})
	}))
	defer bare.Close()
	call := func(url string) requests {
		return func(int) (*http.Request, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
			if err == nil {
				req.Header.Set("Authorization", "Bearer "+p.token)
				req.Header.Set("Content-Type", "application/json")
			}
			return req, err
		}
	}
	floor, check := call(bare.URL), call(p.BaseURL+"/v1/workspaces/bench/access/check")
	took, err := b.compare(b.size(18_000, 1800), together(floor), together(check))
	if err != nil {
		return err
	}
	b.add(fmt.Sprintf("check over HTTP, %d grants, %d clients", n, crowd), perSecond(took[1]), perSecond(took[0])+" (bare JSON handler)", ratio(took[0], took[1]), "≥ 0.5")
	if took, err = b.compare(b.size(4500, 900), newSender(floor).send, newSender(check).send); err != nil {
		return err
	}
	b.add(fmt.Sprintf("check over HTTP, %d grants, one client", n), perSecond(took[1]), perSecond(took[0])+" (bare JSON handler)", ratio(took[0], took[1]), "-")
	return nil
}
