package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var statementTypes = map[string]attr.Type{
	"effect":      types.StringType,
	"permissions": types.ListType{ElemType: types.StringType},
	"paths":       types.ListType{ElemType: types.StringType},
}

var permissionFunction = pure{
	name: "permission",
	definition: function.Definition{
		Summary:             "A statement of a custom role",
		MarkdownDescription: "Builds one statement of `gatehouse_role`: it allows or denies permissions on a path and everything below. Unknown permissions are refused while Terraform plans.",
		Parameters: []function.Parameter{
			text("effect", "`allow` or `deny`; a deny always wins."),
			text("path", "Item path, e.g. `/finance`; `*` stands for any characters of a segment. The empty string leaves the path to the scope of the assignment."),
		},
		VariadicParameter: text("permissions", "Permissions, e.g. `asset.read`, `share_link.*` or `*`."),
		Return:            function.ObjectReturn{AttributeTypes: statementTypes},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var effect, at string
		var permissions []string
		if resp.Error = req.Arguments.Get(ctx, &effect, &at, &permissions); resp.Error != nil {
			return
		}
		if effect != "allow" && effect != "deny" {
			refuse(resp, 0, fmt.Sprintf("%q is not one of allow, deny", effect))
		}
		paths := []string{}
		if at != "" {
			pattern, err := vocabulary.ParsePathPattern(at)
			if err != nil {
				refuse(resp, 1, err.Error())
			}
			paths = append(paths, pattern.String())
		}
		if len(permissions) == 0 {
			refuse(resp, 2, "give at least one permission, e.g. asset.read")
		}
		for i, p := range permissions {
			if _, err := vocabulary.Expand(p); err != nil {
				refuse(resp, int64(2+i), err.Error())
			}
		}
		if resp.Error != nil {
			return
		}
		set(ctx, resp, object(statementTypes, map[string]attr.Value{
			"effect": types.StringValue(effect), "permissions": stringList(permissions), "paths": stringList(paths),
		}))
	},
}

var scopeContainsFunction = pure{
	name: "scope_contains",
	definition: function.Definition{
		Summary:             "Whether one item path lies below another",
		MarkdownDescription: "True when the item at `child` is the item at `parent` or lies below it. Whole segments are compared: `/fin` does not contain `/finance`.",
		Parameters:          []function.Parameter{text("parent", "Item path, e.g. `/finance`; `/` is the workspace."), text("child", "Item path.")},
		Return:              function.BoolReturn{},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var given [2]string
		if !stringArguments(ctx, req, resp, &given[0], &given[1]) {
			return
		}
		var paths [2]string
		for i := range given {
			norm, err := vocabulary.NormalizePath(given[i])
			if err != nil {
				refuse(resp, int64(i), err.Error())
				return
			}
			paths[i] = norm
		}
		set(ctx, resp, vocabulary.ScopeContains(paths[0], paths[1]))
	},
}

var levelAllowsFunction = pure{
	name: "level_allows",
	definition: function.Definition{
		Summary:             "Whether a level includes a permission",
		MarkdownDescription: "True when the level (`view`, `comment`, `edit`, `manage`, `full_access`, or its role name) alone includes the item permission. Viewing does not include commenting.",
		Parameters:          []function.Parameter{text("level", "Level, e.g. `edit`."), text("permission", "Permission, e.g. `asset.download`.")},
		Return:              function.BoolReturn{},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var level, permission string
		if !stringArguments(ctx, req, resp, &level, &permission) {
			return
		}
		l, err := vocabulary.ParseLevel(level)
		if err != nil {
			refuse(resp, 0, err.Error())
			return
		}
		if !vocabulary.Known(permission) {
			_, err := vocabulary.Expand(permission)
			if err == nil {
				err = fmt.Errorf("%q is a pattern; give one permission", permission)
			}
			refuse(resp, 1, err.Error())
			return
		}
		set(ctx, resp, vocabulary.LevelAllows(l, permission))
	},
}

var principalFunction = pure{
	name: "principal",
	definition: function.Definition{
		Summary:             "The written form of a principal",
		MarkdownDescription: "Writes `kind:key`, checked and in lower case: `principal(\"member\", \"Ann@Example.com\")` is `member:ann@example.com`.",
		Parameters: []function.Parameter{
			text("kind", "`member`, `service_account`, `team`, `group` or `email`."),
			text("key", "E-mail address, slug or group name."),
		},
		Return: function.StringReturn{},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var kind, key string
		if !stringArguments(ctx, req, resp, &kind, &key) {
			return
		}
		norm, message := api.Normalise("principal", kind+":"+key)
		if message != "" {
			refuse(resp, 0, message)
			return
		}
		set(ctx, resp, norm)
	},
}

var principalTypes = map[string]attr.Type{"kind": types.StringType, "key": types.StringType}

var parsePrincipalFunction = pure{
	name: "parse_principal",
	definition: function.Definition{
		Summary:             "The parts of a principal",
		MarkdownDescription: "Takes `kind:key` apart: `parse_principal(\"team:design\")` is `{ kind = \"team\", key = \"design\" }`.",
		Parameters:          []function.Parameter{text("principal", "Principal, e.g. `member:ann@example.com`.")},
		Return:              function.ObjectReturn{AttributeTypes: principalTypes},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var s string
		if !stringArguments(ctx, req, resp, &s) {
			return
		}
		p, err := vocabulary.ParsePrincipal(s)
		if err != nil {
			refuse(resp, 0, err.Error())
			return
		}
		set(ctx, resp, object(principalTypes, map[string]attr.Value{"kind": types.StringValue(string(p.Kind)), "key": types.StringValue(p.Key)}))
	},
}

var durationFunction = pure{
	name: "duration",
	definition: function.Definition{
		Summary:             "The seconds of a duration",
		MarkdownDescription: "Reads a duration as policies write them (`30m`, `12h`, `90d`, `2w`, `1d12h`) and gives its seconds: `duration(\"90d\") / 86400` is 90.",
		Parameters:          []function.Parameter{text("duration", "Duration, e.g. `90d`.")},
		Return:              function.Int64Return{},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var s string
		if !stringArguments(ctx, req, resp, &s) {
			return
		}
		d, err := api.ParseDuration(s)
		if err != nil {
			refuse(resp, 0, err.Error())
			return
		}
		set(ctx, resp, int64(d.Seconds()))
	},
}
