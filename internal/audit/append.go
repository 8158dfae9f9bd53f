package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Log writes and reads events. It keeps no truth: its memory of known people
// only saves a statement. Safe for use by many goroutines.
type Log struct {
	dialect Dialect

	mu    sync.Mutex
	known map[subjectID]*subject
	texts map[insertShape]string
}

type subjectID struct{ workspace, person string }

// insertShape is what the text of an INSERT depends on.
type insertShape struct{ rows, guards int }

// NewLog returns a log over databases of one engine.
func NewLog(dialect Dialect) *Log {
	return &Log{
		dialect: dialect,
		known:   make(map[subjectID]*subject),
		texts:   make(map[insertShape]string),
	}
}

const (
	maxKnown = 10_000
	// maxGuards is how many people one insert checks; a change that names more
	// (an authoritative membership of thousands) reads them first instead.
	maxGuards = 64
	// attempts after which memory that keeps being outdated is an error.
	attempts = 3
)

// rowBatches are the sizes of an insert, largest first: few texts, so that
// statement caches stay warm.
var rowBatches = []int{32, 8, 1}

// Append writes events inside the caller's transaction, in the order given: one
// INSERT for one event, plus one small SELECT (and INSERT) when a person is met
// for the first time.
func (l *Log) Append(ctx context.Context, tx Tx, events ...Event) error {
	drafts := make([]*draft, 0, len(events))
	for _, event := range events {
		event, err := event.normalised()
		if err != nil {
			return err
		}
		d, err := newDraft(event)
		if err != nil {
			return fmt.Errorf("%w: %s: %v", ErrInvalidEvent, event.ID, err)
		}
		drafts = append(drafts, d)
	}
	for len(drafts) > 0 {
		n := batchSize(drafts)
		if err := l.appendBatch(ctx, tx, drafts[0].event.Workspace, drafts[:n]); err != nil {
			return err
		}
		drafts = drafts[n:]
	}
	return nil
}

// batchSize is the largest batch at the front that stays in one workspace.
func batchSize(drafts []*draft) int {
	same := 1
	for same < len(drafts) && same < rowBatches[0] && drafts[same].event.Workspace == drafts[0].event.Workspace {
		same++
	}
	for _, n := range rowBatches {
		if n <= same {
			return n
		}
	}
	return 1
}

func (l *Log) appendBatch(ctx context.Context, tx Tx, workspace string, drafts []*draft) error {
	set := make(map[string]bool)
	for _, d := range drafts {
		maps.Copy(set, d.people)
	}
	people := slices.Sorted(maps.Keys(set))
	guarded := len(people) <= maxGuards
	for attempt := range attempts {
		known, err := l.resolve(ctx, tx, workspace, people, guarded && attempt == 0)
		if err != nil {
			return err
		}
		records := make([]Record, len(drafts))
		for i, d := range drafts {
			if records[i], err = d.record(known); err != nil {
				return fmt.Errorf("writing audit event %s: %w", d.event.ID, err)
			}
		}
		var guards []string
		if guarded {
			for _, person := range people {
				guards = append(guards, known[person].ref)
			}
		}
		written, err := l.insertRecords(ctx, tx, records, guards)
		if err != nil {
			return fmt.Errorf("writing audit events from %s: %w", records[0].ID, err)
		}
		if written == int64(len(records)) {
			return nil
		}
		if written != 0 {
			return fmt.Errorf("writing audit events from %s: %d of %d rows were written", records[0].ID, written, len(records))
		}
		// Someone was erased by another process, or the transaction that
		// created them was rolled back.
		l.forget(workspace, people)
	}
	return fmt.Errorf("writing audit events for workspace %s: the people in them keep changing", workspace)
}

// insertRecords inserts all records, or none if one of the guards (refs of the
// people in them) is not a living subject any more. Checking inside the INSERT
// costs no round trip, and unlike a constraint it does not break a PostgreSQL
// transaction.
func (l *Log) insertRecords(ctx context.Context, tx Tx, records []Record, guards []string) (int64, error) {
	var args []any
	for i := range records {
		args = records[i].arguments(args)
	}
	if len(guards) > 0 {
		args = append(args, int64(len(guards)), records[0].Workspace)
		before := len(args)
		for _, ref := range guards {
			args = append(args, ref)
		}
		args = padArguments(args, before)
	}
	slots := len(args) - len(records)*len((&Record{}).fields())
	result, err := tx.ExecContext(ctx, l.insertText(insertShape{rows: len(records), guards: max(0, slots-2)}), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (l *Log) insertText(shape insertShape) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text, ok := l.texts[shape]; ok {
		return text
	}
	var b strings.Builder
	fields := (&Record{}).fields()
	b.WriteString("INSERT INTO audit_event (xid")
	for _, f := range fields {
		b.WriteString(", " + f.name)
	}
	b.WriteString(") SELECT " + l.dialect.xidExpression() + ", v.* FROM (VALUES ")
	n := 0
	for row := range shape.rows {
		if row > 0 {
			b.WriteString(", ")
		}
		for i, f := range fields {
			n++
			b.WriteString([]string{"(", ", "}[min(i, 1)])
			// PostgreSQL takes the type of a parameter from its first use.
			kind := "TEXT"
			if f.number != nil {
				kind = "BIGINT"
			}
			b.WriteString("CAST($" + strconv.Itoa(n) + " AS " + kind + ")")
		}
		b.WriteString(")")
	}
	// SQLite needs the WHERE to tell a SELECT from an upsert; so it is always there.
	if shape.guards == 0 {
		b.WriteString(") AS v WHERE 1 = 1")
	} else {
		fmt.Fprintf(&b, ") AS v WHERE CAST($%d AS BIGINT) = (SELECT COUNT(*) FROM audit_subject WHERE workspace_id = $%d AND erased_at = 0 AND ref IN (%s))",
			n+1, n+2, placeholders(n+3, shape.guards))
	}
	l.texts[shape] = b.String()
	return l.texts[shape]
}

// recall fills known from memory and returns who is not in it.
func (l *Log) recall(workspace string, people []string, known subjects) (missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, person := range people {
		if s := l.known[subjectID{workspace, person}]; s != nil {
			known[person] = s
		} else {
			missing = append(missing, person)
		}
	}
	return missing
}

func (l *Log) remember(workspace string, known subjects) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known)+len(known) > maxKnown {
		clear(l.known)
	}
	if len(known) > maxGuards {
		return
	}
	for person, s := range known {
		l.known[subjectID{workspace, person}] = s
	}
}

func (l *Log) forget(workspace string, people []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, person := range people {
		delete(l.known, subjectID{workspace, person})
	}
}

// placeholders is "$first, …" for n parameters.
func placeholders(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(first+i))
	}
	return b.String()
}

// padArguments repeats the last argument until the list after the first `fixed`
// has a power of two of them: an IN list of few different lengths.
func padArguments(args []any, fixed int) []any {
	want := 1
	for want < len(args)-fixed {
		want *= 2
	}
	for len(args)-fixed < want {
		args = append(args, args[len(args)-1])
	}
	return args
}
