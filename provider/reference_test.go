package provider

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// applyReference applies a reference configuration as it is, in a workspace of its own,
// and fails unless nothing is left to plan afterwards.
func applyReference(t *testing.T, name string) *acceptance {
	t.Helper()
	a := startAcceptance(t)
	a.AddWorkspace(name)
	work := t.TempDir()
	if err := os.CopyFS(work, os.DirFS(filepath.Join("..", "examples", name))); err != nil {
		t.Fatal(err)
	}
	env := append(overriddenProvider(t), "GATEHOUSE_ENDPOINT="+a.URL, "GATEHOUSE_TOKEN="+a.OwnerToken)
	for _, args := range [][]string{
		{"plan", "-input=false", "-no-color", "-var=owner=owner@example.com"},
		{"apply", "-auto-approve", "-input=false", "-no-color", "-var=owner=owner@example.com"},
		{"plan", "-detailed-exitcode", "-input=false", "-no-color", "-var=owner=owner@example.com"},
	} {
		cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
		if cli == "" {
			cli = "terraform"
		}
		cmd := exec.CommandContext(t.Context(), cli, args...)
		cmd.Dir, cmd.Env = work, env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	return a
}

func TestAccWikioConfigurationKeepsItsPromises(t *testing.T) {
	a := applyReference(t, "wikio")
	t.Run("no link for anyone can be made (C052)", a.wantRefused("share_links", doc{"resource": "/campaigns", "name": "Spring cut", "kind": "anyone"}, "public_links"))
	t.Run("finance does not leave the workspace (C056, C120)", a.wantRefused("access_grants", doc{"resource": "/finance", "principal": "email:vera@client.example", "level": "view"}, "external_sharing"))
	t.Run("other domains receive nothing (C056)", a.wantRefused("access_grants", doc{"resource": "/campaigns", "principal": "email:eve@rival.example", "level": "view"}, "allowed_domains"))
	t.Run("content is shared outside after an approval (C055)", a.externalShareWaits)
	t.Run("a guest stays within the projects and the level (C016, C033)", func(t *testing.T) {
		gus := "member:gus@agency.example"
		a.wantDecisions(t, gus, map[[2]string]bool{
			{"/campaigns/press/teaser.mp4", "asset.read"}:     true,
			{"/campaigns/press/teaser.mp4", "comment.create"}: true,
			{"/campaigns/press/teaser.mp4", "asset.download"}: false,
			{"/campaigns/press/teaser.mp4", "workflow.run"}:   false,
			{"/campaigns/press", "member.invite"}:             false,
			{"/campaigns", "asset.read"}:                      false,
			{"/finance", "asset.read"}:                        false,
		})
	})
	t.Run("a client opens the link by a mailed code, and no longer once it is revoked (C017, C051, C071, C074)", a.clientVisitsPressKit)
}

func TestAccWIZZCloudConfigurationKeepsItsPromises(t *testing.T) {
	a := applyReference(t, "wizz-cloud")
	t.Run("reads finance, shares the quarterly reports, deletes nothing (C027)", func(t *testing.T) {
		a.wantDecisions(t, "member:yan@example.com", map[[2]string]bool{
			{"/finance", "asset.read"}:                    true,
			{"/finance/quarterly", "asset.read"}:          true,
			{"/finance/quarterly", "share_link.create"}:   true,
			{"/finance/quarterly", "sharing.manage"}:      true,
			{"/finance", "share_link.create"}:             false,
			{"/finance", "sharing.manage"}:                false,
			{"/finance/quarterly", "item.delete"}:         false,
			{"/finance", "asset.delete.own"}:              false,
			{"/finance/quarterly", "asset.update"}:        false,
			{"/finance/quarterly", "item.owner.transfer"}: false,
		})
	})
	t.Run("confidential originals need a known device and a fresh second factor (C028)", func(t *testing.T) {
		a.mustPost(t, "access_grants", doc{"resource": "/finance", "principal": "member:xia@example.com", "level": "edit"})
		for _, c := range []struct {
			known bool
			age   int
			want  bool
		}{{true, 60, true}, {false, 60, false}, {true, 901, false}, {true, -1, false}} {
			got := a.mustPost(t, "access/check", doc{"principal": "member:xia@example.com", "resource": "/finance", "permission": "asset.download",
				"context": doc{"device_known": c.known, "mfa_age_seconds": c.age}})
			if got["allowed"] != c.want {
				t.Errorf("device known %v, second factor %d s ago: %v, want %v (%v)", c.known, c.age, got["allowed"], c.want, got["reasons"])
			}
		}
	})
	t.Run("nothing leaves the workspace (C056)", a.wantRefused("access_grants", doc{"resource": "/finance", "principal": "email:eve@example.net", "level": "view"}, "external_sharing"))
	t.Run("who audits finance hands out no tokens", a.wantRefused("role_assignments", doc{"role": "finance-auditor", "principal": "member:xia@example.com", "scope": "/"}, "finance-and-tokens"))
}
