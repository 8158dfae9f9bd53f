package provider

import (
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// attributePath turns a JSON pointer (RFC 6901) into the path of the attribute that
// the user wrote. It stops at the collection where order says nothing. It is false
// when the pointer names no attribute.
func attributePath(fields []api.Field, pointer string) (path.Path, bool) {
	tokens := pointerTokens(pointer)
	if len(tokens) == 0 {
		return path.Empty(), false
	}
	at := path.Empty()
	for len(tokens) > 0 {
		f := fieldNamed(fields, tokens[0])
		if f == nil {
			return at, len(at.Steps()) > 0
		}
		at, tokens = at.AtName(f.Name), tokens[1:]
		if len(tokens) == 0 {
			break
		}
		switch f.Type {
		case api.TypeMap:
			return at.AtMapKey(tokens[0]), true
		case api.TypeList:
			n, err := strconv.Atoi(tokens[0])
			if err != nil || n < 0 || !f.Ordered {
				return at, true
			}
			at, tokens = at.AtListIndex(n), tokens[1:]
		}
		fields = f.Fields
	}
	return at, true
}

// writtenAt cuts a path to the part whose line Terraform can show: an attribute of the
// resource, or one element of it. For what lies deeper it would show the first line of
// the block, where nothing is wrong.
func writtenAt(at path.Path) path.Path {
	steps := at.Steps()
	shown := path.Empty()
	for i, step := range steps {
		switch step := step.(type) {
		case path.PathStepAttributeName:
			if i > 0 {
				return shown
			}
			shown = shown.AtName(string(step))
		case path.PathStepElementKeyInt:
			shown = shown.AtListIndex(int(step))
		case path.PathStepElementKeyString:
			shown = shown.AtMapKey(string(step))
		default:
			return shown
		}
	}
	return shown
}

func fieldNamed(fields []api.Field, name string) *api.Field {
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}

func pointerTokens(pointer string) []string {
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok {
		return nil
	}
	tokens := strings.Split(rest, "/")
	for i, t := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens
}

// covers reports whether one of the attributes that are not known yet is the
// pointer's own, one around it, or one inside it.
func (u unread) covers(pointer string) bool {
	for _, at := range u {
		if at == pointer || strings.HasPrefix(at, pointer+"/") || strings.HasPrefix(pointer, at+"/") {
			return true
		}
	}
	return false
}

func (u unread) has(pointer string) bool {
	for _, at := range u {
		if at == pointer {
			return true
		}
	}
	return false
}
