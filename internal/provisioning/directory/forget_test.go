package directory_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// tablesWith lists the tables in whose rows a text stands.
func (b *bridge) tablesWith(t testing.TB, text string) []string {
	t.Helper()
	ctx := context.Background()
	list := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if b.DB.Dialect() == store.Postgres {
		list = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	var out []string
	err := b.DB.Read(ctx, func(tx *store.Tx) error {
		names, err := texts(tx.QueryContext(ctx, list))
		if err != nil {
			return err
		}
		for _, name := range names {
			rows, err := texts(tx.QueryContext(ctx, `SELECT * FROM `+name))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if slices.ContainsFunc(rows, func(r string) bool { return strings.Contains(r, text) }) {
				out = append(out, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// texts reads rows of any columns, each as one text.
func texts(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []string
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		var row []string
		for _, v := range values {
			if raw, ok := v.([]byte); ok {
				v = string(raw)
			}
			row = append(row, fmt.Sprint(v))
		}
		out = append(out, strings.Join(row, "\x00"))
	}
	return out, rows.Err()
}

// TestForgottenPeopleAreNamedNowhere: with deprovision = "delete" the address of whom the
// identity provider deletes stands in no object any longer, and whoever has it later
// inherits nothing.
func TestForgottenPeopleAreNamedNowhere(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		const email = "ann@example.com"
		b.policy(t, map[string]any{"deprovision": "delete"})
		ann := b.join(t, email)
		caller := &object.Caller{WorkspaceID: b.Workspace.ID, WorkspaceSlug: b.Workspace.Slug, Kind: object.PrincipalMember, ID: ann, Key: email, Door: "rest"}
		b.Put(t, b.Owner, api.SharingPolicyKind, "", map[string]any{"external_sharing": "allowlist", "allowed_domains": []string{"partner.example"}})
		b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": "design", "name": "Design"})
		b.Create(t, b.Owner, api.TeamMembershipKind, map[string]any{"team": "design", "principal": email, "role": "editor"})
		b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/brand", "name": "Brand", "team": "design", "owner": email})
		b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/brand", "principal": "member:" + email, "level": "full_access"})
		b.Create(t, b.Owner, api.ServiceAccountKind, map[string]any{"name": "ci", "owner": email})
		b.Create(t, caller, api.ShareLinkKind, map[string]any{"resource": "/brand", "name": "Cut of brand", "kind": "recipient", "recipients": []string{"zoe@partner.example"}})
		b.Create(t, b.Owner, api.ProvisioningPolicyKind, map[string]any{"connection_name": "entra", "protected_principals": []string{email, objecttest.MemberEmail}})
		b.call(t, http.StatusNoContent, "DELETE", "/Users/"+ann, "")

		// The log of requests goes with its retention, names in the audit log by erasure.
		if diff := cmp.Diff([]string{"audit_subject", "provisioning_event"}, b.tablesWith(t, email)); diff != "" {
			t.Errorf("the address stands elsewhere: %s", diff)
		}
		again := b.join(t, email)
		if again == ann {
			t.Error("a forgotten identity came back")
		}
		if p := b.Get(t, b.Owner, api.ProjectKind, "/brand").(*api.Project); p.Owner == email || !strings.HasSuffix(p.Owner, "@forgotten.invalid") {
			t.Errorf("who has the address later owns what the person before owned: %+v", p)
		}
		if a := b.Get(t, b.Owner, api.ServiceAccountKind, "ci").(*api.ServiceAccount); a.Owner == email {
			t.Errorf("who has the address later answers for a machine: %+v", a)
		}
		if p := b.Get(t, b.Owner, api.ProvisioningPolicyKind, "entra").(*api.ProvisioningPolicy); slices.Contains(p.ProtectedPrincipals, email) || len(p.ProtectedPrincipals) != 2 {
			t.Errorf("who has the address later is protected: %v", p.ProtectedPrincipals)
		}
	})
}
