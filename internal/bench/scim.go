package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

const scimUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%[1]s","externalId":"%[1]s","active":true,"name":{"givenName":"Per","familyName":"Son"},"displayName":"Per Son","emails":[{"value":"%[1]s","type":"work","primary":true}]}`

// scim measures what identity providers send, against the store and against bare HTTP.
func (b *bench) scim(ctx context.Context) error {
	p, err := b.startPlane(ctx, "scim-data")
	if err != nil {
		return err
	}
	defer p.stop()
	token, err := p.scimToken(ctx)
	if err != nil {
		return err
	}
	floor, closeFloor, err := b.storeFloor(ctx)
	if err != nil {
		return err
	}
	defer closeFloor()
	base := p.BaseURL + "/scim/v2"
	send := func(method, path, body string) (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(body))
		if err == nil {
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/scim+json")
		}
		return req, err
	}
	n := b.size(2700, 450)
	create := newSender(func(i int) (*http.Request, error) {
		return send(http.MethodPost, "/Users", fmt.Sprintf(scimUser, fmt.Sprintf("user-%d@example.com", i)))
	})
	took, err := b.compare(n, floor, create.send)
	if err != nil {
		return err
	}
	b.add("SCIM create, one client", perSecond(took[1]), perSecond(took[0])+" (one data and one audit row per transaction)", ratio(took[0], took[1]), "≥ 0.7")
	filter := newSender(func(i int) (*http.Request, error) {
		return send(http.MethodGet, "/Users?"+url.Values{"filter": {fmt.Sprintf(`userName eq "user-%d@example.com"`, i%n)}}.Encode(), "")
	})
	bare, closeBare, err := b.filterFloor(ctx, filepath.Join(b.folder, "scim-data", "gatehouse.db"), p.workspaceID, n)
	if err != nil {
		return err
	}
	defer closeBare()
	if took, err = b.compare(n, bare.send, filter.send); err != nil {
		return err
	}
	b.add("SCIM filter by userName", perSecond(took[1]), perSecond(took[0])+" (net/http and a prepared SELECT)", ratio(took[0], took[1]), "≥ 0.5")
	return b.scimPatch(ctx, p, send, floor)
}

// scimPatch adds and removes one member of groups of different sizes.
func (b *bench) scimPatch(ctx context.Context, p *plane, send func(method, path, body string) (*http.Request, error), floor func(int) error) error {
	sizes := []int{10, 1000, b.size(100_000, 2000)}
	ids, err := p.scimPeople(ctx, sizes[2])
	if err != nil {
		return err
	}
	var first, last time.Duration
	for _, size := range sizes {
		group, err := p.scimGroup(ctx, send, fmt.Sprintf("group-%d", size), ids[:size])
		if err != nil {
			return err
		}
		var lone string
		req, err := send(http.MethodPost, "/Users", fmt.Sprintf(scimUser, fmt.Sprintf("lone-%d@example.com", size)))
		if err != nil {
			return err
		}
		if lone, err = created(req); err != nil {
			return err
		}
		patch := newSender(func(i int) (*http.Request, error) {
			op := fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":"%s"}]}`, lone)
			if i%2 == 1 {
				op = fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, lone)
			}
			return send(http.MethodPatch, "/Groups/"+group, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+op+`]}`)
		})
		took, err := b.compare(b.size(900, 180), floor, patch.send)
		if err != nil {
			return err
		}
		per := took[1]
		b.add(fmt.Sprintf("SCIM PATCH of one member, group of %d", size), perSecond(per), perSecond(took[0])+" (store)", ratio(took[0], per), "≥ 0.7")
		if first == 0 {
			first = per
		}
		last = per
	}
	b.add("SCIM PATCH, largest group against smallest", last.String(), first.String(), ratio(last, first), "≤ 1.5")
	return nil
}

func created(req *http.Request) (string, error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	var out struct {
		ID string `json:"id"`
	}
	if res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("%s: %s\n%s", req.URL.Path, res.Status, tail(body))
	}
	return out.ID, json.Unmarshal(body, &out)
}

func (p *plane) scimToken(ctx context.Context) (string, error) {
	if _, err := p.Service.Create(ctx, p.owner, api.SCIMTokenKind, []byte(`{"connection_name":"okta","name":"main"}`), object.WriteOptions{}); err != nil {
		return "", err
	}
	var token string
	err := p.Service.Do(ctx, p.owner, func(s *object.Scope) (err error) {
		token, _, err = provisioning.RotateSCIMToken(ctx, s, "okta/main", 1)
		return err
	})
	return token, err
}

// scimPeople fills the directory without HTTP: making them is not what is measured.
func (p *plane) scimPeople(ctx context.Context, n int) ([]string, error) {
	ids := make([]string, 0, n)
	err := p.Service.DB.Write(ctx, func(tx *store.Tx) error {
		ids = ids[:0]
		now := time.Now().UTC()
		table := store.Table{Name: "member", Extra: []string{"role", "active", "source", "external_id", "connection"}}
		for i := range n {
			email := fmt.Sprintf("bulk-%d@example.com", i)
			doc, err := json.Marshal(&api.Member{Email: email, WorkspaceRole: "member", Active: true, Source: "scim", ExternalID: email})
			if err != nil {
				return err
			}
			id := store.NewID("mem", now)
			if err := table.Insert(ctx, tx, &store.Row{WorkspaceID: p.workspaceID, Kind: "member", ID: id, Key: email, Doc: string(doc), Version: 1, Manager: "scim", Stack: "okta", ManagedAt: now, CreatedAt: now, UpdatedAt: now,
				Extra: []any{"member", int64(1), "scim", email, "okta"}}); err != nil {
				return err
			}
			user := fmt.Sprintf(scimUser, email)
			if _, err := tx.ExecContext(ctx, `INSERT INTO scim_user (workspace_id, member_id, connection, user_name, user_name_key, external_id, active, display_name, doc, folded, version, base_role, created_at, updated_at, deleted_at)
				VALUES ($1, $2, 'okta', $3, $3, $3, 1, 'Per Son', $4, $5, 1, '', $6, $6, 0)`, p.workspaceID, id, email, user, strings.ToLower(user), now.UnixMicro()); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}

// scimGroup makes a group through SCIM and fills it through the store.
func (p *plane) scimGroup(ctx context.Context, send func(method, path, body string) (*http.Request, error), name string, members []string) (string, error) {
	req, err := send(http.MethodPost, "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"`+name+`","members":[]}`)
	if err != nil {
		return "", err
	}
	id, err := created(req)
	if err != nil {
		return "", err
	}
	return id, p.Service.DB.Write(ctx, func(tx *store.Tx) error {
		for _, m := range members {
			if _, err := tx.ExecContext(ctx, `INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) VALUES ($1, $2, $3, $4)`, p.workspaceID, id, m, time.Now().UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
}

// storeFloor makes durable transactions with one data and one audit row each.
func (b *bench) storeFloor(ctx context.Context) (run func(n int) error, done func(), err error) {
	db, err := store.Open(ctx, filepath.Join(b.folder, "floor", "floor.db"))
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = db.Close() }
	err = db.Write(ctx, func(tx *store.Tx) error {
		for _, ddl := range []string{`CREATE TABLE IF NOT EXISTS floor_data (id TEXT PRIMARY KEY, doc TEXT NOT NULL)`, `CREATE TABLE IF NOT EXISTS floor_audit (id TEXT PRIMARY KEY, doc TEXT NOT NULL)`} {
			if _, err := tx.ExecContext(ctx, ddl); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		done()
		return nil, nil, err
	}
	doc := fmt.Sprintf(scimUser, "person@example.com")
	return func(n int) error {
		for range n {
			if err := db.Write(ctx, func(tx *store.Tx) error {
				now := time.Now()
				if _, err := tx.ExecContext(ctx, `INSERT INTO floor_data (id, doc) VALUES ($1, $2)`, store.NewID("d", now), doc); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, `INSERT INTO floor_audit (id, doc) VALUES ($1, $2)`, store.NewID("a", now), doc)
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	}, done, nil
}

// filterFloor is a bare handler that answers the same look-up with one prepared
// SELECT on the same database, by the same index.
func (b *bench) filterFloor(ctx context.Context, path, workspace string, n int) (*sender, func(), error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, nil, err
	}
	stmt, err := db.PrepareContext(ctx, `SELECT doc FROM scim_user WHERE workspace_id = $1 AND connection = 'okta' AND user_name_key = $2 AND deleted_at = 0`)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var doc string
		if err := stmt.QueryRowContext(r.Context(), workspace, r.URL.Query().Get("user")).Scan(&doc); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, bytes.NewReader([]byte(doc)))
	}))
	done := func() {
		bare.Close()
		_, _ = stmt.Close(), db.Close()
	}
	return newSender(func(i int) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/?user=user-%d@example.com", bare.URL, i%n), http.NoBody)
	}), done, nil
}
