package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// previewRequest is a proposed policy, or proposed overrides, or both.
type previewRequest struct {
	SharingPolicy map[string]any   `json:"sharing_policy,omitempty" doc:"The policy of the workspace as it would be, as in a PUT; the one that holds when absent."`
	Overrides     []map[string]any `json:"overrides,omitempty" maxItems:"100" doc:"Overrides as they would be, as in a PUT; others stay."`
	Without       []string         `json:"without,omitempty" maxItems:"100" doc:"Paths of overrides that would be deleted."`
	Resource      string           `json:"resource,omitempty" doc:"Only shares of this item and of what is below it."`
	Kind          string           `json:"kind,omitempty" doc:"Only shares of this kind."`
}

// enforceRequest asks to apply the policy in force to shares that exist.
type enforceRequest struct {
	Resource string `json:"resource,omitempty" doc:"Only shares of this item and of what is below it; all when absent."`
	Kind     string `json:"kind,omitempty" doc:"Only shares of this kind."`
}

// staleRequest says which links nobody needs any more.
type staleRequest struct {
	Resource   string `json:"resource,omitempty" doc:"Only links of this item and of what is below it; all when absent."`
	UnusedDays int64  `json:"unused_days,omitempty" doc:"Links that nobody used for so many days, 1 to 3650."`
	Expired    bool   `json:"expired,omitempty" doc:"Links whose end has passed."`
	MakerGone  bool   `json:"maker_gone,omitempty" doc:"Links whose maker is no active member or service account any more."`
}

// routeConformance serves what existing shares mean to the sharing policy (C062, X07).
func (s *Server) routeConformance() {
	const base = "/v1/workspaces/{workspace}"
	read, write := api.SharingPolicyKind.ReadPermission(), api.SharingPolicyKind.WritePermission()
	s.route(operation{method: http.MethodGet, path: base + "/policy_conformance", id: "list_nonconforming_shares", summary: "Existing shares that the sharing policy in force at their place would not accept today", permission: read,
		params: append(pageParams(), query("resource", "Only shares of this item and of what is below it."), query("kind", "Only shares of this kind, e.g. access_grant.")), out: pageOf(s.schemaOf(api.NonconformingShare{}))}, s.nonconformingShares)
	s.route(operation{method: http.MethodPost, path: base + "/policy_conformance/preview", id: "preview_sharing_policy", summary: "What a proposed sharing policy would mean for existing shares", permission: read,
		in: s.schemaOf(previewRequest{}), out: s.schemaOf(api.ConformancePreview{})}, s.previewPolicy)
	s.route(operation{method: http.MethodPost, path: base + "/sharing_policy/enforce", id: "enforce_sharing_policy", summary: "Apply the sharing policy in force to existing shares now", permission: write,
		params: []*huma.Param{query("dry_run", "true runs everything and keeps nothing.")}, in: s.schemaOf(enforceRequest{}), out: s.schemaOf(api.Enforcement{})}, s.enforcePolicy)
	s.route(operation{method: http.MethodPost, path: base + "/share_links/revoke_stale", id: "revoke_stale_links", summary: "Revoke share links that nobody needs any more", permission: api.ShareLinkKind.WritePermission(),
		params: []*huma.Param{query("dry_run", "true runs everything and keeps nothing.")}, in: s.schemaOf(staleRequest{}), out: s.schemaOf(api.StaleLinks{})}, s.revokeStaleLinks)
}

func (s *Server) revokeStaleLinks(r *request) (*answer, error) {
	var q staleRequest
	if err := r.decode(&q); err != nil {
		return nil, err
	}
	do := s.Service.Do
	if r.dryRun() {
		do = s.Service.Try
	}
	var out *api.StaleLinks
	err := do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
		out, err = sharing.RevokeStaleLinks(r.ctx(), scope, sharing.Stale(q))
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

func (s *Server) nonconformingShares(r *request) (*answer, error) {
	limit, err := limitOf(r.Query("limit"))
	if err != nil {
		return nil, err
	}
	var page api.Page[api.NonconformingShare]
	err = s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
		page, err = sharing.Conformance(r.ctx(), scope, sharing.Measure{Resource: r.Query("resource"), Kind: r.Query("kind")}, r.Query("cursor"), limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(page), nil
}

func (s *Server) previewPolicy(r *request) (*answer, error) {
	// Before anything is said about the proposal.
	if err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		return scope.Require(r.ctx(), api.SharingPolicyKind.ReadPermission())
	}); err != nil {
		return nil, err
	}
	var q previewRequest
	if err := r.decode(&q); err != nil {
		return nil, err
	}
	var policy *api.SharingPolicy
	if q.SharingPolicy != nil {
		obj, err := proposed(api.SharingPolicyKind, "/sharing_policy", q.SharingPolicy)
		if err != nil {
			return nil, err
		}
		policy = obj.(*api.SharingPolicy)
	}
	if len(q.Overrides)+len(q.Without) > 100 {
		return nil, api.NewProblem(api.CodeTooLarge, "A preview takes 100 overrides; this one has %d.", len(q.Overrides)+len(q.Without))
	}
	var overrides []*api.SharingPolicyOverride
	for i, doc := range q.Overrides {
		obj, err := proposed(api.SharingPolicyOverrideKind, fmt.Sprintf("/overrides/%d", i), doc)
		if err != nil {
			return nil, err
		}
		overrides = append(overrides, obj.(*api.SharingPolicyOverride))
	}
	for _, path := range q.Without {
		overrides = append(overrides, &api.SharingPolicyOverride{Path: strings.ToLower(path)})
	}
	var out *api.ConformancePreview
	err := s.Service.View(r.ctx(), r.caller, func(scope *object.Scope) error {
		now, err := scope.Sharing(r.ctx())
		if err != nil {
			return err
		}
		out, err = sharing.Preview(r.ctx(), scope, sharing.Measure{Resource: q.Resource, Kind: q.Kind, Sharing: now.With(policy, overrides...)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}

// proposed reads a document that is not to be kept.
func proposed(kind *api.Kind, at string, doc map[string]any) (api.Object, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("reading a proposal: %w", err)
	}
	obj, violations, err := kind.Decode(raw)
	if err != nil {
		return nil, err
	}
	if len(violations) > 0 {
		for i := range violations {
			violations[i].Path = at + violations[i].Path
		}
		return nil, api.InvalidObject(kind.Name, "proposed", violations)
	}
	return obj, nil
}

func (s *Server) enforcePolicy(r *request) (*answer, error) {
	var q enforceRequest
	if err := r.decode(&q); err != nil {
		return nil, err
	}
	do := s.Service.Do
	if r.dryRun() {
		do = s.Service.Try
	}
	var out *api.Enforcement
	err := do(r.ctx(), r.caller, func(scope *object.Scope) (err error) {
		out, err = sharing.EnforceNow(r.ctx(), scope, sharing.Measure{Resource: q.Resource, Kind: q.Kind})
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(out), nil
}
