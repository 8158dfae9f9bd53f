package directory_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// A guest is never the identity provider's (C016): who joins the organisation stops
// being a guest first, and keeps the identity.
func TestAGuestIsNotTakenOverUntilTheirGuestAccessHasEnded(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		const gus = "gus@partner.example"
		b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": "film", "name": "Film"})
		b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/films", "name": "Films", "team": "film"})
		b.Put(t, b.Owner, api.SharingPolicyKind, "", map[string]any{"external_sharing": "anyone"})
		b.Create(t, b.Admin, api.GuestKind, map[string]any{"email": gus, "sponsor": b.Admin.Key, "projects": []string{"/films"}})
		b.claimDomain(t, "partner.example")
		was := b.member(t, gus)
		body := `{"userName":"` + gus + `","displayName":"Gus"}`
		b.call(t, http.StatusConflict, "POST", "/Users", body)
		if m := b.member(t, gus); m.WorkspaceRole != "guest" || m.Connection != "" {
			t.Errorf("after the refusal the guest is %+v", m)
		}
		b.Delete(t, b.Admin, api.GuestKind, gus)
		if id := b.post(t, "/Users", body)["id"]; id != was.ID {
			t.Errorf("joined as %v, want the same person %s", id, was.ID)
		}
		if m := b.member(t, gus); m.WorkspaceRole != "member" || !m.Active || m.Connection != "okta" {
			t.Errorf("member = %+v", m)
		}
	})
}
