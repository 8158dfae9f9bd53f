package collect

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
)

// canaryName is the machine account of the canary. It has one name for all runs, so
// that at most one suspended account is left in the list.
const canaryName = "gatehouse-canary"

// canary shows that revocation takes effect on the next request: it makes a machine
// account with a short-lived token that may read, uses the token, revokes it, and uses
// it again. The account is suspended and the token gone afterwards, whatever happens.
func canary(ctx context.Context, p Plane, h Hands, now func() time.Time) (probe assurance.Probe) {
	probe = assurance.Probe{Name: assurance.ProbeRevocation, Subject: "service_account " + canaryName, At: now().UTC()}
	fail := func(doing string, err error) assurance.Probe {
		probe.Held, probe.Error = false, doing+": "+reason(err)
		return probe
	}
	owner, err := canaryOwner(ctx, p)
	if err != nil {
		return fail("finding an owner for the canary", err)
	}
	account, err := h.Create(ctx, api.ServiceAccountKind, Doc{"name": canaryName, "owner": owner, "description": "Made and suspended again by gatehouse to show that revocation works."})
	if err != nil {
		return fail("making the canary", err)
	}
	clean := context.WithoutCancel(ctx)
	defer func() {
		if err := h.Delete(clean, api.ServiceAccountKind, text(account, "id")); err != nil && probe.Error == "" {
			probe.Error = "suspending the canary: " + reason(err)
		}
	}()
	token, err := h.Create(ctx, api.APITokenKind, Doc{"name": fmt.Sprintf("%s-%x", canaryName, now().UnixNano()), "service_account": canaryName,
		"scopes": []any{"read_only"}, "expires_at": now().Add(10 * time.Minute).UTC().Format(time.RFC3339)})
	if err != nil {
		return fail("making the canary's token", err)
	}
	gone := false
	defer func() {
		if !gone {
			if err := h.Delete(clean, api.APITokenKind, text(token, "id")); err != nil {
				probe.Error = strings.TrimPrefix(probe.Error+"; removing the canary's token: "+reason(err), "; ")
			}
		}
	}()
	secret, err := h.Secret(ctx, text(token, "id"))
	if err != nil {
		return fail("asking for the canary's secret", err)
	}
	if err := h.Try(ctx, secret); err != nil {
		return fail("using the canary's token before its revocation", err)
	}
	if err := h.Delete(ctx, api.APITokenKind, text(token, "id")); err != nil {
		return fail("revoking the canary's token", err)
	}
	gone = true
	revoked := now()
	switch err := h.Try(ctx, secret); {
	case err == nil:
		probe.Detail = "the request after the revocation was answered"
	case isCode(err, api.CodeUnauthenticated), isCode(err, api.CodeForbidden):
		probe.Held, probe.Detail = true, "accepted before the revocation, refused on the next request: "+reason(err)
		probe.Millis = now().Sub(revoked).Milliseconds()
	default:
		return fail("using the canary's token after its revocation", err)
	}
	return probe
}

// canaryOwner is who answers for the canary: the workspace's Owner.
func canaryOwner(ctx context.Context, p Plane) (string, error) {
	members, err := p.List(ctx, api.MemberKind, api.MaxPageSize)
	if err != nil {
		return "", err
	}
	for _, m := range members {
		if text(m, "workspace_role") == "owner" {
			return text(m, "email"), nil
		}
	}
	return "", fmt.Errorf("the workspace has no Owner")
}
