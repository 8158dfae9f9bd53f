package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// Users lists people.
func (d *Directory) Users(ctx context.Context, q scim.Query) (scim.Page[scim.User], error) {
	var page scim.Page[scim.User]
	err := d.view(ctx, func(s *object.Scope) error {
		c := newCompiler(s.Tx.Dialect(), users, s.WorkspaceID, s.Caller.Key)
		l, err := newList(c, q, "u.member_id, u.doc, u.version, u.created_at, u.updated_at")
		if err != nil {
			return err
		}
		page, err = readPage(ctx, s.Tx, l, q, func(row rowScanner, extra ...any) (scim.User, error) {
			var id, doc string
			var version, created, updated int64
			if err := row.Scan(append([]any{&id, &doc, &version, &created, &updated}, extra...)...); err != nil {
				return scim.User{}, fmt.Errorf("reading a user: %w", err)
			}
			return userFrom(id, doc, version, time.UnixMicro(created), time.UnixMicro(updated))
		})
		if err != nil {
			return err
		}
		return complete(ctx, s, page.Resources, q.Projection)
	})
	return page, err
}

// User returns one person.
func (d *Directory) User(ctx context.Context, id string, p scim.Projection) (scim.User, error) {
	var u scim.User
	err := d.view(ctx, func(s *object.Scope) error {
		i, err := provisioning.FindIdentity(ctx, s, id)
		if err != nil {
			return err
		}
		u, err = userOf(ctx, s, i, p)
		return err
	})
	return u, err
}

// CreateUser joins a person: new, linked or back again.
func (d *Directory) CreateUser(ctx context.Context, u scim.User) (scim.User, error) {
	p, err := personOf(u)
	if err != nil {
		return scim.User{}, err
	}
	var out scim.User
	err = d.apply(ctx, func(s *object.Scope, e *provisioning.Event) error {
		i, err := provisioning.Join(ctx, s, p, e)
		if err != nil {
			return err
		}
		e.Status = 201
		out, err = userOf(ctx, s, i, scim.Projection{WithGroups: e.Operation == provisioning.OperationRejoin})
		return err
	})
	return out, err
}

// UpdateUser changes a person in one step.
func (d *Directory) UpdateUser(ctx context.Context, id string, ifMatch scim.Versions, p scim.Projection, change func(*scim.User) error) (scim.User, error) {
	var out scim.User
	err := d.apply(ctx, func(s *object.Scope, e *provisioning.Event) error {
		i, err := provisioning.Update(ctx, s, id, e, func(i *provisioning.Identity) (*provisioning.Person, error) {
			if !ifMatch.Allow(versionOf(i.Version)) {
				return nil, scim.ErrPrecondition
			}
			u, err := userFrom(i.ID, i.Doc, i.Version, i.CreatedAt, i.UpdatedAt)
			if err != nil {
				return nil, err
			}
			if err := change(&u); err != nil {
				return nil, err
			}
			next, err := personOf(u)
			return &next, err
		})
		if errors.Is(err, scim.ErrUnchanged) {
			if out, err = userOf(ctx, s, i, p); err == nil {
				err = provisioning.ErrUnchanged
			}
			return err
		}
		if err != nil {
			return err
		}
		out, err = userOf(ctx, s, i, p)
		return err
	})
	if err != nil {
		return scim.User{}, err
	}
	return out, nil
}

// DeleteUser ends a person.
func (d *Directory) DeleteUser(ctx context.Context, id string, ifMatch scim.Versions) error {
	return d.apply(ctx, func(s *object.Scope, e *provisioning.Event) error {
		e.Status = 204
		return provisioning.Leave(ctx, s, id, func(i *provisioning.Identity) error {
			if !ifMatch.Allow(versionOf(i.Version)) {
				return scim.ErrPrecondition
			}
			return nil
		}, e)
	})
}

func versionOf(v int64) string { return strconv.FormatInt(v, 10) }

// personOf reads what the use-cases need out of a user, and what is stored of it.
func personOf(u scim.User) (provisioning.Person, error) {
	yes := true
	if u.Active == nil {
		u.Active = &yes
	}
	u.ID, u.Meta, u.Groups, u.Schemas, u.Password = "", scim.Meta{}, nil, nil, ""
	if u.Enterprise != nil && u.Enterprise.Manager != nil {
		e := *u.Enterprise
		e.Manager = &scim.Manager{Value: e.Manager.Value}
		u.Enterprise = &e
	}
	p := provisioning.Person{UserName: u.UserName, ExternalID: u.ExternalID, DisplayName: shownName(&u), Active: *u.Active}
	for _, e := range u.Emails {
		p.Emails = append(p.Emails, provisioning.Email{Value: e.Value, Type: e.Type, Primary: e.Primary})
	}
	doc, err := json.Marshal(&u)
	if err != nil {
		return p, fmt.Errorf("encoding a user: %w", err)
	}
	m, err := u.Document()
	if err != nil {
		return p, err
	}
	fold, err := json.Marshal(folded(schema.User, m))
	if err != nil {
		return p, fmt.Errorf("folding a user: %w", err)
	}
	p.Doc, p.Folded = string(doc), string(fold)
	return p, nil
}

// shownName is what people see: the displayName, else the name in full.
func shownName(u *scim.User) string {
	switch {
	case u.DisplayName != "":
		return u.DisplayName
	case u.Name == nil:
		return ""
	case u.Name.Formatted != "":
		return u.Name.Formatted
	case u.Name.GivenName != "" && u.Name.FamilyName != "":
		return u.Name.GivenName + " " + u.Name.FamilyName
	}
	return u.Name.GivenName + u.Name.FamilyName
}

// userFrom reads a stored document.
func userFrom(id, doc string, version int64, created, updated time.Time) (scim.User, error) {
	var u scim.User
	if err := json.Unmarshal([]byte(doc), &u); err != nil {
		return u, fmt.Errorf("reading user %s: %w", id, err)
	}
	u.ID = id
	u.Meta = scim.Meta{Created: created.UTC(), LastModified: updated.UTC(), Version: versionOf(version)}
	return u, nil
}

func userOf(ctx context.Context, s *object.Scope, i *provisioning.Identity, p scim.Projection) (scim.User, error) {
	u, err := userFrom(i.ID, i.Doc, i.Version, i.CreatedAt, i.UpdatedAt)
	if err != nil {
		return u, err
	}
	one := []scim.User{u}
	err = complete(ctx, s, one, p)
	return one[0], err
}

// complete fills in what the directory knows of several users: the names of their
// managers, and their groups where they are wanted. One query each, whatever the page.
func complete(ctx context.Context, s *object.Scope, list []scim.User, p scim.Projection) error {
	at := make(map[string]*scim.User, len(list))
	var ids, managers []string
	for i := range list {
		u := &list[i]
		at[u.ID] = u
		ids = append(ids, u.ID)
		if u.Enterprise != nil && u.Enterprise.Manager != nil {
			managers = append(managers, u.Enterprise.Manager.Value)
		}
	}
	if len(managers) > 0 {
		names := map[string]string{}
		err := pairs(ctx, s, `SELECT member_id, display_name FROM scim_user WHERE workspace_id = $1 AND connection = $2 AND deleted_at = 0 AND member_id IN `+provisioning.IDSet(s, 3), func(id, name, _ string) { names[id] = name },
			s.WorkspaceID, s.Caller.Key, provisioning.EncodeIDs(managers))
		if err != nil {
			return err
		}
		for i := range list {
			if e := list[i].Enterprise; e != nil && e.Manager != nil {
				e.Manager.DisplayName = names[e.Manager.Value]
			}
		}
	}
	if !p.WithGroups || len(ids) == 0 {
		return nil
	}
	return pairs(ctx, s, `SELECT gm.member_id, g.id, g.display_name FROM scim_group_member gm CROSS JOIN scim_group g
		WHERE gm.workspace_id = $1 AND gm.member_id IN `+provisioning.IDSet(s, 3)+` AND g.workspace_id = $1 AND g.id = gm.group_id AND g.connection = $2 ORDER BY gm.member_id, g.id`,
		func(id, group, name string) {
			if u := at[id]; u != nil {
				u.Groups = append(u.Groups, scim.GroupRef{Value: group, Display: name, Type: "direct"})
			}
		}, s.WorkspaceID, s.Caller.Key, provisioning.EncodeIDs(ids))
}

// pairs reads rows of two or three texts.
func pairs(ctx context.Context, s *object.Scope, query string, each func(a, b, c string), args ...any) error {
	rows, err := s.Tx.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("completing resources: %w", err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("completing resources: %w", err)
	}
	for rows.Next() {
		var v [3]string
		if err := rows.Scan([]any{&v[0], &v[1], &v[2]}[:len(columns)]...); err != nil {
			return fmt.Errorf("completing resources: %w", err)
		}
		each(v[0], v[1], v[2])
	}
	return rows.Err()
}
