package server_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// TestOpenAPIDocumentIsKept compares docs/openapi.json with what is served, without
// the kind that only these tests know.
func TestOpenAPIDocumentIsKept(t *testing.T) {
	const path = "../../docs/openapi.json"
	const how = "write it again with: go run ./cmd/gatehouse openapi > docs/openapi.json"
	raw, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatalf("docs/openapi.json cannot be read (%v); %s", err, how)
	}
	var kept map[string]any
	if err := json.Unmarshal(raw, &kept); err != nil {
		t.Fatalf("docs/openapi.json is not JSON (%v); %s", err, how)
	}
	served := document(t, servertest.Start(t))
	paths := served["paths"].(map[string]any)
	for p := range paths {
		if strings.Contains(p, "/"+widgetKind.Plural) {
			delete(paths, p)
		}
	}
	delete(served["components"].(map[string]any)["schemas"].(map[string]any), widgetKind.Type().Name())
	if diff := cmp.Diff(kept, served); diff != "" {
		if len(diff) > 4000 {
			diff = diff[:4000] + "…"
		}
		t.Errorf("docs/openapi.json is not what is served; %s\n(-kept +served):\n%s", how, diff)
	}
}

// TestOpenAPIDocumentIsWellFormed checks what tools trip over: the version, references
// that lead nowhere, parameters that the path does not have, answers without a schema.
func TestOpenAPIDocumentIsWellFormed(t *testing.T) {
	i := servertest.Start(t)
	spec := document(t, i)
	if v, _ := spec["openapi"].(string); !regexp.MustCompile(`^3\.1\.\d+$`).MatchString(v) {
		t.Errorf("openapi is %q, want 3.1", v)
	}
	walk(spec, "#", func(at string, node map[string]any) {
		ref, ok := node["$ref"].(string)
		if ok && lookup(spec, ref) == nil {
			t.Errorf("%s refers to %s, which is not there", at, ref)
		}
		if _, leaks := node["$schema"]; leaks {
			t.Errorf("%s has a $schema", at)
		}
	})
	segments := regexp.MustCompile(`\{([a-z]+)\}`)
	for _, r := range routes(t, i) {
		var inPath []string
		params, _ := r.spec["parameters"].([]any)
		for _, p := range params {
			p := p.(map[string]any)
			if p["schema"] == nil || p["description"] == "" || p["description"] == nil {
				t.Errorf("%s: the parameter %v has no schema or no description", r, p["name"])
			}
			if p["in"] == "path" {
				inPath = append(inPath, p["name"].(string))
				if p["required"] != true {
					t.Errorf("%s: the path parameter %v is not required", r, p["name"])
				}
			}
		}
		var inTemplate []string
		for _, m := range segments.FindAllStringSubmatch(r.path, -1) {
			inTemplate = append(inTemplate, m[1])
		}
		if !slices.Equal(inPath, inTemplate) {
			t.Errorf("%s: path parameters %v", r, inPath)
		}
		if len(r.success) == 0 || r.spec["summary"] == "" || r.spec["security"] == nil {
			t.Errorf("%s: has no success answer, no summary or no security", r)
		}
		responses := r.spec["responses"].(map[string]any)
		if lookup(responses["default"], "#/content/application~1problem+json/schema") == nil {
			t.Errorf("%s: does not say that it answers with problems", r)
		}
		for _, status := range r.success {
			if status != "204" && lookup(responses[status], "#/content/application~1json/schema") == nil {
				t.Errorf("%s: %s has no schema", r, status)
			}
		}
	}
}

// TestKindsAreDocumentedAsTheyAreChecked compares each kind's schema with its fields.
func TestKindsAreDocumentedAsTheyAreChecked(t *testing.T) {
	schemas := document(t, servertest.Start(t))["components"].(map[string]any)["schemas"].(map[string]any)
	for _, k := range api.Kinds() {
		schema, ok := schemas[k.Type().Name()].(map[string]any)
		if !ok {
			t.Errorf("kind %s has no schema %s", k.Name, k.Type().Name())
			continue
		}
		if schema["description"] != k.Doc {
			t.Errorf("kind %s is described as %q", k.Name, schema["description"])
		}
		compareFields(t, k.Name, k.Fields(), schema, []string{"id", "key", "etag", "managed_by", "created_at", "updated_at"})
	}
}

func compareFields(t *testing.T, at string, fields []api.Field, schema map[string]any, meta []string) {
	t.Helper()
	props, _ := schema["properties"].(map[string]any)
	if schema["additionalProperties"] != false {
		t.Errorf("%s: other attributes are not refused", at)
	}
	var required []string
	names := slices.Clone(meta)
	for _, m := range meta {
		if p, _ := props[m].(map[string]any); p["readOnly"] != true {
			t.Errorf("%s.%s is not read-only: %v", at, m, p)
		}
	}
	for _, f := range fields {
		names = append(names, f.Name)
		if f.Required {
			required = append(required, f.Name)
		}
		p, ok := props[f.Name].(map[string]any)
		if !ok {
			t.Errorf("%s.%s is not in the schema", at, f.Name)
			continue
		}
		compareField(t, at+"."+f.Name, f, p)
	}
	for name := range props {
		if !slices.Contains(names, name) {
			t.Errorf("%s.%s is in the schema and not in the kind", at, name)
		}
	}
	if diff := cmp.Diff(strs(required), strs(anys(schema["required"]))); diff != "" {
		t.Errorf("%s: required (-kind +schema):\n%s", at, diff)
	}
}

func compareField(t *testing.T, at string, f api.Field, p map[string]any) {
	t.Helper()
	types := map[api.FieldType]string{api.TypeString: "string", api.TypeTime: "string", api.TypeBool: "boolean", api.TypeInt: "integer", api.TypeList: "array", api.TypeMap: "object", api.TypeObject: "object"}
	want := map[string]any{"type": types[f.Type], "description": f.Doc, "readOnly": f.ReadOnly, "writeOnly": f.WriteOnly}
	if f.Default != nil {
		want["default"] = f.Default
	}
	elements := []string(nil)
	switch f.Type {
	case api.TypeString:
		want["enum"] = strs(append(slices.Clone(f.Enum), f.Output...))
		want["maxLength"] = float64(f.MaxLength)
	case api.TypeTime:
		want["format"] = "date-time"
	case api.TypeInt:
		if f.Min != nil {
			want["minimum"] = float64(*f.Min)
		}
		if f.Max != nil {
			want["maximum"] = float64(*f.Max)
		}
	case api.TypeList:
		want["maxItems"] = float64(f.MaxItems)
		elements = f.Items
	case api.TypeMap:
		want["maxProperties"] = float64(f.MaxItems)
		elements = f.Values
	}
	got := map[string]any{"readOnly": false, "writeOnly": false}
	for name := range want {
		if v, ok := p[name]; ok {
			got[name] = v
		}
	}
	if _, ok := want["enum"]; ok {
		got["enum"] = strs(anys(p["enum"]))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-kind +schema):\n%s", at, diff)
	}
	inner, _ := p["items"].(map[string]any)
	if f.Type == api.TypeMap {
		inner, _ = p["additionalProperties"].(map[string]any)
	}
	switch {
	case f.Type == api.TypeObject:
		compareFields(t, at, f.Fields, p, nil)
	case f.Type == api.TypeList && f.Fields != nil:
		compareFields(t, at+"[]", f.Fields, inner, nil)
	case f.Type == api.TypeList || f.Type == api.TypeMap:
		if inner["type"] != "string" {
			t.Errorf("%s: elements are %v", at, inner)
		}
		if diff := cmp.Diff(strs(elements), strs(anys(inner["enum"]))); diff != "" {
			t.Errorf("%s: values of elements (-kind +schema):\n%s", at, diff)
		}
	}
}

func strs(list []string) []string { return append([]string{}, list...) }

func anys(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, e := range list {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

// TestAnswersAreAsDocumented sends every route and checks the answer of the Owner
// against the schema that the document promises.
func TestAnswersAreAsDocumented(t *testing.T) {
	i := servertest.Start(t)
	m := newMatrix(t, i)
	spec := document(t, i)
	checked := 0
	for _, r := range m.routes {
		for _, c := range m.requests(t, r, true) {
			c.token = m.a.OwnerToken
			if r.permission == "operator" {
				c.token = i.OperatorToken
			}
			if r.method == "POST" && r.kind != nil && !r.kind.Singleton {
				c.body = freshSample(t, r.kind)
			}
			got := send(t, i, c)
			switch {
			case r.id == "accept_workspace_owner" || r.method == "DELETE" || r.id == "create_workspace" && got.status == 409 || r.id == "audit_consistency" && got.status == 404:
				continue
			case got.status >= 400:
				t.Errorf("%s: status %d: %s", r, got.status, got.body)
				continue
			}
			if !slices.Contains(r.success, fmt.Sprint(got.status)) {
				t.Errorf("%s: status %d is not documented (%v)", r, got.status, r.success)
				continue
			}
			schema := lookup(r.spec["responses"], "#/"+fmt.Sprint(got.status)+"/content/application~1json/schema")
			var body any
			got.json(t, &body)
			for _, wrong := range against(spec, schema.(map[string]any), body, "") {
				t.Errorf("%s: the answer is not as documented: %s\n%.300s", r, wrong, got.body)
			}
			checked++
		}
	}
	if checked < 2*len(api.Kinds()) {
		t.Errorf("only %d answers were checked", checked)
	}
}

// freshSample is a document of a kind whose key is not taken yet, in a workspace that
// is full.
func freshSample(t *testing.T, k *api.Kind) doc {
	t.Helper()
	fresh := map[string]doc{
		"member": {"email": "new@example.com"}, "service_account": {"name": "new", "owner": "owner@example.com"}, "team": {"slug": "new", "name": "New"},
		"team_membership": {"team": "acme-design", "principal": "admin@example.com"}, "team_memberships": {"team": "acme-design", "members": doc{}, "sources": []string{"terraform"}},
		"role": {"name": "new"}, "role_assignment": {"role": "acme-approver", "principal": "member:admin@example.com"},
		"project": {"path": "/new", "name": "New", "team": "acme-design"}, "folder": {"path": "/acme-campaigns/new"},
		"asset": {"path": "/acme-campaigns/new"}, "collection": {"path": "/acme-campaigns/new", "asset_ids": []string{"/acme-campaigns/acme-autumn/clip"}},
		"access_grant":   {"resource": "/acme-campaigns", "principal": "member:admin@example.com", "level": "view"},
		"guest":          {"email": "new@acme.example.org", "sponsor": "owner@example.com", "projects": []string{"/acme-campaigns"}},
		"access_grants":  {"resource": "/acme-campaigns/acme-autumn", "grants": doc{}},
		"sso_connection": {"name": "new", "protocol": "oidc", "oidc": doc{"issuer": "https://new.example.com", "client_id": "x"}},
		"scim_token":     {"connection_name": "new", "name": "new"}, "scim_group_mapping": {"connection_name": "acme-okta", "group": "New", "team": "acme-design", "team_role": "viewer"},
		"provisioning_policy":       {"connection_name": "new", "rehire": "refuse"},
		"notification_channel":      {"name": "new", "type": "email", "addresses": []string{"new@example.com"}, "events": []string{"mention"}},
		"event_receiver":            {"name": "new", "url": "https://receiver.example.com", "audience": "x"},
		"sharing_policy_override":   {"path": "/acme-campaigns/acme-autumn", "public_links": "disabled"},
		"share_link":                {"resource": "/acme-campaigns", "name": "A new cut", "kind": "recipient", "recipients": []string{"owner@example.com"}},
		"invitation":                {"email": "newer@acme.example.org"},
		"approval_policy":           {"name": "new", "steps": []doc{{"approvers": []string{"role:admin"}}}},
		"attribute_policy":          {"name": "new", "effect": "deny", "permissions": []string{"asset.download"}, "mode": "report_only"},
		"separation_of_duties_rule": {"name": "new", "left": doc{"roles": []string{"admin"}}, "right": doc{"permissions": []string{"audit.read"}}},
		"api_token":                 {"name": "new", "service_account": "acme-ci", "scopes": []string{"read_only"}}, "test_widget": {"slug": "new", "team": "acme-design"},
	}
	d, ok := fresh[k.Name]
	if !ok {
		t.Fatalf("there is no fresh document of %s; add one", k.Name)
	}
	return d
}

// against checks a value with the part of JSON Schema that the document uses.
func against(spec, schema map[string]any, v any, at string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		target, ok := lookup(spec, ref).(map[string]any)
		if !ok {
			return []string{at + ": " + ref + " leads nowhere"}
		}
		return against(spec, target, v, at)
	}
	types := anys(schema["type"])
	if s, ok := schema["type"].(string); ok {
		types = []string{s}
	}
	if len(types) > 0 && !slices.Contains(types, typeOf(v, types)) {
		return []string{fmt.Sprintf("%s is %s, documented as %v", at, typeOf(v, types), types)}
	}
	var out []string
	if enum := anys(schema["enum"]); len(enum) > 0 && !slices.Contains(enum, fmt.Sprint(v)) {
		out = append(out, fmt.Sprintf("%s is %v, documented as one of %v", at, v, enum))
	}
	switch v := v.(type) {
	case []any:
		items, _ := schema["items"].(map[string]any)
		for n, e := range v {
			out = append(out, against(spec, items, e, fmt.Sprintf("%s/%d", at, n))...)
		}
	case map[string]any:
		props, _ := schema["properties"].(map[string]any)
		for _, name := range anys(schema["required"]) {
			if _, ok := v[name]; !ok && !writeOnly(props[name]) {
				out = append(out, at+"/"+name+" is documented as always there")
			}
		}
		for name, e := range v {
			p, known := props[name].(map[string]any)
			if !known {
				if p, known = schema["additionalProperties"].(map[string]any); !known {
					if schema["additionalProperties"] != nil && schema["additionalProperties"] != true || len(props) > 0 {
						out = append(out, at+"/"+name+" is not documented")
					}
					continue
				}
			}
			if writeOnly(p) {
				out = append(out, at+"/"+name+" is write-only and was answered")
			}
			out = append(out, against(spec, p, e, at+"/"+name)...)
		}
	}
	return out
}

func writeOnly(schema any) bool {
	p, _ := schema.(map[string]any)
	return p["writeOnly"] == true
}

func typeOf(v any, among []string) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case float64:
		if v == float64(int64(v)) && slices.Contains(among, "integer") {
			return "integer"
		}
		return "number"
	}
	return "object"
}

// walk visits every object of a document.
func walk(v any, at string, visit func(string, map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(at, v)
		for name, e := range v {
			walk(e, at+"/"+name, visit)
		}
	case []any:
		for n, e := range v {
			walk(e, fmt.Sprintf("%s/%d", at, n), visit)
		}
	}
}

// lookup follows a JSON pointer; nil when it leads nowhere.
func lookup(v any, pointer string) any {
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "#/"), "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
	}
	return v
}
