package object

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// How people are erased outside of the audit log (X12, C088). Each room says for each
// of its tables what becomes of somebody in it; what it says nothing about fails a test.

// Forgetting is what becomes of a person in one table.
type Forgetting struct {
	// Place is what the report calls it, such as "comments".
	Place string
	Table string
	// Key are the columns that tell rows of a workspace apart.
	Key []string
	// Who are columns that hold a person as a whole: an address, a principal or an id.
	Who []string
	// By are columns by which rows are found as by Who, and which stay: opaque ids.
	By []string
	// Text are columns with texts or JSON documents in which people are named.
	Text []string
	// Keep leaves rows with the token in place of the person. Otherwise they go.
	Keep bool
	// Own gives columns of a row other values that is the person's own: its first
	// column of Who names them. With Keep.
	Own func(s *Scope, p *Person, row map[string]string) (map[string]any, error)
	// Scrub replaces Person.Scrub for Text.
	Scrub func(p *Person, row map[string]string, column, text string) (string, error)
	// Also answers for columns that are covered because the rows go, or by First.
	Also []string
	// First runs before rows are looked for: what has to happen with the objects that
	// the rows are of. It answers how many there were.
	First func(ctx context.Context, s *Scope, p *Person) (int64, error)
	// Found reads what Who and Text cannot find, because it is sealed.
	Found func(ctx context.Context, s *Scope, p *Person) ([]map[string]any, error)
	// Search looks for other texts than addresses in Text.
	Search func(p *Person) []string
}

// Emptied is an Own that empties columns with what the person said.
func Emptied(columns ...string) func(*Scope, *Person, map[string]string) (map[string]any, error) {
	return func(*Scope, *Person, map[string]string) (map[string]any, error) {
		out := make(map[string]any, len(columns))
		for _, column := range columns {
			out[column] = ""
		}
		return out, nil
	}
}

// Columns are all columns that the table's room has thought of.
func (f *Forgetting) Columns() []string {
	return slices.Concat(f.Key, f.Who, f.By, f.Text, f.Also)
}

var (
	forgettings = map[string][]Forgetting{} // by room
	impersonal  = map[string]map[string]string{}
	knownAs     []func(context.Context, *Scope, *Person) error
	objections  []func(context.Context, *Scope, *Person) error
)

// Forgets registers what a room does in its tables, in this order.
func Forgets(room string, all ...Forgetting) bool {
	forgettings[room] = append(forgettings[room], all...)
	return true
}

// Impersonal says why columns of a table name nobody; the column "*" stands for all.
func Impersonal(table string, reasons map[string]string) bool {
	if impersonal[table] == nil {
		impersonal[table] = map[string]string{}
	}
	maps.Copy(impersonal[table], reasons)
	return true
}

// KnownAs registers what else a room knows a person by. It is asked before anything is
// forgotten.
func KnownAs(f func(context.Context, *Scope, *Person) error) bool {
	knownAs = append(knownAs, f)
	return true
}

// ObjectsToErasure registers why a person may not be erased now: f answers a problem.
func ObjectsToErasure(f func(context.Context, *Scope, *Person) error) bool {
	objections = append(objections, f)
	return true
}

// Answered reports whether some room has thought of a column: it forgets people in it,
// or says why there are none.
func Answered(table, column string) bool {
	if reasons := impersonal[table]; reasons["*"] != "" || reasons[column] != "" {
		return true
	}
	if isKindTable(table) && slices.Contains(kindColumns(table), column) {
		return true
	}
	for _, all := range forgettings {
		for i := range all {
			if all[i].Table == table && slices.Contains(all[i].Columns(), column) {
				return true
			}
		}
	}
	return false
}

// Forgettings are all that were registered for a table.
func Forgettings(table string) []Forgetting {
	var out []Forgetting
	for _, room := range slices.Sorted(maps.Keys(forgettings)) {
		for _, f := range forgettings[room] {
			if f.Table == table {
				out = append(out, f)
			}
		}
	}
	return out
}

// Held is what a place holds, or held, of a person.
type Held struct {
	Place string
	Rows  []map[string]any // what is shown to them; nil after forgetting
	Count int64
}

// Identify completes a person with what the rooms know of them.
func (s *Scope) Identify(ctx context.Context, p *Person) error {
	for _, ask := range knownAs {
		if err := ask(ctx, s, p); err != nil {
			return err
		}
	}
	return nil
}

// MayErase answers a problem when some room has a reason to keep a person.
func (s *Scope) MayErase(ctx context.Context, p *Person) error {
	for _, object := range objections {
		if err := object(ctx, s, p); err != nil {
			return err
		}
	}
	return nil
}

// Forget makes every room forget a person, in the transaction of the scope. Objects
// come last: what is left of them shows the rooms which they are.
func (s *Scope) Forget(ctx context.Context, p *Person) ([]Held, error) {
	var out []Held
	note := func(place string, n int64) {
		if n == 0 {
			return
		}
		for i := range out {
			if out[i].Place == place {
				out[i].Count += n
				return
			}
		}
		out = append(out, Held{Place: place, Count: n})
	}
	for _, room := range slices.Sorted(maps.Keys(forgettings)) {
		for i := range forgettings[room] {
			f := &forgettings[room][i]
			n, err := f.run(ctx, s, p)
			if err != nil {
				return nil, fmt.Errorf("forgetting a person in %s: %w", f.Table, err)
			}
			note(f.Place, n)
		}
	}
	objects, err := s.forgetInObjects(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, h := range objects {
		note(h.Place, h.Count)
	}
	return out, nil
}

// Holdings reads everything that is held of a person, as it is stored.
func (s *Scope) Holdings(ctx context.Context, p *Person) ([]Held, error) {
	out, err := s.holdingsInObjects(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, room := range slices.Sorted(maps.Keys(forgettings)) {
		for i := range forgettings[room] {
			f := &forgettings[room][i]
			found, err := f.find(ctx, s, p)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", f.Table, err)
			}
			h := Held{Place: f.Place}
			if f.Found != nil {
				if h.Rows, err = f.Found(ctx, s, p); err != nil {
					return nil, fmt.Errorf("reading %s: %w", f.Table, err)
				}
			}
			for _, row := range found {
				h.Rows = append(h.Rows, shown(row))
			}
			if h.Count = int64(len(h.Rows)); h.Count > 0 {
				out = append(out, h)
			}
		}
	}
	return out, nil
}

func (f *Forgetting) run(ctx context.Context, s *Scope, p *Person) (int64, error) {
	var n int64
	if f.First != nil {
		var err error
		if n, err = f.First(ctx, s, p); err != nil {
			return 0, err
		}
	}
	if len(f.Who) == 0 && len(f.Text) == 0 {
		return n, nil
	}
	found, err := f.find(ctx, s, p)
	if err != nil {
		return 0, err
	}
	masked := map[string]bool{}
	for _, row := range found {
		if !f.Keep {
			if err := f.remove(ctx, s, row); err != nil {
				return 0, err
			}
			continue
		}
		if err := f.mask(ctx, s, p, row, masked); err != nil {
			return 0, err
		}
	}
	return n + int64(len(found)), nil
}

// find reads the rows in which the person is. SQL finds those that might be; whether
// they are is decided here.
func (f *Forgetting) find(ctx context.Context, s *Scope, p *Person) ([]map[string]string, error) {
	if len(f.Who) == 0 && len(f.Text) == 0 {
		return nil, nil
	}
	args := []any{s.WorkspaceID}
	var any []string
	if holders := slices.Concat(f.Who, f.By); len(holders) > 0 {
		forms := slices.Concat(p.Forms(), p.Logins)
		list := make([]string, len(forms))
		for i, form := range forms {
			args = append(args, form)
			list[i] = "$" + strconv.Itoa(len(args))
		}
		for _, column := range holders {
			any = append(any, column+" IN ("+strings.Join(list, ", ")+")")
		}
	}
	var needles []string
	if f.Search != nil {
		needles = f.Search(p)
	}
	where, args := mentions(f.Text, p, needles, args)
	any = append(any, where...)
	found, err := readRows(ctx, s.Tx, `SELECT * FROM `+f.Table+` WHERE workspace_id = $1 AND (`+strings.Join(any, " OR ")+`)`, args...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(row map[string]string) bool { return !f.concerns(p, row) }), nil
}

func (f *Forgetting) concerns(p *Person, row map[string]string) bool {
	for _, column := range slices.Concat(f.Who, f.By) {
		if p.Is(row[column]) {
			return true
		}
	}
	for _, column := range f.Text {
		if is, err := f.scrubbed(p, row, column); err != nil || is != row[column] {
			return true
		}
	}
	return false
}

func (f *Forgetting) scrubbed(p *Person, row map[string]string, column string) (string, error) {
	if f.Scrub != nil {
		return f.Scrub(p, row, column, row[column])
	}
	return p.Scrub(row[column])
}

// mentions is the condition for texts that may name a person, and its arguments.
func mentions(columns []string, p *Person, needles []string, args []any) ([]string, []any) {
	if len(columns) == 0 {
		return nil, args
	}
	var out []string
	needles = slices.Clone(needles)
	for _, address := range p.Addresses {
		needles = append(needles, address, strings.Replace(address, "@", "%40", 1))
	}
	for _, needle := range needles {
		args = append(args, pattern(needle))
		for _, column := range columns {
			out = append(out, "LOWER("+column+") LIKE $"+strconv.Itoa(len(args))+` ESCAPE '\'`)
		}
	}
	return out, args
}

// pattern finds a text however JSON or the engine's idea of capital letters writes it;
// what it finds too much is sorted out afterwards.
func pattern(needle string) string {
	var b strings.Builder
	b.WriteByte('%')
	for _, r := range strings.ToLower(needle) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '@' || r == ' ':
			b.WriteRune(r)
		case r == '_' || r == '%':
			b.WriteString(`\` + string(r))
		default:
			b.WriteByte('%')
		}
	}
	b.WriteByte('%')
	return b.String()
}

// mask writes a row anew without the person. A row that would then be one with another
// of theirs goes.
func (f *Forgetting) mask(ctx context.Context, s *Scope, p *Person, row map[string]string, masked map[string]bool) error {
	set := map[string]any{}
	for _, column := range f.Who {
		if p.Is(row[column]) {
			set[column] = p.Token
		}
	}
	for _, column := range f.Text {
		is, err := f.scrubbed(p, row, column)
		if err != nil {
			return err
		}
		if is != row[column] {
			set[column] = is
		}
	}
	if f.Own != nil && p.Is(row[f.Who[0]]) {
		own, err := f.Own(s, p, row)
		if err != nil {
			return err
		}
		maps.Copy(set, own)
	}
	key := ""
	for _, column := range f.Key {
		value, changed := set[column]
		if !changed {
			value = row[column]
		}
		key += fmt.Sprint(value) + "\x00"
	}
	if masked[key] {
		return f.remove(ctx, s, row)
	}
	masked[key] = true
	if len(set) == 0 {
		return nil
	}
	var args []any
	assign := make([]string, 0, len(set))
	for _, column := range slices.Sorted(maps.Keys(set)) {
		args = append(args, set[column])
		assign = append(assign, column+" = $"+strconv.Itoa(len(args)))
	}
	where, args := f.identify(s, row, args)
	_, err := s.Tx.ExecContext(ctx, `UPDATE `+f.Table+` SET `+strings.Join(assign, ", ")+` WHERE `+where, args...)
	return err
}

func (f *Forgetting) remove(ctx context.Context, s *Scope, row map[string]string) error {
	where, args := f.identify(s, row, nil)
	_, err := s.Tx.ExecContext(ctx, `DELETE FROM `+f.Table+` WHERE `+where, args...)
	return err
}

func (f *Forgetting) identify(s *Scope, row map[string]string, args []any) (string, []any) {
	args = append(args, s.WorkspaceID)
	where := "workspace_id = $" + strconv.Itoa(len(args))
	for _, column := range f.Key {
		args = append(args, row[column])
		where += " AND " + column + " = $" + strconv.Itoa(len(args))
	}
	return where, args
}

// readRows reads rows as texts by column.
func readRows(ctx context.Context, tx *store.Tx, query string, args ...any) ([]map[string]string, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []map[string]string
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make(map[string]string, len(columns))
		for i, column := range columns {
			row[column] = values[i].String
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// secrets are columns that hold what nobody is shown, and bookkeeping.
var secrets = []string{"workspace_id", "hash", "session_hash", "code_hash", "request_hash", "sealed", "lease", "ciphertext", "folded", "version"}

// shown is a row as the person may read it.
func shown(row map[string]string) map[string]any {
	out := make(map[string]any, len(row))
	for column, value := range row {
		if value == "" || slices.Contains(secrets, column) {
			continue
		}
		if strings.HasSuffix(column, "_at") || column == "until" {
			if at, err := strconv.ParseInt(value, 10, 64); err == nil {
				if at > 0 {
					out[column] = time.UnixMicro(at).UTC().Format(time.RFC3339)
				}
				continue
			}
		}
		if raw, ok := document(value); ok {
			out[column] = raw
			continue
		}
		out[column] = value
	}
	return out
}
