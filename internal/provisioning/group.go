package provisioning

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Group is a pushed group, without its members.
type Group struct {
	ID          string
	DisplayName string
	ExternalID  string
	Version     int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// ChangeKind says what a GroupChange does.
type ChangeKind int

// The changes of a group. Members are ids; who is in stays in, who is out stays out.
const (
	SetName ChangeKind = iota + 1
	SetExternalID
	AddMembers
	RemoveMembers
	ReplaceMembers
)

// GroupChange is one change of a group; changes apply in order, all or none.
type GroupChange struct {
	Kind    ChangeKind
	Text    string
	Members []string
}

const groupColumns = `id, display_name, external_id, version, created_at, updated_at`

func scanGroup(row interface{ Scan(...any) error }) (*Group, error) {
	var g Group
	var created, updated int64
	err := row.Scan(&g.ID, &g.DisplayName, &g.ExternalID, &g.Version, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a group: %w", err)
	}
	g.CreatedAt, g.UpdatedAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return &g, nil
}

// FindGroup reads a group of the caller's connection; a not_found problem when there
// is none.
func FindGroup(ctx context.Context, s *object.Scope, id string) (*Group, error) {
	g, err := scanGroup(s.Tx.QueryRowContext(ctx, `SELECT `+groupColumns+` FROM scim_group WHERE workspace_id = $1 AND id = $2 AND connection = $3`, s.WorkspaceID, id, s.Caller.Key))
	if err == nil && g == nil {
		err = object.NotFound("group", id)
	}
	return g, err
}

// CreateGroup stores a pushed group with its members; what its mappings give is
// applied at once.
func CreateGroup(ctx context.Context, s *object.Scope, name, externalID string, members []string, e *Event) (*Group, error) {
	if err := requireConnection(ctx, s); err != nil {
		return nil, err
	}
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, err
	}
	g := &Group{ID: store.NewID("sgrp", s.Now), DisplayName: name, ExternalID: externalID, Version: nextVersion(0, s.Now), CreatedAt: s.Now, UpdatedAt: s.Now}
	e.Operation, e.Resource, e.Target = OperationGroupCreate, ResourceGroup, g.ID
	// Asked first: a violated constraint would end the transaction on PostgreSQL, and
	// the lock above makes the answer hold.
	if err := nameIsFree(ctx, s, g.ID, name); err != nil {
		return nil, err
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO scim_group (workspace_id, id, connection, display_name, display_key, external_id, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
		s.WorkspaceID, g.ID, s.Caller.Key, name, Fold(name), externalID, g.Version, s.Now.UnixMicro()); err != nil {
		return nil, fmt.Errorf("storing a group: %w", err)
	}
	added, err := addMembers(ctx, s, g.ID, members)
	if err != nil {
		return nil, err
	}
	if err := recordGroup(s, "created", g, added, nil); err != nil {
		return nil, err
	}
	mapped, err := isMapped(ctx, s, g)
	if err == nil && !mapped {
		mapped, err = meetUnknown(ctx, s, g, e)
	}
	if err == nil && mapped {
		err = recompute(ctx, s, s.Caller.Key, added)
	}
	if err != nil {
		return g, err
	}
	return g, weighNames(ctx, s, newIn, g.ID, added)
}

// ChangeGroup applies changes without reading the group's members, unless a name that
// is mapped changes. allow decides by what is stored. ErrUnchanged when everything is
// so already.
func ChangeGroup(ctx context.Context, s *object.Scope, id string, allow func(*Group) error, changes []GroupChange, e *Event) (*Group, error) {
	if err := requireConnection(ctx, s); err != nil {
		return nil, err
	}
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, err
	}
	e.Operation, e.Resource, e.Target = OperationGroupUpdate, ResourceGroup, id
	g, err := FindGroup(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if err := allow(g); err != nil {
		return nil, err
	}
	before := *g
	was, err := mappingsOf(ctx, s, g)
	if err != nil {
		return nil, err
	}
	d := delta{}
	for _, c := range changes {
		if err := applyChange(ctx, s, g, c, d); err != nil {
			return nil, err
		}
	}
	added, removed := d.lists()
	renamed := g.DisplayName != before.DisplayName || g.ExternalID != before.ExternalID
	if !renamed && len(added)+len(removed) == 0 {
		return &before, ErrUnchanged
	}
	g.Version = nextVersion(g.Version, s.Now)
	g.UpdatedAt = s.Now
	if err := g.save(ctx, s, renamed); err != nil {
		return nil, err
	}
	if err := recordGroup(s, "updated", g, added, removed); err != nil {
		return nil, err
	}
	is := was
	if renamed {
		if is, err = mappingsOf(ctx, s, g); err != nil {
			return nil, err
		}
	}
	granted := false
	if renamed || len(was) == 0 && len(removed) > 0 {
		if granted, err = isGranted(ctx, s, before.DisplayName); err != nil {
			return nil, err
		}
	}
	if len(was)+len(is) == 0 && !granted {
		return g, weighChange(ctx, s, &before, g, added, removed)
	}
	affected, losers := append(slices.Clone(added), removed...), removed
	if renamed {
		all, err := memberIDs(ctx, s, g.ID)
		if err != nil {
			return nil, err
		}
		affected = append(all, removed...)
		if takesAway(was, is) || granted && g.DisplayName != before.DisplayName {
			losers = affected
		}
	}
	if len(was) > 0 || granted {
		if err := checkGroupRemoval(ctx, s, g, OperationGroupUpdate, int64(len(removed)-len(added)), losers); err != nil {
			return nil, err
		}
	}
	if len(was)+len(is) > 0 {
		if err := recompute(ctx, s, s.Caller.Key, affected); err != nil {
			return g, err
		}
	}
	return g, weighChange(ctx, s, &before, g, added, removed)
}

// save writes a changed group; its names, which indexes hold, when they changed only.
func (g *Group) save(ctx context.Context, s *object.Scope, renamed bool) error {
	text, args := `UPDATE scim_group SET version = $3, updated_at = $4 WHERE workspace_id = $1 AND id = $2`, []any{s.WorkspaceID, g.ID, g.Version, s.Now.UnixMicro()}
	if renamed {
		text = `UPDATE scim_group SET version = $3, updated_at = $4, display_name = $5, display_key = $6, external_id = $7 WHERE workspace_id = $1 AND id = $2`
		args = append(args, g.DisplayName, Fold(g.DisplayName), g.ExternalID)
	}
	if _, err := s.Tx.ExecContext(ctx, text, args...); err != nil {
		return fmt.Errorf("storing a group: %w", err)
	}
	return nil
}

// DeleteGroup ends a group. Its mappings say what happens to what it gave: revoke, or
// keep as if it had been given by hand.
func DeleteGroup(ctx context.Context, s *object.Scope, id string, allow func(*Group) error, e *Event) error {
	if err := requireConnection(ctx, s); err != nil {
		return err
	}
	if err := s.BumpAuthz(ctx); err != nil {
		return err
	}
	e.Operation, e.Resource, e.Target = OperationGroupDelete, ResourceGroup, id
	g, err := FindGroup(ctx, s, id)
	if err != nil {
		return err
	}
	if err := allow(g); err != nil {
		return err
	}
	maps, err := mappingsOf(ctx, s, g)
	if err != nil {
		return err
	}
	var members []string
	takes, err := isGranted(ctx, s, g.DisplayName)
	if err != nil {
		return err
	}
	if len(maps) > 0 || takes {
		if members, err = memberIDs(ctx, s, id); err != nil {
			return err
		}
		takes = takes || slices.ContainsFunc(maps, func(m *api.SCIMGroupMapping) bool { return m.OnGroupDeleted != "keep" })
		if takes {
			if err := checkGroupRemoval(ctx, s, g, OperationGroupDelete, 0, members); err != nil {
				return err
			}
		}
		if err := keepDerived(ctx, s, maps, members); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`DELETE FROM scim_group_member WHERE workspace_id = $1 AND group_id = $2`,
		`DELETE FROM scim_group WHERE workspace_id = $1 AND id = $2`,
	} {
		if _, err := s.Tx.ExecContext(ctx, statement, s.WorkspaceID, id); err != nil {
			return fmt.Errorf("deleting a group: %w", err)
		}
	}
	if err := recordGroup(s, "deleted", g, nil, nil); err != nil || len(maps) == 0 {
		return err
	}
	return recompute(ctx, s, s.Caller.Key, members)
}

// delta is what a sequence of changes amounts to: true for who came, false for who left.
type delta map[string]bool

func (d delta) note(ids []string, joined bool) {
	for _, id := range ids {
		if was, seen := d[id]; seen && was != joined {
			delete(d, id) // came and went, or went and came back
			continue
		}
		d[id] = joined
	}
}

func (d delta) lists() (added, removed []string) {
	for id, joined := range d {
		if joined {
			added = append(added, id)
		} else {
			removed = append(removed, id)
		}
	}
	return added, removed
}

func applyChange(ctx context.Context, s *object.Scope, g *Group, c GroupChange, d delta) error {
	switch c.Kind {
	case SetName:
		if Fold(c.Text) != Fold(g.DisplayName) {
			if err := nameIsFree(ctx, s, g.ID, c.Text); err != nil {
				return err
			}
		}
		g.DisplayName = c.Text
	case SetExternalID:
		g.ExternalID = c.Text
	case AddMembers:
		added, err := addMembers(ctx, s, g.ID, c.Members)
		d.note(added, true)
		return err
	case RemoveMembers:
		removed, err := queryIDs(ctx, s, `DELETE FROM scim_group_member WHERE workspace_id = $1 AND group_id = $2 AND member_id IN `+IDSet(s, 3)+` RETURNING member_id`, s.WorkspaceID, g.ID, EncodeIDs(c.Members))
		d.note(removed, false)
		return err
	case ReplaceMembers:
		removed, err := queryIDs(ctx, s, `DELETE FROM scim_group_member WHERE workspace_id = $1 AND group_id = $2 AND member_id NOT IN `+IDSet(s, 3)+` RETURNING member_id`, s.WorkspaceID, g.ID, EncodeIDs(c.Members))
		if err != nil {
			return err
		}
		d.note(removed, false)
		added, err := addMembers(ctx, s, g.ID, c.Members)
		d.note(added, true)
		return err
	}
	return nil
}

func nameIsFree(ctx context.Context, s *object.Scope, id, name string) error {
	var other string
	err := s.Tx.QueryRowContext(ctx, `SELECT id FROM scim_group WHERE workspace_id = $1 AND connection = $2 AND display_key = $3 AND id <> $4`, s.WorkspaceID, s.Caller.Key, Fold(name), id).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for a group of the same name: %w", err)
	}
	return taken("displayName", name)
}

// addMembers adds people to a group, each of whom must exist, and answers who is new.
func addMembers(ctx context.Context, s *object.Scope, group string, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	added, err := queryIDs(ctx, s, `INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at)
		SELECT u.workspace_id, CAST($2 AS TEXT), u.member_id, CAST($5 AS BIGINT) FROM scim_user u WHERE u.workspace_id = $1 AND u.connection = $4 AND u.deleted_at = 0 AND u.member_id IN `+IDSet(s, 3)+`
		ON CONFLICT DO NOTHING RETURNING member_id`, s.WorkspaceID, group, EncodeIDs(ids), s.Caller.Key, s.Now.UnixMicro())
	if err != nil || len(added) == len(ids) {
		return added, err
	}
	// Some were in already, or do not exist.
	known, err := queryIDs(ctx, s, `SELECT u.member_id FROM scim_user u WHERE u.workspace_id = $1 AND u.connection = $2 AND u.deleted_at = 0 AND u.member_id IN `+IDSet(s, 3), s.WorkspaceID, s.Caller.Key, EncodeIDs(ids))
	if err != nil {
		return nil, err
	}
	exists := make(map[string]bool, len(known))
	for _, id := range known {
		exists[id] = true
	}
	for _, id := range ids {
		if !exists[id] {
			return nil, api.NewProblem(api.CodeInvalid, "There is no user %q. Members of a group are people; groups inside groups are not supported.", clip(id, 100))
		}
	}
	return added, nil
}

// IDSet is a set of ids as one parameter, so that sets of all sizes share one text.
func IDSet(s *object.Scope, n int) string {
	p := "$" + strconv.Itoa(n)
	if s.Tx.Dialect() == store.Postgres {
		return "(SELECT jsonb_array_elements_text(CAST(" + p + " AS JSONB)))"
	}
	return "(SELECT value FROM json_each(" + p + "))"
}

// EncodeIDs is the parameter of IDSet.
func EncodeIDs(ids []string) string {
	if ids == nil {
		ids = []string{}
	}
	raw, err := json.Marshal(ids)
	if err != nil {
		return "[]" // strings always encode
	}
	return string(raw)
}

// queryIDs runs a statement that answers ids.
func queryIDs(ctx context.Context, s *object.Scope, statement string, args ...any) ([]string, error) {
	rows, err := s.Tx.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("reading ids: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("reading ids: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading ids: %w", err)
	}
	return ids, nil
}

func memberIDs(ctx context.Context, s *object.Scope, group string) ([]string, error) {
	return queryIDs(ctx, s, `SELECT member_id FROM scim_group_member WHERE workspace_id = $1 AND group_id = $2`, s.WorkspaceID, group)
}

// maxListed bounds the ids that one audit event names.
const maxListed = 500

func recordGroup(s *object.Scope, verb string, g *Group, added, removed []string) error {
	doc := struct {
		DisplayName string   `json:"display_name"`
		ExternalID  string   `json:"external_id,omitempty"`
		Added       []string `json:"added,omitempty"`
		Removed     []string `json:"removed,omitempty"`
		Count       int      `json:"changed_members,omitempty"`
	}{g.DisplayName, g.ExternalID, added[:min(len(added), maxListed)], removed[:min(len(removed), maxListed)], len(added) + len(removed)}
	effect := audit.EffectNeutral
	switch {
	case len(added) > 0 && len(removed) == 0:
		effect = audit.EffectWidened
	case len(removed) > 0 && len(added) == 0 || verb == "deleted":
		effect = audit.EffectNarrowed
	case len(added) > 0:
		effect = audit.EffectUnknown
	}
	return s.Record("scim_group."+verb, audit.Target{Kind: "scim_group", ID: g.ID, Key: clip(g.DisplayName, 300)}, effect, nil, doc)
}

// GroupNames names the pushed groups of a member, but for those from which something is
// withheld (withhold_group.go). object.Service.Groups is set to it, so that grants to
// group:Name reach the people in the group.
func GroupNames(ctx context.Context, s *object.Scope, memberID string) ([]string, error) {
	return queryIDs(ctx, s, `SELECT g.display_name FROM scim_group_member gm JOIN scim_group g ON g.workspace_id = gm.workspace_id AND g.id = gm.group_id WHERE gm.workspace_id = $1 AND gm.member_id = $2 AND gm.withheld = ''`, s.WorkspaceID, memberID)
}

// DirectoryGroup is a pushed group as administrators see it.
type DirectoryGroup struct {
	ID          string    `json:"id" doc:"Identifier of the group."`
	Connection  string    `json:"connection" doc:"Provisioning connection that pushed it."`
	DisplayName string    `json:"display_name" doc:"Name at the identity provider."`
	ExternalID  string    `json:"external_id,omitempty" doc:"Identifier at the identity provider."`
	Members     int64     `json:"members" doc:"Number of people in it."`
	Mapped      bool      `json:"mapped" doc:"Whether a scim_group_mapping gives it a meaning."`
	UpdatedAt   time.Time `json:"updated_at" doc:"Last change (RFC 3339, UTC)."`
}

// Groups lists the pushed groups of all connections, in the order of their creation.
func Groups(ctx context.Context, s *object.Scope, cursor string, limit int) (api.Page[DirectoryGroup], error) {
	page := api.Page[DirectoryGroup]{Items: []DirectoryGroup{}}
	if err := s.Require(ctx, vocabulary.DirectoryRead); err != nil {
		return page, err
	}
	if limit <= 0 || limit > api.MaxPageSize {
		limit = api.DefaultPageSize
	}
	if cursor != "" && !strings.HasPrefix(cursor, "sgrp_") {
		return page, api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
	}
	rows, err := s.Tx.QueryContext(ctx, `SELECT g.id, g.connection, g.display_name, g.external_id, g.updated_at,
		(SELECT COUNT(*) FROM scim_group_member gm WHERE gm.workspace_id = g.workspace_id AND gm.group_id = g.id),
		CASE WHEN EXISTS (SELECT 1 FROM scim_group_mapping p WHERE p.workspace_id = g.workspace_id AND p.connection = g.connection AND p.group_key IN ('n:' || g.display_key, 'x:' || g.external_id)) THEN 1 ELSE 0 END
		FROM scim_group g WHERE g.workspace_id = $1 AND g.id > $2 ORDER BY g.id LIMIT $3`, s.WorkspaceID, cursor, limit+1)
	if err != nil {
		return page, fmt.Errorf("listing groups: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var g DirectoryGroup
		var updated, mapped int64
		if err := rows.Scan(&g.ID, &g.Connection, &g.DisplayName, &g.ExternalID, &updated, &g.Members, &mapped); err != nil {
			return page, fmt.Errorf("listing groups: %w", err)
		}
		g.UpdatedAt, g.Mapped = time.UnixMicro(updated).UTC(), mapped == 1
		page.Items = append(page.Items, g)
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		page.NextCursor = page.Items[limit-1].ID
	}
	return page, rows.Err()
}
