package server

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

type checkpoint struct {
	// Note is the newest signed checkpoint; empty before the first event is sealed.
	Note string `json:"note"`
	// PublicKey verifies it.
	PublicKey string `json:"public_key"`
}

type consistency struct {
	Old   int64       `json:"old"`
	New   int64       `json:"new"`
	Proof []tlog.Hash `json:"proof" nullable:"false"`
	Note  string      `json:"note"`
}

func (s *Server) routeAudit() {
	const base = "/v1/workspaces/{workspace}/audit"
	filters := []*huma.Param{}
	for _, p := range [][2]string{{"actor", "E-mail, slug or principal."}, {"action", "Action, exact or a prefix such as sso.*."}, {"family", "members, permissions, assets, settings, sso, …"}, {"target_kind", "Kind of the target."}, {"target_id", "Id of the target."}, {"target", "Key of the target."}, {"from", "RFC 3339, inclusive."}, {"to", "RFC 3339, exclusive."}, {"door", "rest, scim, web, cli or system."}, {"order", "asc or desc (default)."}, {"cursor", "next_cursor of the page before."}, {"limit", "Events per page, at most 500."}} {
		filters = append(filters, query(p[0], p[1]))
	}
	s.route(operation{method: http.MethodGet, path: "/v1/workspaces/{workspace}/audit_events", id: "list_audit_events", summary: "Who did what and when", permission: vocabulary.AuditRead, params: filters, out: pageOf(s.schemaOf(audit.Event{}))}, s.auditEvents)
	s.route(operation{method: http.MethodGet, path: base + "/checkpoint", id: "audit_checkpoint", summary: "The newest signed checkpoint of the log", permission: vocabulary.AuditRead, out: s.schemaOf(checkpoint{})}, s.auditCheckpoint)
	s.route(operation{method: http.MethodGet, path: base + "/consistency", id: "audit_consistency", summary: "Proof that a newer checkpoint extends an older one", permission: vocabulary.AuditRead,
		params: []*huma.Param{query("old", "Size of the older log."), query("new", "Size of the newer log.")}, out: s.schemaOf(consistency{})}, s.auditConsistency)
	s.route(operation{method: http.MethodGet, path: base + "/proofs/{event}", id: "audit_proof", summary: "Proof that an event is in the log", permission: vocabulary.AuditRead, out: s.schemaOf(audit.Proof{})}, s.auditProof)
	s.route(operation{method: http.MethodGet, path: base + "/verify", id: "audit_verify", summary: "Recompute the log and compare it with its checkpoints", permission: vocabulary.AuditRead, out: s.schemaOf(audit.Report{})}, s.auditVerify)
}

// reading runs f where the caller may read the audit log.
func (s *Server) reading(r *request, f func(*object.Scope) error) error {
	return s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		if err := scope.Require(r.ctx(), vocabulary.AuditRead); err != nil {
			return err
		}
		return f(scope)
	})
}

func (s *Server) auditEvents(r *request) (*answer, error) {
	limit, err := limitOf(r.Query("limit"))
	if err != nil {
		return nil, err
	}
	if order := r.Query("order"); order != "" && order != "asc" && order != "desc" {
		return nil, api.NewProblem(api.CodeMalformed, "order is %q; write asc or desc.", clip(order, 100))
	}
	if door := audit.Door(r.Query("door")); door != "" && !slices.Contains([]audit.Door{audit.DoorREST, audit.DoorSCIM, audit.DoorWeb, audit.DoorCLI, audit.DoorSystem}, door) {
		return nil, api.NewProblem(api.CodeMalformed, "door is %q; write rest, scim, web, cli or system.", clip(string(door), 100))
	}
	filter := audit.Filter{Workspace: r.caller.WorkspaceID, Actor: r.Query("actor"), Action: r.Query("action"), Family: audit.Family(r.Query("family")),
		TargetKind: r.Query("target_kind"), TargetID: r.Query("target_id"), TargetKey: r.Query("target"), Door: audit.Door(r.Query("door")), Cursor: r.Query("cursor"), Limit: limit, Ascending: r.Query("order") == "asc"}
	if filter.From, err = timeOf("from", r.Query("from")); err != nil {
		return nil, err
	}
	if filter.To, err = timeOf("to", r.Query("to")); err != nil {
		return nil, err
	}
	page := api.Page[audit.Event]{}
	err = s.reading(r, func(scope *object.Scope) error {
		page.Items, page.NextCursor, err = s.Service.AuditLog().Query(r.ctx(), scope.Tx, filter)
		return err
	})
	if err != nil {
		return nil, err
	}
	if page.Items == nil {
		page.Items = []audit.Event{}
	}
	return ok(page), nil
}

func timeOf(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, api.NewProblem(api.CodeMalformed, "%s is %q; write an RFC 3339 time such as 2026-11-01T00:00:00Z.", name, clip(s, 100))
	}
	return t, nil
}

func (s *Server) auditCheckpoint(r *request) (*answer, error) {
	out := checkpoint{PublicKey: s.Key.Public}
	err := s.reading(r, func(scope *object.Scope) error {
		raw, err := audit.LatestCheckpoint(r.ctx(), scope.Tx, scope.WorkspaceID)
		out.Note = string(raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

func (s *Server) auditConsistency(r *request) (*answer, error) {
	out := consistency{Proof: []tlog.Hash{}}
	for _, size := range []struct {
		name string
		into *int64
	}{{"old", &out.Old}, {"new", &out.New}} {
		n, err := strconv.ParseInt(r.Query(size.name), 10, 64)
		if err != nil || n < 1 {
			return nil, api.NewProblem(api.CodeMalformed, "%s is %q; write the size of a log.", size.name, clip(r.Query(size.name), 100))
		}
		*size.into = n
	}
	if out.Old > out.New {
		return nil, api.NewProblem(api.CodeMalformed, "old is larger than new.")
	}
	err := s.reading(r, func(scope *object.Scope) error {
		raw, err := audit.CheckpointAt(r.ctx(), scope.Tx, scope.WorkspaceID, out.New)
		if err != nil {
			return err
		}
		out.Note = string(raw)
		proof, err := audit.ConsistencyProof(r.ctx(), scope.Tx, scope.WorkspaceID, out.Old, out.New)
		out.Proof = append(out.Proof, proof...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

func (s *Server) auditProof(r *request) (*answer, error) {
	var proof audit.Proof
	err := s.reading(r, func(scope *object.Scope) (err error) {
		proof, err = audit.Prove(r.ctx(), scope.Tx, scope.WorkspaceID, r.Param("event"))
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(proof), nil
}

func (s *Server) auditVerify(r *request) (*answer, error) {
	var report audit.Report
	err := s.reading(r, func(scope *object.Scope) (err error) {
		report, err = audit.Verify(r.ctx(), scope.Tx, scope.WorkspaceID, note.VerifierList(s.Key.Verifier))
		if err != nil {
			return fmt.Errorf("verifying the log: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ok(report), nil
}
