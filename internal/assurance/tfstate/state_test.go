package tfstate

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const shown = `{"format_version":"1.0","terraform_version":"1.11.4","values":{"root_module":{
 "resources":[
  {"address":"gatehouse_team.design","mode":"managed","type":"gatehouse_team","name":"design","values":{"id":"team_1","slug":"design","workspace":"Wikio","name":"s3cret"},"sensitive_values":{"name":true}},
  {"address":"data.gatehouse_regions.all","mode":"data","type":"gatehouse_regions","name":"all","values":{}},
  {"address":"random_password.p","mode":"managed","type":"random_password","name":"p","values":{"result":"hunter2"}}],
 "child_modules":[{"address":"module.a","resources":[
  {"address":"module.a.gatehouse_workspace.w[\"x\"]","mode":"managed","type":"gatehouse_workspace","name":"w","index":"x","values":{"id":"ws_1","slug":"wikio"},"sensitive_values":{},"tainted":true},
  {"address":"module.a.gatehouse_team.old","mode":"managed","type":"gatehouse_team","name":"old","deposed_key":"abc","values":{"slug":"old"}}]}]}}}`

const file = `{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"l-1","outputs":{"o":{"value":"hunter2","type":"string","sensitive":true}},"resources":[
 {"mode":"managed","type":"gatehouse_team","name":"design","provider":"provider[\"x\"]","instances":[{"attributes":{"id":"team_1","slug":"design","workspace":"Wikio","name":"s3cret"},"sensitive_attributes":[[{"type":"get_attr","value":"name"}]]}]},
 {"module":"module.a","mode":"managed","type":"gatehouse_workspace","name":"w","instances":[{"index_key":"x","status":"tainted","attributes":{"id":"ws_1","slug":"wikio"}}]},
 {"module":"module.a","mode":"managed","type":"gatehouse_team","name":"old","instances":[{"deposed":"abc","attributes":{"slug":"old"}}]},
 {"mode":"data","type":"gatehouse_regions","name":"all","instances":[{"attributes":{}}]},
 {"mode":"managed","type":"random_password","name":"p","instances":[{"attributes":{"result":"hunter2"}}]}]}`

func TestBothFormsOfStateReadTheSame(t *testing.T) {
	want := []Resource{
		{Address: "gatehouse_team.design", Kind: "team", Workspace: "wikio", Values: map[string]any{"id": "team_1", "slug": "design", "workspace": "Wikio", "name": nil}, Redacted: []string{"name"}},
		{Address: `module.a.gatehouse_workspace.w["x"]`, Kind: "workspace", Workspace: "wikio", Tainted: true, Values: map[string]any{"id": "ws_1", "slug": "wikio"}},
	}
	for name, raw := range map[string]string{"show -json": shown, "state file": file} {
		s, err := Parse([]byte(raw))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, s.Resources); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if s.Others != 1 {
			t.Errorf("%s: %d resources of others", name, s.Others)
		}
		if diff := cmp.Diff([]string{"wikio"}, s.Workspaces()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSensitiveListsAreRemovedWhole(t *testing.T) {
	s, err := Parse([]byte(`{"format_version":"1.0","values":{"root_module":{"resources":[{"address":"gatehouse_x.y","mode":"managed","type":"gatehouse_x","name":"y",
		"values":{"a":{"b":["p","q"],"c":"kept"}},"sensitive_values":{"a":{"b":[true,false]}}}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"a": map[string]any{"b": nil, "c": "kept"}}, s.Resources[0].Values); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoStateIsRefusedInWords(t *testing.T) {
	for raw, want := range map[string]string{
		`nonsense`:      "not JSON",
		`{"version":3}`: "version 3",
		`{}`:            "neither a state file",
		`{"format_version":"1.2","planned_values":{}}`: "it is a plan",
	} {
		if _, err := Parse([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestAnEmptyStateHasNoResources(t *testing.T) {
	s, err := Parse([]byte(`{"format_version":"1.0"}`))
	if err != nil || len(s.Resources) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// The command is asked in the folder, and what it says on stderr reaches the user.
func TestShowAsksTheCommandInTheFolder(t *testing.T) {
	folder := t.TempDir()
	cli := filepath.Join(folder, "terraform")
	script := "#!/bin/sh\nif [ -f broken ]; then echo 'Backend initialization required' >&2; exit 1; fi\n[ \"$*\" = 'show -json -no-color' ] || exit 9\ncat state.json\n"
	if err := os.WriteFile(cli, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "state.json"), []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := FindCLI(cli)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Show(context.Background(), found, folder)
	if err != nil || len(s.Resources) != 2 || s.Source != "terraform show -json" {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "broken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Show(context.Background(), found, folder); err == nil || !strings.Contains(err.Error(), "Backend initialization required") {
		t.Errorf("error %v", err)
	}
	if _, err := FindCLI(filepath.Join(folder, "absent")); err == nil {
		t.Error("a command that does not exist was found")
	}
}
