package provisioning_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/signin"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

func rotate(f *objecttest.Fixture, c *object.Caller, ref string, n int64) (secret string, until *time.Time, err error) {
	err = f.Service.Do(context.Background(), c, func(s *object.Scope) (err error) {
		secret, until, err = provisioning.RotateSCIMToken(context.Background(), s, ref, n)
		return err
	})
	return secret, until, err
}

func works(t *testing.T, f *objecttest.Fixture, secret, ip string) bool {
	t.Helper()
	c, err := signin.Authenticate(context.Background(), f.Service, secret, ip)
	if err != nil {
		return false
	}
	if c.Kind != object.PrincipalConnection || c.Key != "okta" {
		t.Errorf("caller %s:%s", c.Kind, c.Key)
	}
	return true
}

func newToken(t *testing.T, f *objecttest.Fixture, more map[string]any) *api.SCIMToken {
	t.Helper()
	doc := map[string]any{"connection_name": "okta", "name": "main"}
	for k, v := range more {
		doc[k] = v
	}
	return f.Create(t, f.Admin, api.SCIMTokenKind, doc).(*api.SCIMToken)
}

func TestRotationGivesTheSameSecretUntilItIsRaised(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		token := newToken(t, f, map[string]any{"rotation": map[string]any{"overlap": "2h"}})
		first, until, err := rotate(f, f.Admin, token.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !until.Equal(*token.ExpiresAt) || len(first) < 40 || first[:4] != "ghs_" {
			t.Errorf("secret of %d characters, until %v", len(first), until)
		}
		again, _, err := rotate(f, f.Admin, "okta/main", 1)
		if err != nil || again != first {
			t.Errorf("the same rotation gave another secret: %v", err)
		}
		second, _, err := rotate(f, f.Admin, token.ID, 2)
		if err != nil || second == first {
			t.Fatalf("rotation 2: %v", err)
		}
		if !works(t, f, first, "") || !works(t, f, second, "") {
			t.Error("both secrets count during the overlap")
		}
		_, _, err = rotate(f, f.Admin, token.ID, 1)
		objecttest.WantProblem(t, err, api.CodeConflict)
		third, _, err := rotate(f, f.Admin, token.ID, 7)
		if err != nil {
			t.Fatal(err)
		}
		if works(t, f, first, "") || !works(t, f, second, "") || !works(t, f, third, "") {
			t.Error("at most two secrets count")
		}
		f.Advance(2*time.Hour + time.Second)
		if works(t, f, second, "") || !works(t, f, third, "") {
			t.Error("the secret before ends after the overlap")
		}
	})
}

func TestSecretsOfTokensAreNotStored(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		token := newToken(t, f, nil)
		secret, _, err := rotate(f, f.Admin, token.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		err = f.DB.Read(context.Background(), func(tx *store.Tx) error {
			for _, query := range []string{`SELECT COUNT(*) FROM token_secret WHERE hash = $1`, `SELECT COUNT(*) FROM object WHERE doc LIKE '%' || $1 || '%'`, `SELECT COUNT(*) FROM audit_event WHERE after_doc LIKE '%' || $1 || '%'`} {
				var n int
				if err := tx.QueryRowContext(context.Background(), query, secret).Scan(&n); err != nil {
					return err
				}
				if n != 0 {
					return errors.New("the secret is stored: " + query)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestTokenEndsWithItsDocument(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		token := newToken(t, f, map[string]any{"allowed_cidrs": []string{"192.0.2.0/24"}})
		secret, _, err := rotate(f, f.Admin, token.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !works(t, f, secret, "192.0.2.7") || works(t, f, secret, "198.51.100.7") || works(t, f, secret, "") {
			t.Error("the token is bound to its networks")
		}
		soon := f.Service.Clock().Add(time.Hour).UTC().Truncate(time.Second)
		doc := map[string]any{"connection_name": "okta", "name": "main", "expires_at": soon.Format(time.RFC3339)}
		f.Put(t, f.Admin, api.SCIMTokenKind, token.ID, doc)
		f.Advance(time.Hour)
		if works(t, f, secret, "") {
			t.Error("the token outlives its expires_at")
		}
		_, _, err = rotate(f, f.Admin, token.ID, 2)
		objecttest.WantProblem(t, err, api.CodeConflict)
		doc["expires_at"] = f.Service.Clock().Add(48 * time.Hour).UTC().Format(time.RFC3339)
		f.Put(t, f.Admin, api.SCIMTokenKind, token.ID, doc)
		if !works(t, f, secret, "") {
			t.Error("a later expires_at brings the secret back")
		}
		f.Delete(t, f.Admin, api.SCIMTokenKind, token.ID)
		if works(t, f, secret, "") {
			t.Error("the token outlives its declaration")
		}
	})
}

func TestTokenRulesSayWhatToWrite(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		token := newToken(t, f, nil)
		if days := token.ExpiresAt.Sub(f.Service.Clock()).Hours() / 24; days < 179.9 || days > 180 {
			t.Errorf("expires in %.1f days, want 180", days)
		}
		for path, more := range map[string]map[string]any{
			"/expires_at":       {"expires_at": f.Service.Clock().Add(400 * api.Day).UTC().Format(time.RFC3339)},
			"/rotation/overlap": {"rotation": map[string]any{"overlap": "15d"}},
		} {
			doc := map[string]any{"connection_name": "okta", "name": "other"}
			for k, v := range more {
				doc[k] = v
			}
			_, err := f.TryCreate(t, f.Admin, api.SCIMTokenKind, doc)
			objecttest.WantViolation(t, err, path)
		}
		_, _, err := rotate(f, f.Member, token.ID, 1)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		for _, n := range []int64{0, -1} {
			_, _, err = rotate(f, f.Admin, token.ID, n)
			objecttest.WantProblem(t, err, api.CodeInvalid)
		}
	})
}
