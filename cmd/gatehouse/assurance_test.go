package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// world is a running control plane with a stack's objects in it and a state file that
// says the same.
type world struct {
	*servertest.Instance
	t     *testing.T
	state string
	docs  map[string]client.Document // by address
}

const stackName = "github.com/example/infra//access"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Instance: servertest.Start(t), t: t, state: filepath.Join(t.TempDir(), "terraform.tfstate"), docs: map[string]client.Document{}}
	t.Setenv("GATEHOUSE_ENDPOINT", w.URL)
	t.Setenv("GATEHOUSE_TOKEN", w.OwnerToken)
	t.Setenv("GATEHOUSE_WORKSPACE", w.Workspace)
	t.Setenv("GATEHOUSE_EVIDENCE_KEY", filepath.Join(t.TempDir(), "evidence.key"))
	w.declare("gatehouse_sharing_policy.this", api.SharingPolicyKind, client.Document{"public_links": "disabled"})
	w.declare("gatehouse_team.design", api.TeamKind, client.Document{"slug": "design", "name": "Design"})
	w.declare("gatehouse_member.ann", api.MemberKind, client.Document{"email": "ann@example.com"})
	w.declare("gatehouse_team_memberships.design", api.TeamMembershipsKind, client.Document{"team": "design", "members": map[string]any{"ann@example.com": "editor"}})
	w.declare("gatehouse_project.campaigns", api.ProjectKind, client.Document{"path": "/campaigns", "name": "Campaigns", "team": "design"})
	w.saveState()
	return w
}

func (w *world) client(token, stack string) *client.Workspace {
	w.t.Helper()
	c, err := client.New(client.Config{Endpoint: w.URL, Token: token, Stack: stack, ChangeContext: &api.ChangeContext{Commit: "abc123", Author: "ann", Approver: "bob"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Workspace(w.Workspace)
}

// declare writes an object as Terraform would and remembers it for the state.
func (w *world) declare(address string, kind *api.Kind, doc client.Document) client.Document {
	w.t.Helper()
	at := w.client(w.OwnerToken, stackName)
	var made client.Document
	var err error
	if kind.Singleton {
		made, err = at.Put(context.Background(), kind, "", doc, client.WriteOptions{})
	} else {
		made, err = at.Create(context.Background(), kind, doc, client.WriteOptions{})
	}
	if err != nil {
		w.t.Fatalf("declaring %s: %v", address, err)
	}
	made["__type"] = kind.Name
	w.docs[address] = made
	return made
}

func (w *world) saveState() {
	w.t.Helper()
	resources := []any{}
	for address, doc := range w.docs {
		values := map[string]any{"workspace": w.Workspace}
		for name, v := range doc {
			if name != "managed_by" && name != "__type" {
				values[name] = v
			}
		}
		kind := doc["__type"].(string)
		resources = append(resources, map[string]any{"mode": "managed", "type": "gatehouse_" + kind, "name": filepath.Ext(address)[1:],
			"instances": []any{map[string]any{"attributes": values}}})
	}
	raw, err := json.Marshal(map[string]any{"version": 4, "serial": 3, "lineage": "test", "resources": resources})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.state, raw, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// byHand changes an attribute as a person would, past Terraform.
func (w *world) byHand(token string, kind *api.Kind, ref, attribute string, value any) {
	w.t.Helper()
	at := w.client(token, "")
	doc, err := at.Get(context.Background(), kind, ref)
	if err != nil {
		w.t.Fatal(err)
	}
	doc[attribute] = value
	if _, err := at.Put(context.Background(), kind, ref, doc, client.WriteOptions{Reason: "campaign launch"}); err != nil {
		w.t.Fatal(err)
	}
}

// command runs gatehouse and gives what it said and its exit code.
func command(t *testing.T, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	root := newRootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	code := run(ctx, root)
	return out.String(), code
}

// nextSecond is a time that has passed after untilNextSecond.
func nextSecond() string {
	return time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)
}

func untilNextSecond() { time.Sleep(1100 * time.Millisecond) }
