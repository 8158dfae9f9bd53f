package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Row is a declared object as it is stored: a document with what every kind shares.
type Row struct {
	WorkspaceID   string
	Kind          string
	ID            string
	Key           string
	Doc           string // JSON
	Version       int64
	Manager       string // api.ManagedBy kinds
	Stack         string
	ChangeContext string // JSON, "" when unknown
	ManagedAt     time.Time
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// Extra are the values of the table's own columns, in its order.
	Extra []any
}

// Table is where a kind's rows live: "object" for ordinary kinds, tables of their
// own for what is big or hot. Extra columns repeat what the document says, for
// indexes and joins; they are written with it and never read back by Table.
type Table struct {
	Name  string
	Extra []string
}

// Objects is the table of ordinary kinds.
var Objects = Table{Name: "object"}

// Errors of the repository.
var (
	ErrNotFound = errors.New("store: not found")
	ErrStale    = errors.New("store: the row has changed since it was read")
	ErrExists   = errors.New("store: the key is taken")
)

const rowColumns = "workspace_id, kind, id, key, doc, version, manager, stack, change_context, managed_at, created_at, updated_at"

var texts sync.Map // built SQL by table and purpose

func (t Table) text(purpose string, build func() string) string {
	key := t.Name + "\x00" + purpose
	if s, ok := texts.Load(key); ok {
		return s.(string)
	}
	s := build()
	texts.Store(key, s)
	return s
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Micros is how times are stored: microseconds since 1970, 0 for none.
func Micros(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return micros(*t)
}

// FromMicros is the reverse of Micros.
func FromMicros(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	t := time.UnixMicro(us).UTC()
	return &t
}

func (r *Row) args() []any {
	args := []any{r.WorkspaceID, r.Kind, r.ID, r.Key, r.Doc, r.Version, r.Manager, r.Stack, r.ChangeContext, micros(r.ManagedAt), micros(r.CreatedAt), micros(r.UpdatedAt)}
	return append(args, r.Extra...)
}

// Insert stores a new row; ErrExists when the key is taken.
func (t Table) Insert(ctx context.Context, tx *Tx, r *Row) error {
	text := t.text("insert", func() string {
		cols := rowColumns
		if len(t.Extra) > 0 {
			cols += ", " + strings.Join(t.Extra, ", ")
		}
		return "INSERT INTO " + t.Name + " (" + cols + ") VALUES (" + Params(1, 12+len(t.Extra)) + ") ON CONFLICT DO NOTHING"
	})
	res, err := tx.ExecContext(ctx, text, r.args()...)
	if err != nil {
		return fmt.Errorf("storing %s %q: %w", r.Kind, r.Key, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrExists, err)
	}
	return nil
}

// Update replaces the row whose version is was; ErrStale when it has moved on.
func (t Table) Update(ctx context.Context, tx *Tx, r *Row, was int64) error {
	text := t.text("update", func() string {
		cols := append([]string{"key", "doc", "version", "manager", "stack", "change_context", "managed_at", "updated_at"}, t.Extra...)
		sets := make([]string, len(cols))
		for i, c := range cols {
			sets[i] = c + " = $" + strconv.Itoa(i+5)
		}
		return "UPDATE " + t.Name + " SET " + strings.Join(sets, ", ") + " WHERE workspace_id = $1 AND kind = $2 AND id = $3 AND version = $4"
	})
	args := append([]any{r.WorkspaceID, r.Kind, r.ID, was, r.Key, r.Doc, r.Version, r.Manager, r.Stack, r.ChangeContext, micros(r.ManagedAt), micros(r.UpdatedAt)}, r.Extra...)
	res, err := tx.ExecContext(ctx, text, args...)
	if IsUnique(err) {
		return ErrExists
	}
	if err != nil {
		return fmt.Errorf("storing %s %q: %w", r.Kind, r.Key, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrStale, err)
	}
	return nil
}

// Delete removes the row whose version is was; ErrStale when it has moved on.
func (t Table) Delete(ctx context.Context, tx *Tx, workspace, kind, id string, was int64) error {
	res, err := tx.ExecContext(ctx, "DELETE FROM "+t.Name+" WHERE workspace_id = $1 AND kind = $2 AND id = $3 AND version = $4", workspace, kind, id, was)
	if err != nil {
		return fmt.Errorf("deleting %s %s: %w", kind, id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrStale, err)
	}
	return nil
}

// ByID reads one row; ErrNotFound when there is none.
func (t Table) ByID(ctx context.Context, tx *Tx, workspace, kind, id string) (*Row, error) {
	return t.one(ctx, tx, "SELECT "+rowColumns+" FROM "+t.Name+" WHERE workspace_id = $1 AND kind = $2 AND id = $3", workspace, kind, id)
}

// ByKey reads one row by its natural key; ErrNotFound when there is none.
func (t Table) ByKey(ctx context.Context, tx *Tx, workspace, kind, key string) (*Row, error) {
	return t.one(ctx, tx, "SELECT "+rowColumns+" FROM "+t.Name+" WHERE workspace_id = $1 AND kind = $2 AND key = $3", workspace, kind, key)
}

func (t Table) one(ctx context.Context, tx *Tx, query string, args ...any) (*Row, error) {
	r, err := scanRow(tx.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", t.Name, err)
	}
	return r, nil
}

// Condition restricts a list: a column of the table or a field of the document.
type Condition struct {
	Column string // column that an index (workspace_id, column, key) covers; or
	Field  string // top-level field of the JSON document
	Value  string
}

// List reads up to limit rows of a kind in key order, after the given key.
func (t Table) List(ctx context.Context, tx *Tx, workspace, kind, after string, limit int, where ...Condition) ([]*Row, error) {
	var b strings.Builder
	b.WriteString("SELECT " + rowColumns + " FROM " + t.Name + " WHERE workspace_id = $1 AND " + kindTest(where) + " AND key > $3")
	args := []any{workspace, kind, after}
	for _, c := range where {
		args = append(args, c.Value)
		n := "$" + strconv.Itoa(len(args))
		if c.Column != "" {
			b.WriteString(" AND " + c.Column + " = " + n)
			continue
		}
		b.WriteString(" AND " + jsonField(tx.dialect, c.Field) + " = " + n)
	}
	args = append(args, limit)
	b.WriteString(" ORDER BY key LIMIT $" + strconv.Itoa(len(args)))
	rows, err := tx.QueryContext(ctx, b.String(), args...)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", kind, err)
	}
	defer func() { _ = rows.Close() }()
	var out []*Row
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", kind, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// kindTest compares the kind. Where a column with an index of its own restricts the
// list, the comparison is written so that no index serves it: SQLite would otherwise
// walk the whole kind in key order and test the column row by row.
func kindTest(where []Condition) string {
	for _, c := range where {
		if c.Column != "" && c.Column != "key" {
			return "kind || '' = $2"
		}
	}
	return "kind = $2"
}

// jsonField is the one place where the engines' texts differ: reading a field of a
// document as text. Field names come from the kinds' declarations, never from input.
func jsonField(d Dialect, field string) string {
	if d == Postgres {
		return "(doc::json ->> '" + field + "')"
	}
	return "CASE json_type(doc, '$." + field + "') WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(json_extract(doc, '$." + field + "') AS TEXT) END"
}

func scanRow(s interface{ Scan(...any) error }) (*Row, error) {
	var r Row
	var managed, created, updated int64
	err := s.Scan(&r.WorkspaceID, &r.Kind, &r.ID, &r.Key, &r.Doc, &r.Version, &r.Manager, &r.Stack, &r.ChangeContext, &managed, &created, &updated)
	if err != nil {
		return nil, err
	}
	r.ManagedAt, r.CreatedAt, r.UpdatedAt = time.UnixMicro(managed).UTC(), time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return &r, nil
}

// Params writes n numbered parameters: "$2, $3, $4" from 2.
func Params(from, n int) string {
	p := make([]string, n)
	for i := range p {
		p[i] = "$" + strconv.Itoa(from+i)
	}
	return strings.Join(p, ", ")
}
