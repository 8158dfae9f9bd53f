package provider

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// ValidateConfig checks what is known of a configuration without the server.
func (r *kindResource) ValidateConfig(_ context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	doc, missing := toDocument(r.kind.Fields(), req.Config.Raw)
	key := r.knownKey(doc, missing)
	r.addViolations(&resp.Diagnostics, key, r.offline(doc, missing))
}

// offline finds what is wrong with a document whose unknown attributes are missing.
// What one attribute alone shows is told by its fieldRule; here it is what needs
// the object as a whole.
func (d *definition) offline(doc map[string]any, missing unread) []api.Violation {
	var out []api.Violation
	told := map[string]bool{}
	if d.opts.Check != nil {
		out = append(out, d.opts.Check(doc)...)
	}
	for _, v := range out {
		told[v.Path] = true
	}
	if whole, ok := d.standIn(doc, missing); ok {
		obj, violations, err := d.kind.DecodeMap(whole)
		if err == nil && obj != nil {
			// The type checks again what could be checked of an incomplete document.
			out = append(out, slices.DeleteFunc(violations, func(v api.Violation) bool { return told[v.Path] })...)
		}
	}
	kept := out[:0]
	for _, v := range out {
		if missing.covers(v.Path) || v.Code == api.ViolationRequired && len(missing) > 0 {
			continue
		}
		kept = append(kept, v)
	}
	return kept
}

// standIn makes a document complete enough to be checked as a whole, by putting a
// stand-in for each reference that is not known yet. It is false when anything else
// is unknown: then the check could blame the wrong attribute.
func (d *definition) standIn(doc map[string]any, missing unread) (map[string]any, bool) {
	out := cloneDocument(doc)
	for _, at := range missing {
		name := strings.TrimPrefix(at, "/")
		f := d.kind.Field(name)
		if f == nil || f.Type != api.TypeString || !f.Required && !f.Immutable && f.Ref == "" {
			return nil, false
		}
		stand := map[string]string{"slug": "not-known", "email": "not-known@example.com", "path": "/not-known", "principal": "team:not-known"}[f.Format]
		if stand == "" {
			return nil, false
		}
		out[name] = stand
	}
	return out, true
}
