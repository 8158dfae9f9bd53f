package sharing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// ReferenceItem is the kind that a missing item is reported under: the path alone
// does not say whether a project, a folder or something else was meant.
const ReferenceItem = "item"

// itemKind is the kind of the item at a path, "" when there is none.
func itemKind(ctx context.Context, s *object.Scope, path string) (string, error) {
	var kind string
	err := s.Tx.QueryRowContext(ctx, `SELECT kind FROM item WHERE workspace_id = $1 AND key = $2 LIMIT 1`, s.WorkspaceID, path).Scan(&kind)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking for the item %s: %w", path, err)
	}
	return kind, nil
}

// checkItem is the violation of a path at which there is no item.
func checkItem(ctx context.Context, s *object.Scope, at, path string) ([]api.Violation, error) {
	kind, err := itemKind(ctx, s, path)
	if err != nil || kind != "" {
		return nil, err
	}
	return []api.Violation{{Path: at, Code: api.ViolationReference, Kind: ReferenceItem, Key: path,
		Message: fmt.Sprintf("there is no item %q; create it first, and in Terraform write the path attribute of its resource (gatehouse_project.….path, gatehouse_folder.….path) so that it is created before", path)}}, nil
}

// checkParent is the violation of an item under nothing. The top needs no parent.
func checkParent(ctx context.Context, s *object.Scope, path string) ([]api.Violation, error) {
	parent := vocabulary.ParentPath(path)
	if parent == vocabulary.RootPath {
		return nil, nil
	}
	kind, err := itemKind(ctx, s, parent)
	if err != nil {
		return nil, err
	}
	switch kind {
	case api.CollectionKind.Name:
		return []api.Violation{api.Invalid("/path", "%s is a collection, which references assets and holds nothing; choose a path in a project or folder", parent)}, nil
	case api.AssetKind.Name:
		return []api.Violation{api.Invalid("/path", "%s is an asset, and nothing lies below one; choose a path in a project or folder", parent)}, nil
	}
	return checkItem(ctx, s, "/path", parent)
}

// checkPlace is the violation of a path at which an item cannot be made.
func checkPlace(ctx context.Context, s *object.Scope, kind *api.Kind, path string) ([]api.Violation, error) {
	out, err := checkParent(ctx, s, path)
	if err != nil {
		return nil, err
	}
	more, err := checkUnused(ctx, s, kind, path)
	return append(out, more...), err
}

// projectOf is the path of the nearest project above a path, "" when there is none.
// It stays the same for as long as the item is there: neither paths nor kinds change,
// and nothing that holds something is deleted.
func projectOf(ctx context.Context, s *object.Scope, path string) (string, error) {
	for at := vocabulary.ParentPath(path); at != vocabulary.RootPath; at = vocabulary.ParentPath(at) {
		kind, err := itemKind(ctx, s, at)
		if err != nil {
			return "", err
		}
		if kind == api.ProjectKind.Name {
			return at, nil
		}
	}
	return "", nil
}

// checkUnused refuses a second item of another kind at a path; of the same kind, the
// pipeline does.
func checkUnused(ctx context.Context, s *object.Scope, kind *api.Kind, path string) ([]api.Violation, error) {
	is, err := itemKind(ctx, s, path)
	if err != nil || is == "" || is == kind.Name {
		return nil, err
	}
	return []api.Violation{api.Invalid("/path", "there is %s at %s already; choose another path for the %s", withArticle(is), path, kind.Name)}, nil
}

func withArticle(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// holder is what is known about somebody who is given access.
type holder struct {
	kind, key string
	missing   *api.Kind // kind that should have it and has not
	guest     bool      // a guest, or a person outside who will be one
}

// findHolder looks a principal up. Groups come and go with the identity provider, and
// people known by e-mail have no account yet: neither needs to exist.
func findHolder(ctx context.Context, s *object.Scope, principal string) (holder, error) {
	kind, key, _ := api.SplitPrincipal(principal)
	h := holder{kind: kind, key: key, guest: kind == "email"}
	var exists bool
	var err error
	switch kind {
	case object.PrincipalMember:
		var role string
		if role, err = memberRole(ctx, s, key); role == "" {
			h.missing = api.MemberKind
		}
		h.guest = role == string(vocabulary.RoleGuest)
	case "team":
		if exists, err = s.Exists(ctx, api.TeamKind, key); !exists {
			h.missing = api.TeamKind
		}
	case object.PrincipalServiceAccount:
		if exists, err = s.Exists(ctx, api.ServiceAccountKind, key); !exists {
			h.missing = api.ServiceAccountKind
		}
	}
	return h, err
}

// memberRole is the workspace role of a member, "" when there is none of that e-mail.
func memberRole(ctx context.Context, s *object.Scope, email string) (string, error) {
	var role string
	err := s.Tx.QueryRowContext(ctx, `SELECT role FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $2`, s.WorkspaceID, email).Scan(&role)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading member %s: %w", email, err)
	}
	return role, nil
}

// namedRole is what a role name means: a built-in level or a custom role.
type namedRole struct {
	level  vocabulary.Level
	custom *api.Role // nil for a built-in role
}

// findRole resolves a role name; nil when there is no such role.
func findRole(ctx context.Context, s *object.Scope, name string) (*namedRole, error) {
	if level, builtin := access.IsBuiltinRole(name); builtin {
		return &namedRole{level: level}, nil
	}
	role, err := object.Find[*api.Role](ctx, s, api.RoleKind, strings.ToLower(name))
	if err != nil || role == nil {
		return nil, err
	}
	out := &namedRole{custom: role}
	if role.BaseLevel != "" {
		if out.level, err = vocabulary.ParseLevel(role.BaseLevel); err != nil {
			return nil, fmt.Errorf("reading role %s: %w", role.Name, err)
		}
	}
	return out, nil
}

func missingRole(at, name string) api.Violation {
	v := object.MissingReference(at, api.RoleKind, name)
	v.Message += "; the built-in roles are viewer, commenter, editor, manager and admin"
	return v
}

// checkExpiry refuses an end in the past, where it is new: what has ended already may
// still be described otherwise.
func checkExpiry(s *object.Scope, at string, was, is *time.Time) []api.Violation {
	if is == nil || is.After(s.Now) || was != nil && was.Equal(*is) {
		return nil
	}
	return []api.Violation{api.Invalid(at, "%s is in the past; write a time to come, e.g. %s, or leave it out for access that does not end by itself",
		is.UTC().Format(time.RFC3339), s.Now.AddDate(0, 0, 90).Format("2006-01-02T00:00:00Z"))}
}
