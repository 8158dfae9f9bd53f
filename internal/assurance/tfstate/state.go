package tfstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// TypePrefix starts the type of every resource of the provider.
const TypePrefix = "gatehouse_"

// maxState bounds a state document.
const maxState = 512 << 20

// State is what a state holds of Gatehouse.
type State struct {
	// Source says where it was read from, e.g. "terraform show -json".
	Source           string     `json:"source"`
	TerraformVersion string     `json:"terraform_version,omitempty"`
	Serial           int64      `json:"serial,omitempty"`
	Lineage          string     `json:"lineage,omitempty"`
	Resources        []Resource `json:"resources"`
	// Others counts the managed resources of other providers.
	Others int `json:"other_resources"`
}

// Resource is one managed gatehouse_* resource.
type Resource struct {
	Address   string         `json:"address"`
	Kind      string         `json:"kind"`
	Workspace string         `json:"workspace,omitempty"`
	Tainted   bool           `json:"tainted,omitempty"`
	Values    map[string]any `json:"values"`
	// Redacted names the attributes whose value is sensitive and was removed.
	Redacted []string `json:"redacted,omitempty"`
}

// Text reads an attribute that is a string.
func (r Resource) Text(name string) string {
	s, _ := r.Values[name].(string)
	return s
}

// ID is the object's identifier at the server.
func (r Resource) ID() string { return r.Text("id") }

// Of lists the resources of a kind.
func (s *State) Of(kind string) []Resource {
	var out []Resource
	for _, r := range s.Resources {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	return out
}

// Workspaces lists the workspaces that the resources are in.
func (s *State) Workspaces() []string {
	seen := map[string]bool{}
	var out []string
	for _, r := range s.Resources {
		if r.Workspace != "" && !seen[r.Workspace] {
			seen[r.Workspace] = true
			out = append(out, r.Workspace)
		}
	}
	sort.Strings(out)
	return out
}

// ReadFile reads a state file, or the output of `show -json` kept in a file.
func ReadFile(path string) (*State, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the state: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("reading the state %s: %w", path, err)
	}
	s, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the state %s: %w", path, err)
	}
	s.Source = "file " + filepath.Base(path)
	return s, nil
}

// Parse reads a state file (version 4) or the JSON that `show -json` writes.
func Parse(raw []byte) (*State, error) {
	if len(raw) > maxState {
		return nil, fmt.Errorf("it is larger than %d MiB", maxState>>20)
	}
	var form struct {
		Version       int             `json:"version"`
		FormatVersion string          `json:"format_version"`
		PlannedValues json.RawMessage `json:"planned_values"`
	}
	if err := json.Unmarshal(raw, &form); err != nil {
		return nil, errors.New("it is not JSON; give a state file or the output of `terraform show -json`")
	}
	switch {
	case form.PlannedValues != nil:
		return nil, errors.New("it is a plan; give a state file or the output of `terraform show -json` without a plan")
	case form.FormatVersion != "":
		return parseShown(raw)
	case form.Version == 4:
		return parseFile(raw)
	case form.Version != 0:
		return nil, fmt.Errorf("it is a state of version %d; version 4 is read", form.Version)
	}
	return nil, errors.New("it is neither a state file nor the output of `terraform show -json`; is it encrypted? Then use --chdir")
}

func parseShown(raw []byte) (*State, error) {
	var shown tfjson.State
	if err := shown.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("the output of show -json: %w", err)
	}
	s := &State{TerraformVersion: shown.TerraformVersion, Resources: []Resource{}}
	if shown.Values == nil {
		return s, nil
	}
	if err := s.addModule(shown.Values.RootModule); err != nil {
		return nil, err
	}
	return s.sorted(), nil
}

func (s *State) addModule(m *tfjson.StateModule) error {
	if m == nil {
		return nil
	}
	for _, r := range m.Resources {
		if r.Mode != tfjson.ManagedResourceMode || r.DeposedKey != "" {
			continue
		}
		var marks any
		if len(r.SensitiveValues) > 0 {
			if err := json.Unmarshal(r.SensitiveValues, &marks); err != nil {
				return fmt.Errorf("%s: its sensitive values: %w", r.Address, err)
			}
		}
		s.add(r.Address, r.Type, r.Tainted, r.AttributeValues, pathsOf(marks, nil))
	}
	for _, child := range m.ChildModules {
		if err := s.addModule(child); err != nil {
			return err
		}
	}
	return nil
}

// pathsOf lists where the marks of `show -json` say true.
func pathsOf(marks any, at []string) [][]string {
	switch m := marks.(type) {
	case bool:
		if m {
			return [][]string{append([]string{}, at...)}
		}
	case map[string]any:
		var out [][]string
		for name, inner := range m {
			out = append(out, pathsOf(inner, append(at, name))...)
		}
		return out
	case []any:
		for _, inner := range m {
			if len(pathsOf(inner, nil)) > 0 {
				// A list is removed as a whole: an element has no name.
				return [][]string{append([]string{}, at...)}
			}
		}
	}
	return nil
}

// fileState is a state file, version 4.
type fileState struct {
	TerraformVersion string `json:"terraform_version"`
	Serial           int64  `json:"serial"`
	Lineage          string `json:"lineage"`
	Resources        []struct {
		Module    string `json:"module"`
		Mode      string `json:"mode"`
		Type      string `json:"type"`
		Name      string `json:"name"`
		Instances []struct {
			IndexKey   any            `json:"index_key"`
			Status     string         `json:"status"`
			Deposed    string         `json:"deposed"`
			Attributes map[string]any `json:"attributes"`
			Sensitive  [][]struct {
				Type  string `json:"type"`
				Value any    `json:"value"`
			} `json:"sensitive_attributes"`
		} `json:"instances"`
	} `json:"resources"`
}

func parseFile(raw []byte) (*State, error) {
	var f fileState
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("the state file: %w", err)
	}
	s := &State{TerraformVersion: f.TerraformVersion, Serial: f.Serial, Lineage: f.Lineage, Resources: []Resource{}}
	for _, r := range f.Resources {
		if r.Mode != "managed" {
			continue
		}
		for _, inst := range r.Instances {
			if inst.Deposed != "" {
				continue
			}
			address := r.Type + "." + r.Name + indexText(inst.IndexKey)
			if r.Module != "" {
				address = r.Module + "." + address
			}
			var sensitive [][]string
			for _, path := range inst.Sensitive {
				var at []string
				for _, step := range path {
					name, ok := step.Value.(string)
					if step.Type != "get_attr" || !ok {
						break // an element: the attribute is removed as a whole
					}
					at = append(at, name)
				}
				if len(at) > 0 {
					sensitive = append(sensitive, at)
				}
			}
			s.add(address, r.Type, inst.Status == "tainted", inst.Attributes, sensitive)
		}
	}
	return s.sorted(), nil
}

func indexText(key any) string {
	switch k := key.(type) {
	case string:
		return fmt.Sprintf("[%q]", k)
	case float64:
		return fmt.Sprintf("[%d]", int64(k))
	}
	return ""
}

func (s *State) add(address, typ string, tainted bool, values map[string]any, sensitive [][]string) {
	kind, ours := strings.CutPrefix(typ, TypePrefix)
	if !ours {
		s.Others++
		return
	}
	r := Resource{Address: address, Kind: kind, Tainted: tainted, Values: values}
	if r.Values == nil {
		r.Values = map[string]any{}
	}
	if k := api.KindByName(kind); k != nil {
		for _, f := range k.Fields() {
			if f.WriteOnly {
				sensitive = append(sensitive, []string{f.Name})
			}
		}
	}
	for _, path := range sensitive {
		if redact(r.Values, path) {
			r.Redacted = append(r.Redacted, strings.Join(path, "."))
		}
	}
	sort.Strings(r.Redacted)
	if r.Workspace = strings.ToLower(r.Text("workspace")); kind == "workspace" {
		r.Workspace = strings.ToLower(r.Text("slug"))
	}
	s.Resources = append(s.Resources, r)
}

// redact removes the value at a path and reports whether there was one.
func redact(values map[string]any, path []string) bool {
	for i, name := range path {
		v, ok := values[name]
		if !ok || v == nil {
			return false
		}
		inner, object := v.(map[string]any)
		if i == len(path)-1 || !object {
			values[name] = nil
			return true
		}
		values = inner
	}
	return false
}

func (s *State) sorted() *State {
	sort.Slice(s.Resources, func(i, j int) bool { return s.Resources[i].Address < s.Resources[j].Address })
	return s
}
