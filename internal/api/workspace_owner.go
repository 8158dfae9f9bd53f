package api

import (
	"time"
)

// WorkspaceOwner names the one Owner; it can only be transferred (C013, X03).
type WorkspaceOwner struct {
	Meta
	Principal         string     `json:"principal" required:"true" format:"email" doc:"E-mail of the member who is to own the workspace: the Owner, or whoever has been offered it (pending_principal). Guests and suspended members are refused."`
	RequireAcceptance bool       `json:"require_acceptance" default:"true" doc:"The new owner must accept before ownership moves."`
	PendingPrincipal  string     `json:"pending_principal,omitempty" readOnly:"true" doc:"Member who has been offered ownership and has not accepted yet."`
	CurrentOwner      string     `json:"current_owner,omitempty" readOnly:"true" doc:"E-mail of the Owner today."`
	PendingUntil      *time.Time `json:"pending_until,omitempty" readOnly:"true" doc:"When the offer ends."`
}

// WorkspaceOwnerKind declares workspace_owner.
var WorkspaceOwnerKind = Declare(Kind{
	Name: "workspace_owner", Prefix: "wown", Singleton: true, Security: true, Destroy: DestroyKeep,
	Doc: "The one Owner of the workspace; changed by a two-step transfer.",
}, func(*WorkspaceOwner) string { return "workspace_owner" })
