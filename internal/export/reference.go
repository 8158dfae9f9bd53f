package export

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// namedBy is the attribute by which others name an object of a kind.
var namedBy = map[string]string{
	"member": "email", "team": "slug", "service_account": "name", "role": "name",
	"sso_connection": "name", "project": "path", "folder": "path",
	"asset": "path", "collection": "path", "approval_policy": "name",
}

// meant are attributes that name an object of a kind if there is one, and may hold
// something else: a built-in role, a connection that only provisions.
var meant = map[string]string{
	"role": "role", "guest_inviter_roles": "role",
	"approval_policy": "approval_policy", "sponsor": "member", "teams": "team",
	"connection_name": "sso_connection", "exempt_principals": "member", "protected_principals": "member",
}

// index finds exported objects by what others call them.
type index struct{ byName map[string]map[string]*object }

func newIndex(objects []*object) *index {
	x := &index{byName: map[string]map[string]*object{}}
	for _, o := range objects {
		attr, ok := namedBy[o.kind.Name]
		if !ok {
			continue
		}
		if x.byName[o.kind.Name] == nil {
			x.byName[o.kind.Name] = map[string]*object{}
		}
		x.byName[o.kind.Name][o.text(attr)] = o
	}
	return x
}

// reference writes a value as a reference to what it names. It is nil where the value
// names nothing that is exported. Kinds refer to each other in one direction only, and
// items and teams to those above them, so that no circle can arise.
func (x *index) reference(from *object, f *api.Field, value string) hclwrite.Tokens {
	kind := f.Ref
	if kind == "" && f.Enum == nil {
		kind = meant[f.Name]
	}
	switch {
	case kind != "":
		if to := x.find(kind, value); to != nil && to != from {
			return traversal(to)
		}
	case f.Format == "principal", f.Format == "approver":
		who, key, _ := api.SplitPrincipal(value)
		if to := x.find(who, key); to != nil {
			return template(who+":", to, "")
		}
	case f.Format == "path", f.Name == "paths":
		return x.path(from, value)
	}
	return nil
}

func (x *index) find(kind, name string) *object { return x.byName[kind][name] }

// path refers to the item, or else to the nearest item above that is exported.
func (x *index) path(from *object, value string) hclwrite.Tokens {
	for above := value; above != ""; above = above[:max(0, strings.LastIndexByte(above, '/'))] {
		var to *object
		for _, kind := range []string{"project", "folder", "asset", "collection"} {
			if to = x.find(kind, above); to != nil {
				break
			}
		}
		switch {
		case to == nil || to == from:
			continue
		case above == value:
			return traversal(to)
		}
		return template("", to, value[len(above):])
	}
	return nil
}

func traversal(to *object) hclwrite.Tokens {
	return hclwrite.TokensForTraversal(hcl.Traversal{
		hcl.TraverseRoot{Name: "gatehouse_" + to.kind.Name},
		hcl.TraverseAttr{Name: to.name},
		hcl.TraverseAttr{Name: namedBy[to.kind.Name]},
	})
}

// template is a string with one reference in it.
func template(before string, to *object, after string) hclwrite.Tokens {
	out := hclwrite.Tokens{token(hclsyntax.TokenOQuote, `"`)}
	out = append(out, literal(before)...)
	out = append(out, token(hclsyntax.TokenTemplateInterp, "${"))
	out = append(out, traversal(to)...)
	out = append(out, token(hclsyntax.TokenTemplateSeqEnd, "}"))
	out = append(out, literal(after)...)
	return append(out, token(hclsyntax.TokenCQuote, `"`))
}

// literal is the inner part of a quoted string.
func literal(s string) hclwrite.Tokens {
	if s == "" {
		return nil
	}
	quotedWhole := quoted(s)
	return quotedWhole[1 : len(quotedWhole)-1]
}

func token(typ hclsyntax.TokenType, text string) *hclwrite.Token {
	return &hclwrite.Token{Type: typ, Bytes: []byte(text)}
}
