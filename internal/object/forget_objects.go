package object

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Declared objects forget people by their shape, whatever their kind: an object whose
// key names the person goes, and in the others the person is taken out of lists, items
// and guests are the Owner's, and texts show the token.

const rowTexts = "workspace_id, kind, id, key, doc, manager, stack, change_context"

// The tables that hold rows of kinds, and the shelves of the trash beside them.
func kindTables() map[string]store.Table {
	out := map[string]store.Table{shelves.Name: shelves}
	for _, r := range registry {
		out[r.table.Name] = r.table
	}
	return out
}

func isKindTable(name string) bool { _, ok := kindTables()[name]; return ok }

// kindColumns are the columns of a table of kinds; its own repeat what documents say.
func kindColumns(name string) []string {
	return append(strings.Split(rowTexts, ", "), kindTables()[name].Extra...)
}

func place(kind *api.Kind) string { return strings.ReplaceAll(kind.Plural, "_", " ") }

// rowsNaming reads the rows of a kind in which the person may be.
func (s *Scope) rowsNaming(ctx context.Context, kind *api.Kind, t store.Table, p *Person) ([]*store.Row, error) {
	where, args := mentions([]string{"key", "doc"}, p, nil, []any{s.WorkspaceID, kind.Name})
	found, err := readRows(ctx, s.Tx, `SELECT id FROM `+t.Name+` WHERE workspace_id = $1 AND kind = $2 AND (`+strings.Join(where, " OR ")+`) ORDER BY id`, args...)
	if err != nil {
		return nil, fmt.Errorf("looking for a person in %s: %w", place(kind), err)
	}
	ids := make([]string, len(found))
	for i, row := range found {
		ids[i] = row["id"]
	}
	byID, err := t.ByIDs(ctx, s.Tx, s.WorkspaceID, kind.Name, ids)
	if err != nil {
		return nil, err
	}
	var out []*store.Row
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if row := byID[id]; p.In(row.Key) || p.In(row.Doc) {
			out = append(out, row)
		}
	}
	return out, nil
}

// eachKindNaming calls f for every kind of which rows name the person.
func (s *Scope) eachKindNaming(ctx context.Context, p *Person, f func(*api.Kind, *erased, []*store.Row) error) error {
	for _, name := range slices.Sorted(maps.Keys(registry)) {
		kind, r := api.KindByName(name), registry[name]
		rows, err := s.rowsNaming(ctx, kind, r.table, p)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			continue
		}
		if err := f(kind, r, rows); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scope) forgetInObjects(ctx context.Context, p *Person) ([]Held, error) {
	var out []Held
	err := s.eachKindNaming(ctx, p, func(kind *api.Kind, r *erased, rows []*store.Row) error {
		out = append(out, Held{Place: place(kind), Count: int64(len(rows))})
		return s.forgetInRows(ctx, p, kind, r, rows)
	})
	if err != nil {
		return nil, err
	}
	authors, err := s.forgetAuthors(ctx, p)
	if err != nil {
		return nil, err
	}
	shelved, err := s.forgetOnShelves(ctx, p)
	return append(out, Held{Place: "change contexts", Count: authors}, Held{Place: "trash", Count: shelved}), err
}

// forgetInRows removes the objects that are about the person, with their secrets, and
// takes the person out of the others.
func (s *Scope) forgetInRows(ctx context.Context, p *Person, kind *api.Kind, r *erased, rows []*store.Row) error {
	if err := s.bumpFor(ctx, r); err != nil {
		return err
	}
	var gone, changed []api.Object
	for _, row := range rows {
		if p.In(row.Key) {
			obj, err := fromRow(kind, row)
			if err != nil {
				return err
			}
			gone = append(gone, obj)
			continue
		}
		obj, err := without(kind, row, p)
		if err != nil {
			return err
		}
		changed = append(changed, obj)
	}
	because := []string{"a person was erased"}
	if err := s.RemoveDerived(ctx, kind, How{Verb: "removed", Effect: audit.EffectNarrowed, Reasons: because}, gone...); err != nil {
		return err
	}
	if err := s.SaveDerived(ctx, kind, How{Keep: true, Effect: audit.EffectNeutral, Reasons: because}, changed...); err != nil {
		return err
	}
	for _, obj := range gone {
		if _, err := s.Tx.ExecContext(ctx, `DELETE FROM sealed_secret WHERE workspace_id = $1 AND object_id = $2`, s.WorkspaceID, obj.GetMeta().ID); err != nil {
			return fmt.Errorf("deleting the secrets of %s: %w", place(kind), err)
		}
	}
	return nil
}

// without is the object of a row with the person taken out.
func without(kind *api.Kind, row *store.Row, p *Person) (api.Object, error) {
	doc, c, err := p.scrub(row.Doc, scrubber{Person: p})
	if err != nil {
		return nil, err
	}
	for _, attribute := range c.emptied {
		if f := kind.Field(attribute); f == nil || f.Required || kind.Name == api.NotificationChannelKind.Name {
			return nil, api.NewProblem(api.CodeReferenced, "The %s %q names nobody else in %s. Name somebody else there, or delete it, and erase the person then.",
				strings.ReplaceAll(kind.Name, "_", " "), row.Key, attribute)
		}
	}
	bare := *row
	bare.Doc = doc
	return fromRow(kind, &bare)
}

// forgetAuthors takes the person out of the change contexts of objects.
func (s *Scope) forgetAuthors(ctx context.Context, p *Person) (int64, error) {
	var n int64
	for _, table := range slices.Sorted(maps.Keys(kindTables())) {
		f := Forgetting{Table: table, Key: []string{"id"}, Text: []string{"change_context"}, Keep: true,
			Search: func(p *Person) []string { return p.Names },
			Scrub:  func(p *Person, _ map[string]string, _, text string) (string, error) { return p.ScrubAuthors(text) },
		}
		if table == shelves.Name {
			f.Key = []string{"shelf", "key", "kind"}
		}
		changed, err := f.run(ctx, s, p)
		if err != nil {
			return 0, fmt.Errorf("forgetting an author in %s: %w", table, err)
		}
		n += changed
	}
	return n, nil
}

// onShelves is what lies in the trash: the rows that name the person in their key go,
// as they would elsewhere.
func onShelves(p *Person) Forgetting {
	return Forgetting{Table: shelves.Name, Key: []string{"shelf", "key", "kind"}, Text: []string{"key", "doc"},
		Scrub: func(_ *Person, _ map[string]string, _, text string) (string, error) { return p.Scrub(text) }}
}

func (s *Scope) forgetOnShelves(ctx context.Context, p *Person) (int64, error) {
	f := onShelves(p)
	found, err := f.find(ctx, s, p)
	if err != nil {
		return 0, fmt.Errorf("looking for a person in the trash: %w", err)
	}
	f.Text, f.Keep = []string{"doc"}, true
	for _, row := range found {
		if p.In(row["key"]) {
			err = f.remove(ctx, s, row)
		} else {
			err = f.mask(ctx, s, p, row, map[string]bool{})
		}
		if err != nil {
			return 0, fmt.Errorf("forgetting a person in the trash: %w", err)
		}
	}
	return int64(len(found)), nil
}

func (s *Scope) holdingsInObjects(ctx context.Context, p *Person) ([]Held, error) {
	var out []Held
	err := s.eachKindNaming(ctx, p, func(kind *api.Kind, _ *erased, rows []*store.Row) error {
		h := Held{Place: place(kind), Count: int64(len(rows))}
		for _, row := range rows {
			h.Rows = append(h.Rows, map[string]any{"kind": kind.Name, "id": row.ID, "key": row.Key, "document": json.RawMessage(row.Doc), "created_at": row.CreatedAt, "updated_at": row.UpdatedAt})
		}
		out = append(out, h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	f := onShelves(p)
	found, err := f.find(ctx, s, p)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		h := Held{Place: "trash", Count: int64(len(found))}
		for _, row := range found {
			h.Rows = append(h.Rows, shown(row))
		}
		out = append(out, h)
	}
	return out, nil
}

// document reads a text that is a JSON object or list.
func document(text string) (json.RawMessage, bool) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, false
	}
	return json.RawMessage(text), json.Valid([]byte(text))
}

// EraseFromLog ends what the audit log knows of a person. Events of this transaction
// that name them are written first; later ones must name them by the token.
func (s *Scope) EraseFromLog(ctx context.Context, p *Person) (int64, error) {
	if err := s.finish(ctx); err != nil {
		return 0, err
	}
	s.events = nil
	var n int64
	for _, name := range slices.Concat(p.Addresses, p.Logins, p.Names) {
		refs, err := s.svc.log.Erase(ctx, s.Tx, s.WorkspaceID, name)
		if err != nil {
			return 0, err
		}
		n += int64(len(refs))
	}
	return n, nil
}

// AuditEvents reads a page of the audit log of the workspace.
func (s *Scope) AuditEvents(ctx context.Context, f audit.Filter) (events []audit.Event, next string, err error) {
	f.Workspace = s.WorkspaceID
	return s.svc.log.Query(ctx, s.Tx, f)
}

// Pseudonym is what a person is called once they are erased.
func (s *Scope) Pseudonym(ctx context.Context, email string) (string, error) {
	return s.svc.log.Pseudonym(ctx, s.Tx, s.WorkspaceID, email)
}

// InLog counts the names under which the audit log knows a person.
func (s *Scope) InLog(ctx context.Context, p *Person) (int, error) {
	known, err := s.svc.log.Known(ctx, s.Tx, s.WorkspaceID, slices.Concat(p.Addresses, p.Logins, p.Names))
	return len(known), err
}

var _ = Forgets("object",
	Forgetting{Place: "sessions", Table: "session", Key: []string{"id"}, Who: []string{"principal"}, Also: []string{"hash"}},
	Forgetting{Place: "tokens", Table: "token_secret", Key: []string{"hash"}, Who: []string{"principal"}, Also: []string{"token_kind", "token_id"}},
	Forgetting{Place: "idempotency keys", Table: "idempotency", Key: []string{"principal", "key"}, Who: []string{"principal"}, Also: []string{"request_hash", "object_kind", "object_id"}},
)

var (
	_ = Impersonal("workspace", map[string]string{"*": "ids, and the slug of the organisation; the owner is named by id and cannot be erased"})
	_ = Impersonal("sealed_secret", map[string]string{"*": "secrets of objects by opaque ids; those of objects that go, go with them"})
	_ = Impersonal("goose_db_version", map[string]string{"*": "migrations"})
	_ = Impersonal("audit_event", map[string]string{"*": "people are pseudonyms here; erasing cuts them from the person"})
	_ = Impersonal("audit_subject", map[string]string{"*": "the audit log empties person and salt itself"})
	_ = Impersonal("audit_leaf", map[string]string{"*": "hashes and opaque ids"})
	_ = Impersonal("audit_hash", map[string]string{"*": "hashes"})
	_ = Impersonal("audit_checkpoint", map[string]string{"*": "hashes, and the name of the log"})
	_ = Impersonal("audit_seal", map[string]string{"*": "positions and opaque ids"})
)
