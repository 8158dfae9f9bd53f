package object

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// As is the scope as a principal of the workspace would have it, in the same
// transaction: to ask whether somebody who asked for something may still do it. It
// decides and reads; what is written through it would be recorded as theirs, so
// nothing may be.
func (s *Scope) As(_ context.Context, principal string) (*Scope, error) {
	kind, key, ok := api.SplitPrincipal(principal)
	if !ok || kind != PrincipalMember && kind != PrincipalServiceAccount {
		return nil, api.NewProblem(api.CodeMalformed, "%q is not a member or a service account.", principal)
	}
	as := *s
	as.Caller = &Caller{WorkspaceID: s.WorkspaceID, WorkspaceSlug: s.Slug, Kind: kind, Key: key, Door: s.Caller.Door, ReadOnly: true}
	as.authz.caller = nil
	as.events, as.write = nil, false
	return &as, nil
}
