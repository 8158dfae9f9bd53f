package sharing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// The trash (C087). A deleted item leaves its table, together with everything that was
// given on it: nothing decides by it, nothing lists it, and its path is free. What it
// was lies in the tables trash and trash_row until it is put back or the clock of the
// retention policy has run out.

// trashed is the verb of the audit log for what goes into the trash.
const trashed = "trashed"

// entry is an item in the trash, without what is on its shelf.
type entry struct {
	id, kind, path, name, parent string
	refs                         references
	at                           time.Time
	by                           string
	held                         bool
}

// references are those between collections and assets, in both directions. They hold
// ids, so that no reference comes back to another item of the same path.
type references struct {
	// In are the collections that an asset was in, with its place in each.
	In []reference `json:"in,omitempty"`
	// Of are the assets that a collection showed.
	Of []reference `json:"of,omitempty"`
}

type reference struct {
	ID   string `json:"id"`
	Path string `json:"path"`
	At   int    `json:"at,omitempty"`
}

// putInTrash keeps an item that is about to be deleted. The change under way deletes
// its row; what was given on it follows with revokeOn.
func putInTrash(ctx context.Context, s *object.Scope, kind *api.Kind, obj api.Object, name string) error {
	m := obj.GetMeta()
	e := entry{id: m.ID, kind: kind.Name, path: m.Key, name: name, at: s.Now, by: s.Caller.Principal()}
	var err error
	if e.parent, err = itemID(ctx, s, vocabulary.ParentPath(m.Key)); err != nil {
		return err
	}
	switch kind {
	case api.AssetKind:
		e.refs.In, err = collectionsWith(ctx, s, m.Key)
	case api.CollectionKind:
		e.refs.Of, err = idsOf(ctx, s, obj.(*api.Collection).AssetIDs)
	}
	if err != nil {
		return err
	}
	refs, err := json.Marshal(e.refs)
	if err != nil {
		return fmt.Errorf("keeping the references of %s: %w", m.Key, err)
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO trash (workspace_id, id, kind, path, name, parent_id, refs, trashed_at, trashed_by, legal_hold) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
		s.WorkspaceID, e.id, e.kind, e.path, e.name, e.parent, string(refs), e.at.UnixMicro(), e.by); err != nil {
		return fmt.Errorf("putting %s into the trash: %w", m.Key, err)
	}
	return s.Shelve(ctx, kind, e.id, obj)
}

// itemID is the id of the item at a path, "" when there is none.
func itemID(ctx context.Context, s *object.Scope, path string) (string, error) {
	var id string
	err := s.Tx.QueryRowContext(ctx, `SELECT id FROM item WHERE workspace_id = $1 AND key = $2`, s.WorkspaceID, path).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("looking for the item %s: %w", path, err)
	}
	return id, nil
}

// collectionsWith lists the collections that an asset is in, and where in each.
func collectionsWith(ctx context.Context, s *object.Scope, asset string) ([]reference, error) {
	paths, err := s.CollectionsOf(ctx, asset)
	if err != nil {
		return nil, err
	}
	var out []reference
	for _, path := range paths {
		c, err := object.Find[*api.Collection](ctx, s, api.CollectionKind, path)
		if err != nil {
			return nil, err
		}
		if c == nil {
			continue
		}
		for at, p := range c.AssetIDs {
			if p == asset {
				out = append(out, reference{ID: c.ID, Path: path, At: at})
			}
		}
	}
	return out, nil
}

// idsOf finds the ids of assets.
func idsOf(ctx context.Context, s *object.Scope, paths []string) ([]reference, error) {
	out := make([]reference, 0, len(paths))
	for at, path := range paths {
		id, err := itemID(ctx, s, path)
		if err != nil {
			return nil, err
		}
		out = append(out, reference{ID: id, Path: path, At: at})
	}
	return out, nil
}

const entryColumns = `id, kind, path, name, parent_id, refs, trashed_at, trashed_by, legal_hold`

func scanEntry(row interface{ Scan(...any) error }) (*entry, error) {
	var e entry
	var refs string
	var at, held int64
	if err := row.Scan(&e.id, &e.kind, &e.path, &e.name, &e.parent, &refs, &at, &e.by, &held); err != nil {
		return nil, err
	}
	e.at, e.held = time.UnixMicro(at).UTC(), held == 1
	return &e, json.Unmarshal([]byte(refs), &e.refs)
}

// findEntry reads an item in the trash; a not_found problem when there is none.
func findEntry(ctx context.Context, s *object.Scope, id string) (*entry, error) {
	e, err := scanEntry(s.Tx.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM trash WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noEntry(id)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the trash: %w", err)
	}
	return e, nil
}

func noEntry(id string) *api.Problem {
	return api.NewProblem(api.CodeNotFound, "There is no item %q in the trash here.", id)
}

// node is what an item in the trash is decided by, as it was: by what is held above it,
// by its owner and its team, and by the governance of owner and admins. What was given
// on the item itself gives nothing while it lies here.
func (e *entry) node(ctx context.Context, s *object.Scope) (access.Node, error) {
	item, err := e.item(ctx, s)
	if err != nil {
		return access.Node{}, err
	}
	leaf := access.Node{Path: e.path, Kind: e.kind}
	var inheritance, owner string
	switch i := item.Object.(type) {
	case *api.Project:
		inheritance, owner, leaf.Team = i.Inheritance, i.Owner, i.Team
	case *api.Folder:
		inheritance = i.Inheritance
	case *api.Collection:
		inheritance, owner = i.Inheritance, i.Owner
	case *api.Asset:
		inheritance, owner = i.Inheritance, i.Owner
	}
	if owner != "" {
		leaf.Owner = object.PrincipalMember + ":" + owner
	}
	parent, err := itemID(ctx, s, vocabulary.ParentPath(e.path))
	// What is above it now may be somebody else's: that gives nothing on it.
	leaf.Restricted = inheritance == "restricted" || parent != e.parent
	return leaf, err
}

// seen reports whether the caller could put the item back: to others it is not there.
func (e *entry) seen(ctx context.Context, s *object.Scope) (bool, error) {
	leaf, err := e.node(ctx, s)
	if err != nil {
		return false, err
	}
	d, err := s.DecideAbout(ctx, leaf, itemRestore)
	return d.Allowed, err
}

// item reads the item itself from its shelf.
func (e *entry) item(ctx context.Context, s *object.Scope) (*object.Shelved, error) {
	kind := api.KindByName(e.kind)
	if kind == nil {
		return nil, fmt.Errorf("the trash holds %s of the unknown kind %q", e.id, e.kind)
	}
	found, err := s.OnShelf(ctx, kind, e.id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, noEntry(e.id) // it left the trash since the entry was read
	}
	return found[0], nil
}

func (e *entry) purgeAt(days int64) time.Time { return e.at.AddDate(0, 0, int(days)) }

// trashDays is how long items stay in the trash.
func trashDays(ctx context.Context, s *object.Scope) (int64, error) {
	p, err := object.Find[*api.RetentionPolicy](ctx, s, api.RetentionPolicyKind, api.RetentionPolicyKind.Name)
	if err != nil {
		return 0, err
	}
	if p == nil || p.TrashDays <= 0 {
		return 30, nil
	}
	return p.TrashDays, nil
}

// maxTrashLooked bounds how many items one page of the trash looks at.
const maxTrashLooked = 1000

// Trash answers a page of what is in the trash, what is purged first at first. Only
// those that the caller could put back are in it.
func Trash(ctx context.Context, s *object.Scope, path, cursor string, limit int) (api.Page[api.Trashed], error) {
	page := api.Page[api.Trashed]{Items: []api.Trashed{}}
	if err := s.Active(ctx); err != nil {
		return page, err
	}
	if limit <= 0 || limit > api.MaxPageSize {
		limit = api.DefaultPageSize
	}
	days, err := trashDays(ctx, s)
	if err != nil {
		return page, err
	}
	after, err := trashCursor(ctx, s, cursor)
	if err != nil {
		return page, err
	}
	found, err := entriesAfter(ctx, s, path, after, maxTrashLooked+1)
	if err != nil {
		return page, err
	}
	for i, e := range found {
		if len(page.Items) == limit || i == maxTrashLooked {
			page.NextCursor = found[i-1].id
			break
		}
		seen, err := e.seen(ctx, s)
		if p := (*api.Problem)(nil); errors.As(err, &p) && p.Code() == api.CodeNotFound {
			continue
		}
		if err != nil {
			return page, err
		}
		if !seen {
			continue
		}
		leaf, err := e.node(ctx, s)
		if err != nil {
			return page, err
		}
		if err := s.RequireAbout(ctx, leaf, itemRead); err != nil {
			return page, err
		}
		t, err := e.view(ctx, s, days)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, t)
	}
	return page, nil
}

func (e *entry) view(ctx context.Context, s *object.Scope, days int64) (api.Trashed, error) {
	t := api.Trashed{ID: e.id, Kind: e.kind, Path: e.path, Name: e.name, TrashedAt: e.at, TrashedBy: e.by, PurgeAt: e.purgeAt(days), LegalHold: e.held}
	err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM trash_row WHERE workspace_id = $1 AND shelf = $2 AND kind IN ('access_grant', 'role_assignment')`, s.WorkspaceID, e.id).Scan(&t.Grants)
	if err != nil {
		return t, fmt.Errorf("counting what was given on %s: %w", e.path, err)
	}
	return t, nil
}

// trashCursor finds the entry after which a page begins; the zero entry is before all.
// One that was purged meanwhile begins the list again.
func trashCursor(ctx context.Context, s *object.Scope, cursor string) (*entry, error) {
	if cursor == "" {
		return &entry{at: time.UnixMicro(0)}, nil
	}
	e, err := findEntry(ctx, s, cursor)
	if p := (*api.Problem)(nil); errors.As(err, &p) {
		return nil, api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out, or the item is in the trash no longer; start again without it.")
	}
	return e, err
}

func entriesAfter(ctx context.Context, s *object.Scope, path string, after *entry, limit int) ([]*entry, error) {
	text, args := `SELECT `+entryColumns+` FROM trash WHERE workspace_id = $1 AND (trashed_at, id) > ($2, $3) ORDER BY trashed_at, id LIMIT $4`, []any{s.WorkspaceID, after.at.UnixMicro(), after.id, limit}
	if path != "" {
		text, args = strings.Replace(text, ` AND (`, ` AND path = $5 AND (`, 1), append(args, strings.ToLower(path))
	}
	return entries(ctx, s, text, args...)
}

// entries reads the rows of the trash that a query answers.
func entries(ctx context.Context, s *object.Scope, query string, args ...any) ([]*entry, error) {
	rows, err := s.Tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the trash: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []*entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("reading the trash: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// givenOn is a kind of which objects are given on an item: how they are found, and what
// has to hold for one to come back with the item.
type givenOn struct {
	kind *api.Kind
	each func(ctx context.Context, s *object.Scope, path string, f func(api.Object)) error
	// back says why one does not come back, "" when it does; nil lets all come back.
	back func(ctx context.Context, s *object.Scope, o *object.Shelved) (string, error)
	// policy kinds are compiled into the policies.
	policy bool
}

// byColumn finds objects whose column names the item.
func byColumn[P api.Object](kind *api.Kind, column string) func(context.Context, *object.Scope, string, func(api.Object)) error {
	return func(ctx context.Context, s *object.Scope, path string, f func(api.Object)) error {
		return object.Each(ctx, s, kind, func(o P) error {
			f(o)
			return nil
		}, store.Condition{Column: column, Value: path})
	}
}

// byKey finds the one object whose key is the item's path, where it was declared.
func byKey(kind *api.Kind) func(context.Context, *object.Scope, string, func(api.Object)) error {
	return func(ctx context.Context, s *object.Scope, path string, f func(api.Object)) error {
		declared, err := s.Exists(ctx, kind, path)
		if err != nil || !declared {
			return err
		}
		o, err := s.Get(ctx, kind, path)
		if err == nil {
			f(o)
		}
		return err
	}
}

var givenKinds = []givenOn{
	{kind: api.AccessGrantKind, each: byColumn[*api.AccessGrant](api.AccessGrantKind, "resource"), back: grantComesBack},
	{kind: api.RoleAssignmentKind, each: byColumn[*api.RoleAssignment](api.RoleAssignmentKind, "scope"), back: assignmentComesBack},
	{kind: api.AccessGrantsKind, each: byKey(api.AccessGrantsKind)},
	{kind: api.SharingPolicyOverrideKind, each: byKey(api.SharingPolicyOverrideKind), back: overrideComesBack, policy: true},
}
