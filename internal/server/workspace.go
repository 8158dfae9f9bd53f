package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// routeWorkspaces serves the workspace itself, and what spans kinds within one.
func (s *Server) routeWorkspaces() {
	k := api.WorkspaceKind
	s.route(operation{method: http.MethodPost, path: "/v1/workspaces", id: "create_workspace", summary: "Create a workspace with its Owner", permission: "operator", status: http.StatusCreated, in: s.schemaOf(workspace.Spec{}), out: s.kindSchema(k)},
		func(r *request) (*answer, error) {
			var spec workspace.Spec
			if err := r.decode(&spec); err != nil {
				return nil, err
			}
			ws, err := workspace.Create(r.ctx(), s.Service, r.caller, spec)
			if err != nil {
				return nil, err
			}
			return &answer{status: http.StatusCreated, body: ws, etag: ws.ETag}, nil
		})
	s.route(operation{method: http.MethodGet, path: "/v1/workspaces", id: "list_workspaces", summary: "Workspaces that the caller can see", permission: anyone, params: pageParams(), out: pageOf(s.kindSchema(k))},
		func(r *request) (*answer, error) {
			list, err := workspace.List(r.ctx(), s.Service, r.caller)
			if err != nil {
				return nil, err
			}
			return pageThrough(r, list)
		})
	s.routeObject(k, "/v1/workspaces/{workspace}")
	s.route(operation{method: http.MethodPost, path: "/v1/workspaces/{workspace}/" + api.WorkspaceOwnerKind.Name + "/accept", id: "accept_workspace_owner", summary: "Take over the ownership that was offered to the caller", permission: anyone, out: s.kindSchema(api.WorkspaceOwnerKind)},
		func(r *request) (*answer, error) {
			owner, err := workspace.Accept(r.ctx(), s.Service, r.caller)
			if err != nil {
				return nil, err
			}
			return &answer{status: http.StatusOK, body: owner, etag: owner.ETag}, nil
		})
	s.routeAcross()
}

// workspaceForOperator reads a workspace for who runs the deployment: operators make
// workspaces and see what they have made, and nothing inside.
func (s *Server) workspaceForOperator(r *request) (api.Object, error) {
	outside := *r.caller
	outside.WorkspaceID, outside.WorkspaceSlug = "", ""
	list, err := workspace.List(r.ctx(), s.Service, &outside)
	if err != nil {
		return nil, err
	}
	for _, w := range list {
		if w.ID == r.caller.WorkspaceID {
			return w, nil
		}
	}
	return nil, object.NotFound(api.WorkspaceKind.Name, r.Param("workspace"))
}

type batchRequest struct {
	Objects []object.Ref `json:"objects"`
}

type batchEntry struct {
	object.Ref
	Object api.Object `json:"object"`
}

type batchAnswer struct {
	Objects []batchEntry `json:"objects" nullable:"false"`
}

type claimRequest struct {
	Stack         string             `json:"stack"`
	Objects       []object.Claim     `json:"objects"`
	ChangeContext *api.ChangeContext `json:"change_context,omitempty"`
}

type claimAnswer struct {
	Claimed int              `json:"claimed"`
	Refused []object.Refusal `json:"refused" nullable:"false"`
}

type releaseAnswer struct {
	Released int              `json:"released"`
	Refused  []object.Refusal `json:"refused" nullable:"false"`
}

func (s *Server) routeAcross() {
	const base = "/v1/workspaces/{workspace}/"
	s.route(operation{method: http.MethodPost, path: base + "batch_read", id: "batch_read", summary: "Read many objects at once; what is missing or hidden is null", permission: "the read permission of each kind", in: s.schemaOf(batchRequest{}), out: s.schemaOf(batchAnswer{})},
		func(r *request) (*answer, error) {
			var q batchRequest
			if err := r.decode(&q); err != nil {
				return nil, err
			}
			objs, err := s.Service.BatchRead(r.ctx(), r.caller, q.Objects)
			if err != nil {
				return nil, err
			}
			out := batchAnswer{Objects: make([]batchEntry, len(objs))}
			for i := range objs {
				out.Objects[i] = batchEntry{q.Objects[i], objs[i]}
			}
			return ok(out), nil
		})
	s.routeOwnership(base+"ownership/claim", "claim_ownership", "Stamp a stack's ownership on objects that it manages", s.schemaOf(claimAnswer{}),
		func(r *request, objects []object.Claim) (any, error) {
			n, refused, err := s.Service.Claim(r.ctx(), r.caller, objects, r.dryRun())
			return claimAnswer{n, refused}, err
		})
	s.routeOwnership(base+"ownership/release", "release_ownership", "Let go of objects that a stack owns; they stay as they are, and another stack may take them over", s.schemaOf(releaseAnswer{}),
		func(r *request, objects []object.Claim) (any, error) {
			n, refused, err := s.Service.Release(r.ctx(), r.caller, objects, r.dryRun())
			return releaseAnswer{n, refused}, err
		})
	s.route(operation{method: http.MethodPost, path: base + "exports", id: "record_export", summary: "Note that the workspace's data was exported now, so that closing it warns of nothing", permission: api.WorkspaceKind.WritePermission(), out: s.kindSchema(api.WorkspaceKind)},
		func(r *request) (*answer, error) {
			w, err := workspace.RecordExport(r.ctx(), s.Service, r.caller)
			if err != nil {
				return nil, err
			}
			return &answer{status: http.StatusOK, body: w, etag: w.ETag}, nil
		})
}

// routeOwnership serves a change of who owns objects, in the name of a stack.
func (s *Server) routeOwnership(path, id, summary string, out *huma.Schema, do func(*request, []object.Claim) (any, error)) {
	s.route(operation{method: http.MethodPost, path: path, id: id, summary: summary, permission: vocabulary.OwnershipClaim, params: writeParams[:1], in: s.schemaOf(claimRequest{}), out: out},
		func(r *request) (*answer, error) {
			var q claimRequest
			if err := r.decode(&q); err != nil {
				return nil, err
			}
			if !printable(q.Stack, maxStack) {
				return nil, api.InvalidObject("ownership", "", []api.Violation{api.Invalid("/stack", "write a name of at most %d printable ASCII characters, e.g. github.com/acme/infra//access", maxStack)})
			}
			if q.Stack != "" {
				r.caller.Stack = q.Stack
			}
			if q.ChangeContext != nil {
				r.caller.ChangeContext = q.ChangeContext
			}
			body, err := do(r, q.Objects)
			if err != nil {
				return nil, err
			}
			return ok(body), nil
		})
}
