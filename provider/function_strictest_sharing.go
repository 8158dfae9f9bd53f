package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// sharingTypes are the attributes of what strictest_sharing answers.
var sharingTypes = func() map[string]attr.Type {
	out := map[string]attr.Type{}
	for _, name := range api.SharingAttributes() {
		switch api.SharingPolicyKind.Field(name).Type {
		case api.TypeBool:
			out[name] = types.BoolType
		case api.TypeInt:
			out[name] = types.Int64Type
		case api.TypeList:
			out[name] = types.ListType{ElemType: types.StringType}
		default:
			out[name] = types.StringType
		}
	}
	return out
}()

var strictestSharingFunction = pure{
	name: "strictest_sharing",
	definition: function.Definition{
		Summary: "The strictest of several sharing policies",
		MarkdownDescription: "Merges sharing policies, whole or in parts, as the server does where several hold: of each attribute the strictest. Lists of domains and roles that are allowed are what all of them name, lists of what is blocked are what any of them names. " +
			"What no policy says is null. Of approval policies, which have no order, the first one named stays. The arguments are `gatehouse_sharing_policy` or `gatehouse_sharing_policy_override` resources, or objects with any of their attributes.",
		VariadicParameter: function.DynamicParameter{Name: "policies", MarkdownDescription: "Sharing policies, or objects with any attributes of one."},
		Return:            function.ObjectReturn{AttributeTypes: sharingTypes},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var given []types.Dynamic
		if resp.Error = req.Arguments.Get(ctx, &given); resp.Error != nil {
			return
		}
		parts := make([]*api.SharingPolicyOverride, 0, len(given))
		for i, g := range given {
			doc, known, err := plainObject(g.UnderlyingValue())
			if err != nil {
				refuse(resp, int64(i), err.Error())
				return
			}
			if !known {
				set(ctx, resp, types.ObjectUnknown(sharingTypes))
				return
			}
			part, violations, err := api.SharingParts(doc)
			if err != nil {
				refuse(resp, int64(i), err.Error())
				return
			}
			if len(violations) > 0 {
				texts := make([]string, len(violations))
				for n, v := range violations {
					texts[n] = strings.TrimPrefix(v.Path, "/") + ": " + v.Message
				}
				refuse(resp, int64(i), strings.Join(texts, "; "))
				return
			}
			parts = append(parts, part)
		}
		values, err := sharingValues(api.StrictestSharing(parts...))
		if err != nil {
			refuse(resp, 0, err.Error())
			return
		}
		set(ctx, resp, object(sharingTypes, values))
	},
}

// plainObject turns an object of Terraform into plain values. known is false when a
// part of it is still to come.
func plainObject(v attr.Value) (doc map[string]any, known bool, err error) {
	if v == nil || v.IsNull() {
		return map[string]any{}, true, nil
	}
	out, known, err := plainValue(v)
	if err != nil || !known {
		return nil, known, err
	}
	doc, ok := out.(map[string]any)
	if !ok {
		return nil, true, fmt.Errorf("must be a sharing policy, or an object with attributes of one")
	}
	return doc, true, nil
}

func plainValue(v attr.Value) (out any, known bool, err error) {
	switch {
	case v.IsUnknown():
		return nil, false, nil
	case v.IsNull():
		return nil, true, nil
	}
	switch v := v.(type) {
	case types.Dynamic:
		return plainValue(v.UnderlyingValue())
	case types.String:
		return v.ValueString(), true, nil
	case types.Bool:
		return v.ValueBool(), true, nil
	case types.Int64:
		return float64(v.ValueInt64()), true, nil
	case types.Number:
		n, exact := v.ValueBigFloat().Float64()
		if exact != big.Exact {
			return nil, true, fmt.Errorf("%s is no whole number", v.String())
		}
		return n, true, nil
	case interface{ Attributes() map[string]attr.Value }:
		return plainMap(v.Attributes())
	case types.Map:
		return plainMap(v.Elements())
	case interface{ Elements() []attr.Value }:
		list := make([]any, 0, len(v.Elements()))
		for _, e := range v.Elements() {
			plain, known, err := plainValue(e)
			if err != nil || !known {
				return nil, known, err
			}
			list = append(list, plain)
		}
		return list, true, nil
	}
	return nil, true, fmt.Errorf("has a value that sharing policies do not have: %s", v.Type(context.Background()))
}

func plainMap(values map[string]attr.Value) (any, bool, error) {
	out := make(map[string]any, len(values))
	for name, e := range values {
		plain, known, err := plainValue(e)
		if err != nil || !known {
			return nil, known, err
		}
		if plain != nil {
			out[name] = plain
		}
	}
	return out, true, nil
}

// sharingValues writes a merged policy; what is unsaid is null.
func sharingValues(p *api.SharingPolicyOverride) (map[string]attr.Value, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("writing a sharing policy: %w", err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("writing a sharing policy: %w", err)
	}
	out := make(map[string]attr.Value, len(sharingTypes))
	for name, typ := range sharingTypes {
		switch typ {
		case types.BoolType:
			out[name] = types.BoolNull()
			if b, ok := doc[name].(bool); ok {
				out[name] = types.BoolValue(b)
			}
		case types.Int64Type:
			out[name] = types.Int64Null()
			if n, ok := doc[name].(float64); ok {
				out[name] = types.Int64Value(int64(n))
			}
		case types.StringType:
			out[name] = types.StringNull()
			if s, ok := doc[name].(string); ok && s != "" {
				out[name] = types.StringValue(s)
			}
		default:
			out[name] = types.ListNull(types.StringType)
		}
	}
	for name, list := range map[string][]string{"allowed_domains": p.AllowedDomains, "blocked_domains": p.BlockedDomains, "guest_inviter_roles": p.GuestInviterRoles} {
		if list != nil {
			out[name] = stringList(list)
		}
	}
	return out, nil
}
