package workspace

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

// States of a workspace.
const (
	StateActive  = "active"
	StateClosing = "closing"
)

// C034, C089, C120, X03: the workspace and its closure.
var _ = object.Register(api.WorkspaceKind, object.Rules[*api.Workspace]{
	// Closure is the Owner's alone; min_admins needs the lock that a bump takes.
	AuthzRelevant: true,
	Authorise: func(ctx context.Context, c *object.Change[*api.Workspace]) error {
		if c.Deleted || reopens(c) {
			return c.Require(ctx, vocabulary.WorkspaceClose)
		}
		return c.Require(ctx, api.WorkspaceKind.WritePermission())
	},
	Validate: func(ctx context.Context, c *object.Change[*api.Workspace]) ([]api.Violation, error) {
		if c.Old == nil || c.New.MinAdmins <= c.Old.MinAdmins {
			return nil, nil
		}
		count, err := people.CountAdministrators(ctx, c.Scope)
		if err != nil || count >= c.New.MinAdmins {
			return nil, err
		}
		p := api.NewProblem(api.CodeLockout, "min_admins cannot be %d: only %d people can administer the workspace. Make more members admins first.", c.New.MinAdmins, count)
		p.Errors = []api.Violation{{Path: "/min_admins", Code: string(api.CodeLockout), Message: fmt.Sprintf("at most %d today, the number of active owner and admins", count)}}
		return nil, p
	},
	Prepare: func(_ context.Context, c *object.Change[*api.Workspace]) error {
		if c.Old == nil || reopens(c) {
			c.New.State, c.New.ClosesAt = StateActive, nil
		}
		return nil
	},
	Destroy: closeWorkspace,
})

// reopens reports whether a change stops the closure: protecting the workspace again
// while its clock runs.
func reopens(c *object.Change[*api.Workspace]) bool {
	return c.Old != nil && c.New != nil && c.Old.State == StateClosing && c.New.DeletionProtection
}

// closeWorkspace starts the closure clock (C089, C090).
func closeWorkspace(_ context.Context, c *object.Change[*api.Workspace]) (*api.Workspace, error) {
	if c.Old.DeletionProtection {
		p := api.NewProblem(api.CodeConflict, "The workspace %q is protected from deletion. Set deletion_protection = false first, in a change of its own.", c.Old.Slug)
		p.Errors = []api.Violation{{Path: "/deletion_protection", Code: string(api.CodeConflict), Message: "is true; set it to false before closing the workspace"}}
		return nil, p
	}
	left := *c.Old
	if left.State != StateClosing {
		closes := c.Now.Add(time.Duration(left.ClosureDays) * api.Day)
		left.State, left.ClosesAt = StateClosing, &closes
	}
	if warning := c.Old.ClosureWarning(c.Now); warning != "" {
		// The closure can be stopped until its clock runs out, so it is not refused;
		// the record says what was known.
		err := c.Record("workspace.closure_warned", audit.Target{Kind: api.WorkspaceKind.Name, ID: c.Old.ID, Key: c.Old.Slug}, audit.EffectNeutral, nil, nil, warning)
		if err != nil {
			return nil, err
		}
	}
	return &left, nil
}

// RecordExport notes that the workspace's data was exported now (C090), so that closing
// it warns of nothing. The workspace keeps its owner.
func RecordExport(ctx context.Context, svc *object.Service, caller *object.Caller) (*api.Workspace, error) {
	var out *api.Workspace
	err := svc.Do(ctx, caller, func(s *object.Scope) error {
		if err := s.Require(ctx, api.WorkspaceKind.WritePermission()); err != nil {
			return err
		}
		obj, err := s.Get(ctx, api.WorkspaceKind, api.WorkspaceKind.Name)
		if err != nil {
			return err
		}
		w := obj.(*api.Workspace)
		now := s.Now
		w.LastExportAt = &now
		out = w
		return s.SaveDerived(ctx, api.WorkspaceKind, object.How{Keep: true, Verb: "exported", Effect: audit.EffectNeutral}, w)
	})
	return out, err
}
