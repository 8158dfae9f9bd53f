package export

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// providerSource is the provider's source in the registry.
const providerSource = "gatehouse-access/gatehouse"

// render writes the files.
func (s *selection) render() (*Result, error) {
	out := &Result{Workspace: s.workspace, Resources: len(s.objects), LeftOut: s.leftOut}
	out.Files = append(out.Files, File{"main.tf", s.main()})
	x := newIndex(s.objects)
	var secrets []secret
	for _, f := range families {
		content, more, err := s.family(f, x)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, more...)
		if content != nil {
			out.Files = append(out.Files, File{f.file, content})
		}
	}
	if len(secrets) > 0 {
		out.Files = append(out.Files, File{"variables.tf", variables(secrets)})
	}
	if len(s.objects) > 0 {
		out.Files = append(out.Files, File{"imports.tf", s.imports()})
	}
	for _, f := range out.Files {
		if _, diags := hclsyntax.ParseConfig(f.Content, f.Name, hcl.InitialPos); diags.HasErrors() {
			return nil, fmt.Errorf("what was written is not HCL, which is a mistake in gatehouse; please report it: %w", diags)
		}
	}
	return out, nil
}

// main is the file that a working folder starts with.
func (s *selection) main() []byte {
	f := hclwrite.NewEmptyFile()
	comment(f.Body(), fmt.Sprintf("The workspace %s as code, written by `gatehouse export`.", s.workspace))
	terraform := f.Body().AppendNewBlock("terraform", nil).Body()
	terraform.SetAttributeValue("required_version", cty.StringVal(">= 1.11"))
	terraform.AppendNewBlock("required_providers", nil).Body().
		SetAttributeValue("gatehouse", cty.ObjectVal(map[string]cty.Value{"source": cty.StringVal(providerSource)}))
	f.Body().AppendNewline()
	comment(f.Body(), "endpoint and token come from GATEHOUSE_ENDPOINT and GATEHOUSE_TOKEN. The stack owns",
		"what this configuration manages: choose it once and keep it for the life of the state.")
	provider := f.Body().AppendNewBlock("provider", []string{"gatehouse"}).Body()
	provider.SetAttributeValue("workspace", cty.StringVal(s.workspace))
	provider.SetAttributeValue("stack", cty.StringVal(s.workspace))
	return hclwrite.Format(f.Bytes())
}

// family writes one file; it is nil when there is nothing to say.
func (s *selection) family(fam family, x *index) ([]byte, []secret, error) {
	f := hclwrite.NewEmptyFile()
	comment(f.Body(), fam.about)
	var secrets []secret
	empty := true
	for _, o := range s.objects {
		if fileOf(o.kind) != fam.file {
			continue
		}
		w := &writer{object: o, index: x}
		lines, err := w.lines("", o.kind.Fields(), o.doc, false, 1)
		if err != nil {
			return nil, nil, err
		}
		secrets = append(secrets, w.secrets...)
		empty = false
		f.Body().AppendNewline()
		body := f.Body().AppendNewBlock("resource", []string{"gatehouse_" + o.kind.Name, o.name}).Body()
		if len(lines) == 0 {
			comment(body, "Every setting is the server's default.")
		}
		for _, l := range lines {
			if l.comment != "" {
				comment(body, strings.TrimPrefix(l.comment, "# "))
				continue
			}
			body.SetAttributeRaw(l.name, l.value)
		}
	}
	absent := []string{}
	for _, l := range s.leftOut {
		if fileOf(l.Kind) == fam.file {
			absent = append(absent, l.String())
		}
	}
	switch {
	case len(absent) > 0:
		f.Body().AppendNewline()
		comment(f.Body(), absent...)
	case empty:
		return nil, nil, nil
	}
	return hclwrite.Format(f.Bytes()), secrets, nil
}

// namedKeys is how many keys a comment names.
const namedKeys = 5

// String says what is not in the configuration, in one line.
func (l LeftOut) String() string {
	quotedKeys := make([]string, 0, namedKeys)
	for _, key := range l.Keys[:min(len(l.Keys), namedKeys)] {
		quotedKeys = append(quotedKeys, strconv.Quote(key))
	}
	named := strings.Join(quotedKeys, ", ")
	if more := len(l.Keys) - namedKeys; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	what := l.Kind.Plural
	if len(l.Keys) == 1 || l.Kind.Singleton {
		what = l.Kind.Name
	}
	return fmt.Sprintf("Not here: %d %s (%s), because %s.", len(l.Keys), strings.ReplaceAll(what, "_", " "), named, l.Reason)
}

// variables are what only a person can give: secrets, which no export can read.
func variables(secrets []secret) []byte {
	f := hclwrite.NewEmptyFile()
	comment(f.Body(), "Secrets are write-only: the control plane never gives one back, and keeps the one that it",
		"has. To send another, uncomment the variable here and the argument where it is used, and",
		"raise the version beside it.")
	for _, s := range secrets {
		f.Body().AppendNewline()
		comment(f.Body(), fmt.Sprintf("%s of %s", s.attribute, s.address), "",
			fmt.Sprintf("variable %q {", s.variable), "  type      = string", "  ephemeral = true", "}")
	}
	return f.Bytes()
}

// imports are the blocks that take every object into the state.
func (s *selection) imports() []byte {
	f := hclwrite.NewEmptyFile()
	comment(f.Body(), "Takes what exists into the state. Delete this file when it has been applied.")
	for _, o := range s.objects {
		f.Body().AppendNewline()
		body := f.Body().AppendNewBlock("import", nil).Body()
		body.SetAttributeTraversal("to", hcl.Traversal{hcl.TraverseRoot{Name: "gatehouse_" + o.kind.Name}, hcl.TraverseAttr{Name: o.name}})
		body.SetAttributeRaw("id", quoted(s.importID(o)))
	}
	return hclwrite.Format(f.Bytes())
}

// comment appends lines of comment. A line break in a text would let what follows it
// out of the comment, so there is none.
func comment(body *hclwrite.Body, lines ...string) {
	for _, l := range lines {
		text := strings.TrimRight("# "+strings.Map(oneLine, l), " ") + "\n"
		body.AppendUnstructuredTokens(hclwrite.Tokens{token(hclsyntax.TokenComment, text)})
	}
}

func oneLine(r rune) rune {
	if r < ' ' || r == '\u0085' || r == '\u2028' || r == '\u2029' {
		return ' '
	}
	return r
}
