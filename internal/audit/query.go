package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Filter selects events of one workspace (C049). Empty fields select everything.
type Filter struct {
	Workspace string
	// Actor is a key (ann@example.com, ci), a principal (member:ann@example.com)
	// or erased:<ref>.
	Actor   string
	ActorID string
	// Action is exact (team.created) or a prefix that ends in ".*" (sso.*).
	Action     string
	Family     Family
	TargetKind string
	// TargetID has no index (each costs every write): give TargetKey with it, or
	// From, where it is known.
	TargetID  string
	TargetKey string
	Door      Door
	From      time.Time // inclusive
	To        time.Time // exclusive
	Cursor    string
	// Limit is api.DefaultPageSize if 0 and at most api.MaxPageSize.
	Limit int
	// Ascending lists the oldest first; the default is the newest first.
	Ascending bool
}

// ErrInvalidFilter is wrapped by every refusal of a filter or cursor.
var ErrInvalidFilter = errors.New("invalid audit filter")

// ErrNotFound says that the workspace's log has no such event.
var ErrNotFound = errors.New("no such audit event")

// Query returns one page of events and the cursor of the next, empty on the last.
func (l *Log) Query(ctx context.Context, tx Tx, filter Filter) ([]Event, string, error) {
	limit := filter.Limit
	if limit == 0 {
		limit = api.DefaultPageSize
	}
	if limit < 0 || limit > api.MaxPageSize {
		return nil, "", fmt.Errorf("%w: the limit must be between 1 and %d", ErrInvalidFilter, api.MaxPageSize)
	}
	where, possible, err := conditions(ctx, tx, filter)
	if err != nil {
		return nil, "", err
	}
	if !possible {
		return nil, "", nil
	}
	order := " ORDER BY e.occurred_at DESC, e.id DESC"
	if filter.Ascending {
		order = " ORDER BY e.occurred_at, e.id"
	}
	query := selectRecords + " WHERE " + where.text() + order + " LIMIT " + where.add(int64(limit+1))
	stored, err := scanRecords(ctx, tx, query, where.args)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(stored) > limit {
		stored = stored[:limit]
		last := stored[limit-1]
		next = cursor{at: last.OccurredAt, id: last.ID}.String()
	}
	events, err := reveal(ctx, tx, filter.Workspace, stored)
	return events, next, err
}

// Get returns one event of a workspace.
func (l *Log) Get(ctx context.Context, tx Tx, workspace, id string) (Event, error) {
	stored, err := scanRecords(ctx, tx, selectRecords+" WHERE e.id = $1 AND e.workspace_id = $2", []any{id, workspace})
	if err != nil {
		return Event{}, err
	}
	if len(stored) == 0 {
		return Event{}, fmt.Errorf("%w: %.64q", ErrNotFound, id)
	}
	events, err := reveal(ctx, tx, workspace, stored)
	if err != nil {
		return Event{}, err
	}
	return events[0], nil
}

// predicate collects conditions and their arguments in order.
type predicate struct {
	parts []string
	args  []any
}

func (p *predicate) add(arg any) string {
	p.args = append(p.args, arg)
	return "$" + strconv.Itoa(len(p.args))
}

func (p *predicate) equal(column, value string) {
	if value != "" {
		p.parts = append(p.parts, column+" = "+p.add(value))
	}
}

func (p *predicate) in(column string, values []string) {
	if len(values) == 1 {
		p.equal(column, values[0]) // keeps the order of the index
		return
	}
	var list []string
	for _, v := range values {
		list = append(list, p.add(v))
	}
	p.parts = append(p.parts, column+" IN ("+strings.Join(list, ", ")+")")
}

func (p *predicate) text() string { return strings.Join(p.parts, " AND ") }

// conditions turns a filter into SQL; possible is false when it asks for people
// who are not in the log.
func conditions(ctx context.Context, tx Tx, f Filter) (p *predicate, possible bool, err error) {
	if f.Workspace == "" {
		return nil, false, fmt.Errorf("%w: no workspace", ErrInvalidFilter)
	}
	p = &predicate{}
	p.equal("e.workspace_id", f.Workspace)
	if err := p.action(f.Action, f.Family); err != nil {
		return nil, false, err
	}
	p.equal("e.actor_id", f.ActorID)
	p.equal("e.target_kind", f.TargetKind)
	p.equal("e.target_id", f.TargetID)
	p.equal("e.door", string(f.Door))
	if f.Actor != "" {
		kind, key := splitPrincipal(f.Actor)
		p.equal("e.actor_kind", kind)
		keys, err := storedKeys(ctx, tx, f.Workspace, key)
		if err != nil || len(keys) == 0 {
			return nil, false, err
		}
		p.in("e.actor_key", keys)
	}
	if f.TargetKey != "" {
		keys, err := storedKeys(ctx, tx, f.Workspace, f.TargetKey)
		if err != nil || len(keys) == 0 {
			return nil, false, err
		}
		p.in("e.target_key", keys)
	}
	if !f.From.IsZero() {
		p.parts = append(p.parts, "e.occurred_at >= "+p.add(f.From.UnixMicro()))
	}
	if !f.To.IsZero() {
		p.parts = append(p.parts, "e.occurred_at < "+p.add(f.To.UnixMicro()))
	}
	if f.Cursor != "" {
		c, err := parseCursor(f.Cursor)
		if err != nil {
			return nil, false, err
		}
		compare := "<"
		if f.Ascending {
			compare = ">"
		}
		p.parts = append(p.parts, "(e.occurred_at, e.id) "+compare+" ("+p.add(c.at)+", "+p.add(c.id)+")")
	}
	return p, true, nil
}

func (p *predicate) action(action string, family Family) error {
	if family != "" && !ValidFamily(family) {
		return fmt.Errorf("%w: unknown family %.50q", ErrInvalidFilter, family)
	}
	if action == "" {
		p.equal("e.family", string(family))
		return nil
	}
	prefix, isPrefix := strings.CutSuffix(action, "*")
	if isPrefix {
		noun, dotted := strings.CutSuffix(prefix, ".")
		if !dotted || len(action) > maxAction || !ValidAction(noun+".any") {
			return fmt.Errorf("%w: %.100q is not an action prefix such as sso.*", ErrInvalidFilter, action)
		}
	} else if !ValidAction(action) {
		return fmt.Errorf("%w: %.100q is not an action such as team.created", ErrInvalidFilter, action)
	}
	if family == "" {
		family = FamilyOf(action) // the index starts with the family
	}
	p.equal("e.family", string(family))
	if isPrefix {
		// Not a range: how punctuation sorts depends on the database's collation.
		p.parts = append(p.parts, "SUBSTR(e.action, 1, "+strconv.Itoa(len(prefix))+") = "+p.add(prefix))
	} else {
		p.equal("e.action", action)
	}
	return nil
}

// splitPrincipal takes kind:key apart. A key with a colon of its own is left
// whole, as is erased:<ref>.
func splitPrincipal(s string) (kind, key string) {
	kind, key, found := strings.Cut(s, ":")
	if !found || key == "" || !validWord(kind) || erasedPattern.MatchString(s) {
		return "", s
	}
	return kind, key
}

// storedKeys are the forms that a key can have in the rows: with its people as
// pseudonyms, and as one pseudonym. None, if it names someone unknown.
func storedKeys(ctx context.Context, tx Tx, workspace, key string) ([]string, error) {
	var inside []string
	for _, email := range emailPattern.FindAllString(key, -1) {
		inside = append(inside, normalPerson(email))
	}
	whole := normalPerson(key)
	known := make(subjects)
	if err := findPeople(ctx, tx, workspace, append([]string{whole}, inside...), known); err != nil {
		return nil, err
	}
	var keys []string
	if !slices.ContainsFunc(inside, func(person string) bool { return known[person] == nil }) {
		keys = append(keys, known.mask(key))
	}
	if known[whole] != nil {
		keys = append(keys, known.token(whole))
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// cursor is the place after one event in (time, id) order.
type cursor struct {
	at int64
	id string
}

const maxCursor = 200

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte("1 " + strconv.FormatInt(c.at, 10) + " " + c.id))
}

func parseCursor(s string) (cursor, error) {
	bad := fmt.Errorf("%w: the cursor is not one that a page returned", ErrInvalidFilter)
	if len(s) > maxCursor {
		return cursor{}, bad
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return cursor{}, bad
	}
	parts := strings.SplitN(string(text), " ", 3)
	if len(parts) != 3 || parts[0] != "1" || !strings.HasPrefix(parts[2], "evt_") || cleanText(parts[2]) != parts[2] {
		return cursor{}, bad
	}
	at, err := parseDecimal(parts[1])
	if err != nil {
		return cursor{}, bad
	}
	return cursor{at: at, id: parts[2]}, nil
}

// storedEvent is a record with its place in the log.
type storedEvent struct {
	Record
	seq int64
}

var selectRecords = func() string {
	var columns []string
	for _, f := range (&Record{}).fields() {
		columns = append(columns, "e."+f.name)
	}
	return "SELECT " + strings.Join(columns, ", ") + ", COALESCE(l.seq, 0) FROM audit_event e LEFT JOIN audit_leaf l ON l.event_id = e.id"
}()

func scanRecords(ctx context.Context, tx Tx, query string, args []any) (stored []storedEvent, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading audit events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s storedEvent
		if err := rows.Scan(append(s.destinations(), &s.seq)...); err != nil {
			return nil, fmt.Errorf("reading audit events: %w", err)
		}
		stored = append(stored, s)
	}
	return stored, rows.Err()
}
