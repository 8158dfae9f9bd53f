package export

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// hostile are texts that HCL could take for more than text.
var hostile = []string{
	"", " ", "plain", `"quoted"`, `back\slash \n \u0041 \`, "tab\tand\rreturn", "two\nlines", "ends with a line\n",
	"${injected}", "%{ if true }", "$${", "$$${x}", "%%{", "$", "%", "a$", "a%", "${", "%{", "$ {", "${\"${\"}", "}", "~}",
	"# no comment", "// none", "/* none */", "<<EOT", "EOT", "a\nEOT\nb\nc", "a\n  EOT\nb\nc\n",
	"one\ntwo\nthree", "one\ntwo\nthree\n", "one\ntwo\nthree\n\n", "\none\ntwo\n", "  one\n    two\n  three", "one\n\n\ntwo",
	"${a}\n%{b}\n$${c}\n", "a\n$$${x}\nb\n%%{y}\n", "a\\\nb\\n\nc\n", "one \ntwo \nthree ", "x\n\ty\nz", "x\r\ny\r\nz\r\n",
	"日本語 — “quotes” 🙂", "🙂\n日本\nñ\n", "\u202eright to left", "nul\x00bel\x07", "line\u2028separator", "\ufeffmark", "{\n}\n\"\n",
	"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
}

// evaluated reads back what is written for a text, at the top of a block and below.
func evaluated(t *testing.T, s string) []string {
	t.Helper()
	o := &object{kind: api.TeamKind, name: "x", doc: client.Document{"name": s, "slug": "x"}}
	w := &writer{object: o, index: newIndex(nil)}
	f := hclwrite.NewEmptyFile()
	body := f.Body().AppendNewBlock("resource", []string{"a", "b"}).Body()
	fields := []api.Field{
		{Name: "top", Type: api.TypeString, Required: true},
		{Name: "list", Type: api.TypeList, Required: true},
		{Name: "map", Type: api.TypeMap, Required: true},
		{Name: "object", Type: api.TypeObject, Fields: []api.Field{{Name: "inner", Type: api.TypeString, Required: true}, {Name: "after", Type: api.TypeInt}}},
		{Name: "last", Type: api.TypeInt},
	}
	doc := map[string]any{
		"top": s, "list": []any{s, "x"}, "map": map[string]any{"for": s, s: "x"},
		"object": map[string]any{"inner": s, "after": float64(1)}, "last": float64(2),
	}
	lines, err := w.lines("", fields, doc, false, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		body.SetAttributeRaw(l.name, l.value)
	}
	text := hclwrite.Format(f.Bytes())
	parsed, diags := hclsyntax.ParseConfig(text, "x.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%q is written as what is not HCL: %v\n%s", s, diags, text)
	}
	ctx := &hcl.EvalContext{Functions: map[string]function.Function{"chomp": stdlib.ChompFunc}}
	attrs := parsed.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes
	get := func(name string) cty.Value {
		v, diags := attrs[name].Expr.Value(ctx)
		if diags.HasErrors() {
			t.Fatalf("%q is written as what cannot be evaluated: %v\n%s", s, diags, text)
		}
		return v
	}
	out := []string{get("top").AsString(), get("list").Index(cty.NumberIntVal(0)).AsString(), get("object").GetAttr("inner").AsString()}
	m := get("map").AsValueMap()
	out = append(out, m["for"].AsString())
	for key, v := range m {
		if v.AsString() == "x" && (key != "for" || s == "for") {
			out = append(out, key)
		}
	}
	if get("last").AsBigFloat().String() != "2" {
		t.Errorf("%q spills into what comes after it:\n%s", s, text)
	}
	return out
}

func TestTextComesBackAsItWas(t *testing.T) {
	for _, s := range hostile {
		for _, got := range evaluated(t, s) {
			if got != s {
				t.Errorf("%q comes back as %q", s, got)
			}
		}
	}
}

func FuzzTextComesBackAsItWas(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// JSON carries valid UTF-8 only, and Terraform knows text in normal form only.
		s = cty.NormalizeString(strings.ToValidUTF8(s, "?"))
		for _, got := range evaluated(t, s) {
			if got != s {
				t.Errorf("%q comes back as %q", s, got)
			}
		}
	})
}

func TestLongTextIsReadable(t *testing.T) {
	const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	for _, tt := range []struct{ text, want string }{
		{pem, "<<-EOT\n    -----BEGIN CERTIFICATE-----\n    MIIB\n    -----END CERTIFICATE-----\n  EOT"},
		{strings.TrimSuffix(pem, "\n"), "chomp(<<-EOT\n    -----BEGIN CERTIFICATE-----\n    MIIB\n    -----END CERTIFICATE-----\n  EOT\n)"},
		{"a\n  b\nc\n", "<<-EOT\n    a\n      b\n    c\n  EOT"},
		{"  a\n  b\n  c\n", "<<EOT\n  a\n  b\n  c\nEOT"},
		{"a\n\nc\n", "<<EOT\na\n\nc\nEOT"},
		{"two\nlines", `"two\nlines"`},
	} {
		w := &writer{object: &object{kind: api.TeamKind}, index: newIndex(nil)}
		got := string(w.text(&api.Field{Name: "description"}, tt.text, 1).Bytes())
		if got != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, tt.want)
		}
	}
}
