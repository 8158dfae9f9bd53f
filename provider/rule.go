package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// fieldRule checks one attribute by itself, with the same tables and words as the
// server. What needs more than one attribute is checked in engine_check.go.
type fieldRule struct {
	field *api.Field
	// hint is appended to every refusal: where to say instead what was meant here.
	hint string
}

var (
	_ validator.String = fieldRule{}
	_ validator.Int64  = fieldRule{}
	_ validator.List   = fieldRule{}
	_ validator.Set    = fieldRule{}
	_ validator.Map    = fieldRule{}
)

func (r fieldRule) Description(context.Context) string {
	switch f := r.field; {
	case len(f.Enum) > 0:
		return "must be one of " + strings.Join(f.Enum, ", ")
	case f.Format != "":
		return "must be in the form of a " + f.Format
	case f.Min != nil || f.Max != nil:
		return "must be " + rangeText(f)
	}
	return "must be as documented"
}

func (r fieldRule) MarkdownDescription(ctx context.Context) string { return r.Description(ctx) }

func (r fieldRule) refuse(diags *diag.Diagnostics, at path.Path, format string, args ...any) {
	detail := fmt.Sprintf(format, args...)
	if r.hint != "" {
		detail += "\n\n" + r.hint
	}
	diags.AddAttributeError(at, "Invalid "+r.field.Name, detail)
}

// ValidateString checks length, allowed values and format.
func (r fieldRule) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	s := req.ConfigValue.ValueString()
	if s == "" && r.field.Required {
		r.refuse(&resp.Diagnostics, req.Path, "must not be empty")
		return
	}
	if message := wrongString(r.field, s); message != "" {
		r.refuse(&resp.Diagnostics, req.Path, "%s", message)
	}
}

func wrongString(f *api.Field, s string) string {
	switch {
	case len(s) > f.MaxLength:
		return fmt.Sprintf("is %d bytes long; at most %d are allowed", len(s), f.MaxLength)
	case s == "":
		return ""
	case len(f.Enum) > 0 && !slices.Contains(f.Enum, s):
		return fmt.Sprintf("%q is not one of %s%s", s, strings.Join(f.Enum, ", "), nearest(s, f.Enum))
	case f.Type == api.TypeTime:
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			return fmt.Sprintf("%q is not an RFC 3339 time; write e.g. 2027-06-30T00:00:00Z", s)
		}
		return ""
	}
	_, message := api.Normalise(f.Format, s)
	return message
}

// nearest proposes the allowed value that differs from s in case or an ending only.
func nearest(s string, allowed []string) string {
	low := strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(s))
	for _, a := range allowed {
		if a == low || len(low) > 3 && (strings.HasPrefix(a, low) || strings.HasPrefix(low, a)) {
			return fmt.Sprintf("; did you mean %q?", a)
		}
	}
	return ""
}

// ValidateInt64 checks the range.
func (r fieldRule) ValidateInt64(_ context.Context, req validator.Int64Request, resp *validator.Int64Response) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	f, n := r.field, req.ConfigValue.ValueInt64()
	if f.Min != nil && n < *f.Min || f.Max != nil && n > *f.Max {
		r.refuse(&resp.Diagnostics, req.Path, "%d is out of range; write a number %s", n, rangeText(f))
	}
}

func rangeText(f *api.Field) string {
	switch {
	case f.Min != nil && f.Max != nil:
		return fmt.Sprintf("from %d to %d", *f.Min, *f.Max)
	case f.Min != nil:
		return fmt.Sprintf("of at least %d", *f.Min)
	}
	return fmt.Sprintf("of at most %d", *f.Max)
}

// ValidateList checks number and elements.
func (r fieldRule) ValidateList(_ context.Context, req validator.ListRequest, resp *validator.ListResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	r.elements(&resp.Diagnostics, req.Path, req.ConfigValue.Elements(), func(i int, _ attr.Value) path.Path {
		return req.Path.AtListIndex(i)
	})
}

// ValidateSet checks number and elements.
func (r fieldRule) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	r.elements(&resp.Diagnostics, req.Path, req.ConfigValue.Elements(), func(_ int, v attr.Value) path.Path {
		return req.Path.AtSetValue(v)
	})
}

func (r fieldRule) elements(diags *diag.Diagnostics, at path.Path, elements []attr.Value, where func(int, attr.Value) path.Path) {
	f := r.field
	if len(elements) > f.MaxItems {
		r.refuse(diags, at, "has %d elements; at most %d are allowed", len(elements), f.MaxItems)
		return
	}
	if f.Required && len(elements) == 0 {
		r.refuse(diags, at, "must not be empty")
	}
	if f.Fields != nil {
		return
	}
	element := &api.Field{Name: f.Name, Type: api.TypeString, Format: f.Format, Enum: f.Items, MaxLength: 20000}
	for i, e := range elements {
		s, ok := e.(basetypes.StringValue)
		if !ok || s.IsUnknown() {
			continue
		}
		message := wrongString(element, s.ValueString())
		if s.ValueString() == "" {
			message = "must be a string that is not empty"
		}
		if message != "" {
			r.refuse(diags, where(i, e), "%s", message)
		}
	}
}

// ValidateMap checks number, keys and values. Keys must be written in their one
// form: two keys that differ in case would be one entry on the server, and
// Terraform would see a different map come back.
func (r fieldRule) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	f, entries := r.field, req.ConfigValue.Elements()
	if len(entries) > f.MaxItems {
		r.refuse(&resp.Diagnostics, req.Path, "has %d entries; at most %d are allowed", len(entries), f.MaxItems)
		return
	}
	value := &api.Field{Name: f.Name, Type: api.TypeString, Enum: f.Values, MaxLength: f.MaxLength}
	for key, e := range entries {
		at := req.Path.AtMapKey(key)
		norm, message := api.Normalise(f.KeyFormat, key)
		switch {
		case message != "":
			r.refuse(&resp.Diagnostics, at, "%s", message)
		case norm != key:
			r.refuse(&resp.Diagnostics, at, "the key %q must be written %q; use lower(…) where the key is computed", key, norm)
		}
		s, ok := e.(basetypes.StringValue)
		if !ok || s.IsUnknown() {
			continue
		}
		if s.IsNull() {
			r.refuse(&resp.Diagnostics, at, "the value of %q must not be null", key)
		} else if message := wrongString(value, s.ValueString()); message != "" {
			r.refuse(&resp.Diagnostics, at, "%s", message)
		}
	}
}
