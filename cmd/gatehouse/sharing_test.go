package main

import (
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestExistingSharesAreListedAndEnforcedFromTheCommandLine(t *testing.T) {
	w := newWorld(t)
	c := w.client(w.OwnerToken, "")
	set := func(policy client.Document) {
		t.Helper()
		if _, err := c.Put(t.Context(), api.SharingPolicyKind, "", policy, client.WriteOptions{Adopt: true}); err != nil {
			t.Fatal(err)
		}
	}
	set(client.Document{"external_sharing": "anyone", "require_external_approval": false})
	if _, err := c.Create(t.Context(), api.AccessGrantKind, client.Document{"resource": "/campaigns", "principal": "email:ann@client.example", "level": "view"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, "sharing", "conformance", "--kind", "access_grant"); code != 0 || !strings.Contains(out, "Every existing share conforms") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	set(client.Document{"external_sharing": "anyone", "blocked_domains": []any{"client.example"}})
	for _, args := range [][]string{{}, {"--json"}, {"--resource", "/campaigns"}} {
		out, code := command(t, append([]string{"sharing", "conformance", "--kind", "access_grant"}, args...)...)
		if code != 2 || !strings.Contains(out, "email:ann@client.example") || !strings.Contains(out, "client.example is in blocked_domains") || !strings.Contains(out, "revoke") {
			t.Errorf("%v: exit %d:\n%s", args, code, out)
		}
	}
	for _, step := range []struct{ args, says string }{
		{"--dry-run", "1 would be revoked"}, {"--resource=/campaigns", "1 were revoked"}, {"--json", `"revoked": 0`},
	} {
		if out, code := command(t, "sharing", "enforce", step.args); code != 0 || !strings.Contains(out, step.says) {
			t.Errorf("%s: exit %d:\n%s", step.args, code, out)
		}
	}
	if out, code := command(t, "sharing", "conformance", "--kind", "team"); code != 1 || !strings.Contains(out, "is no kind of share") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestSharesAreListedWithTheirLastUse(t *testing.T) {
	w := newWorld(t)
	c := w.client(w.OwnerToken, "")
	if out, code := command(t, "sharing", "list"); code != 0 || !strings.Contains(out, "Nothing is shared") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if _, err := c.Put(t.Context(), api.SharingPolicyKind, "", client.Document{"external_sharing": "anyone"}, client.WriteOptions{Adopt: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), api.AccessGrantKind, client.Document{"resource": "/campaigns", "principal": "email:ann@client.example", "level": "view"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for args, says := range map[string][]string{
		"":                                    {"email:ann@client.example", "view", "active", "never"},
		"--json":                              {`"principals"`, "email:ann@client.example"},
		"--principal=email:bob@other.example": {"Nothing is shared"},
	} {
		full := []string{"sharing", "list"}
		if args != "" {
			full = append(full, args)
		}
		out, code := command(t, full...)
		for _, want := range says {
			if code != 0 || !strings.Contains(out, want) {
				t.Errorf("%s: exit %d, without %q:\n%s", args, code, want, out)
			}
		}
	}
}

func TestStaleLinksAreRevokedFromTheCommandLine(t *testing.T) {
	w := newWorld(t)
	if _, err := w.client(w.OwnerToken, "").Create(t.Context(), api.ShareLinkKind, client.Document{"resource": "/campaigns", "kind": "recipient", "name": "Spring cut", "recipients": []any{"member@example.com"}}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, "link", "revoke-stale", "--unused", "90d", "--expired", "--maker-gone", "--dry-run"); code != 0 || !strings.Contains(out, "Of 1 open links, 0 would be revoked.") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	for args, says := range map[string]string{"": "say which links are stale", "--unused=soon": "--unused", "--unused=2h": "at least 1d"} {
		full := []string{"link", "revoke-stale"}
		if args != "" {
			full = append(full, args)
		}
		if out, code := command(t, full...); code != 1 || !strings.Contains(out, says) {
			t.Errorf("%s: exit %d:\n%s", args, code, out)
		}
	}
}
