package sharing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// approvalKind is what the audit log calls requests.
const approvalKind = "approval_request"

// request is a request for approval as the rules see it.
type request struct {
	Ask
	id        string
	state     string
	objectID  string
	objectKey string
	requester string
	proposed  json.RawMessage
	reason    string
	asked     time.Time
	ip, token string
	expires   time.Time
	closed    *time.Time
	decisions []api.ApprovalDecision
}

// kept is the part of a request that is stored as a document.
type kept struct {
	Purpose  string          `json:"purpose"`
	Summary  string          `json:"summary"`
	Paths    []string        `json:"paths,omitempty"`
	Outside  []string        `json:"outside,omitempty"`
	Key      string          `json:"key,omitempty"`
	Proposed json.RawMessage `json:"proposed,omitempty"`
	IP       string          `json:"ip,omitempty"`
	Token    string          `json:"token,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Patience string          `json:"-"`
}

func (q *request) doc() (string, error) {
	raw, err := json.Marshal(kept{Purpose: q.Purpose, Summary: q.Summary, Paths: q.Paths, Outside: q.Outside, Key: q.objectKey, Proposed: q.proposed, IP: q.ip, Token: q.token, Reason: q.reason})
	if err != nil {
		return "", fmt.Errorf("encoding a request for approval: %w", err)
	}
	return string(raw), nil
}

func (q *request) kindName() string {
	if q.Kind == nil {
		return ""
	}
	return q.Kind.Name
}

func (q *request) target() audit.Target {
	return audit.Target{Kind: approvalKind, ID: q.id, Key: q.objectKey}
}

// OpenRequest asks for the approval of an object that was just written and waits. A
// request about the object as it was before ends: what was agreed to is no more.
func OpenRequest(ctx context.Context, s *object.Scope, a Ask, obj api.Object) (string, error) {
	q := &request{Ask: a, requester: s.Caller.Principal(), asked: s.Now, ip: s.Caller.IP, token: s.Caller.TokenID}
	if obj != nil {
		m := obj.GetMeta()
		q.objectID, q.objectKey = m.ID, m.Key
		if err := CloseRequest(ctx, s, a.Kind, m.ID, "it was changed while it waited"); err != nil {
			return "", err
		}
		raw, err := json.Marshal(obj)
		if err != nil {
			return "", fmt.Errorf("encoding what is proposed: %w", err)
		}
		if q.proposed, err = withoutMeta(raw); err != nil {
			return "", err
		}
	}
	err := q.open(ctx, s)
	return q.id, err
}

// OpenPromotion asks for something of which there is no object yet (C017); proposed
// says what will be made.
func OpenPromotion(ctx context.Context, s *object.Scope, a Ask, requester string, proposed any) (string, error) {
	raw, err := json.Marshal(proposed)
	if err != nil {
		return "", fmt.Errorf("encoding what is proposed: %w", err)
	}
	q := &request{Ask: a, requester: requester, asked: s.Now, ip: s.Caller.IP, proposed: raw}
	err = q.open(ctx, s)
	return q.id, err
}

func (q *request) open(ctx context.Context, s *object.Scope) error {
	q.id, q.state = store.NewID("aprq", s.Now), api.ApprovalPending
	e, err := newEvaluation(ctx, s, q)
	if err != nil {
		return err
	}
	q.expires = s.Now.Add(e.patience())
	doc, err := q.doc()
	if err != nil {
		return err
	}
	objectID := q.objectID
	if objectID == "" {
		objectID = q.id // nothing else is asked about the same
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO approval_request (workspace_id, id, state, object_kind, object_id, requester, doc, created_at, expires_at, closed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
		s.WorkspaceID, q.id, q.state, q.kindName(), objectID, q.requester, doc, s.Now.UnixMicro(), q.expires.UnixMicro()); err != nil {
		return fmt.Errorf("storing a request for approval: %w", err)
	}
	return s.Record("approval_request.created", q.target(), audit.EffectNeutral, nil, q.told(), q.Summary)
}

// told is what the audit log keeps of a request.
func (q *request) told() map[string]any {
	out := map[string]any{"state": q.state, "purpose": q.Purpose, "summary": q.Summary, "requester": q.requester, "expires_at": q.expires.UTC().Format(time.RFC3339)}
	if q.objectID != "" {
		out["object"] = map[string]string{"kind": q.kindName(), "id": q.objectID, "key": q.objectKey}
	}
	if len(q.Outside) > 0 {
		out["outside"] = q.Outside
	}
	if len(q.Paths) > 0 {
		out["resources"] = q.Paths
	}
	return out
}

// CloseRequest ends the open request about an object, if there is one: the object was
// changed or has gone.
func CloseRequest(ctx context.Context, s *object.Scope, kind *api.Kind, objectID, reason string) error {
	q, err := openRequestOf(ctx, s, kind, objectID)
	if err != nil || q == nil {
		return err
	}
	return q.close(ctx, s, api.ApprovalWithdrawn, reason)
}

func openRequestOf(ctx context.Context, s *object.Scope, kind *api.Kind, objectID string) (*request, error) {
	q, err := scanRequest(s.Tx.QueryRowContext(ctx, requestColumns+` WHERE workspace_id = $1 AND object_kind = $2 AND object_id = $3 AND state = 'pending'`, s.WorkspaceID, kind.Name, objectID))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return q, err
}

// close ends a request. Of two that close it at the same moment one finds it open.
func (q *request) close(ctx context.Context, s *object.Scope, state, reason string) error {
	was := q.state
	q.state, q.reason = state, reason
	doc, err := q.doc()
	if err != nil {
		return err
	}
	res, err := s.Tx.ExecContext(ctx, `UPDATE approval_request SET state = $3, doc = $4, closed_at = $5 WHERE workspace_id = $1 AND id = $2 AND state = 'pending'`, s.WorkspaceID, q.id, state, doc, s.Now.UnixMicro())
	if err != nil {
		return fmt.Errorf("closing a request for approval: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, closedAlready(q.id, "closed"))
	}
	var reasons []string
	if reason != "" {
		reasons = append(reasons, reason)
	}
	return s.Record("approval_request."+state, q.target(), audit.EffectNeutral, map[string]string{"state": was}, q.told(), reasons...)
}

func closedAlready(id, state string) *api.Problem {
	return api.NewProblem(api.CodeConflict, "The request %s is %s already. Nothing was changed.", id, state)
}

const requestColumns = `SELECT id, state, object_kind, object_id, requester, doc, created_at, expires_at, closed_at FROM approval_request`

func scanRequest(row interface{ Scan(...any) error }) (*request, error) {
	var q request
	var kind, doc string
	var created, expires, closed int64
	if err := row.Scan(&q.id, &q.state, &kind, &q.objectID, &q.requester, &doc, &created, &expires, &closed); err != nil {
		return nil, err
	}
	var k kept
	if err := json.Unmarshal([]byte(doc), &k); err != nil {
		return nil, fmt.Errorf("reading the request %s: %w", q.id, err)
	}
	// It was found to need approval once; a policy that has been relaxed since does not
	// approve what waits.
	q.Ask = Ask{Purpose: k.Purpose, Summary: k.Summary, Kind: api.KindByName(kind), Paths: k.Paths, Outside: k.Outside, Always: true}
	q.objectKey, q.proposed, q.ip, q.token, q.reason = k.Key, k.Proposed, k.IP, k.Token, k.Reason
	if q.objectID == q.id {
		q.objectID = ""
	}
	q.asked, q.expires, q.closed = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC(), store.FromMicros(closed)
	return &q, nil
}

// loadRequest reads one with its decisions; a not_found problem when there is none.
func loadRequest(ctx context.Context, s *object.Scope, id string) (*request, error) {
	q, err := scanRequest(s.Tx.QueryRowContext(ctx, requestColumns+` WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, object.NotFound(approvalKind, id)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the request %s: %w", id, err)
	}
	return q, q.readDecisions(ctx, s)
}

func (q *request) readDecisions(ctx context.Context, s *object.Scope) error {
	rows, err := s.Tx.QueryContext(ctx, `SELECT approver, verdict, comment, decided_at FROM approval_decision WHERE workspace_id = $1 AND request_id = $2 ORDER BY decided_at, approver`, s.WorkspaceID, q.id)
	if err != nil {
		return fmt.Errorf("reading what was decided: %w", err)
	}
	defer func() { _ = rows.Close() }()
	q.decisions = []api.ApprovalDecision{}
	for rows.Next() {
		var d api.ApprovalDecision
		var at int64
		if err := rows.Scan(&d.Approver, &d.Verdict, &d.Comment, &at); err != nil {
			return fmt.Errorf("reading what was decided: %w", err)
		}
		d.At = time.UnixMicro(at).UTC()
		q.decisions = append(q.decisions, d)
	}
	return rows.Err()
}

// withoutMeta takes what the server computes out of a document.
func withoutMeta(raw []byte) (json.RawMessage, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("reading what is proposed: %w", err)
	}
	for _, name := range []string{"id", "key", "etag", "managed_by", "created_at", "updated_at", "state"} {
		delete(doc, name)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encoding what is proposed: %w", err)
	}
	return out, nil
}

// AskedBefore answers the open request of somebody, "" when there is none, and how many
// they have made since a moment.
func AskedBefore(ctx context.Context, s *object.Scope, requester string, since time.Time) (open string, n int, err error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT id, state, expires_at, created_at FROM approval_request WHERE workspace_id = $1 AND requester = $2 ORDER BY id DESC LIMIT 100`, s.WorkspaceID, requester)
	if err != nil {
		return "", 0, fmt.Errorf("reading what was asked before: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, state string
		var expires, created int64
		if err := rows.Scan(&id, &state, &expires, &created); err != nil {
			return "", 0, fmt.Errorf("reading what was asked before: %w", err)
		}
		if open == "" && state == api.ApprovalPending && expires > s.Now.UnixMicro() {
			open = id
		}
		if created > since.UnixMicro() {
			n++
		}
	}
	return open, n, rows.Err()
}
