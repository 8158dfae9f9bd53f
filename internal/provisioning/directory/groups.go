package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// maxHeld bounds the members that one page of groups holds at a time; a page ends
// early after it (with one group at least).
const maxHeld = 20_000

// Groups lists groups; members are read only when they are wanted.
func (d *Directory) Groups(ctx context.Context, q scim.Query) (scim.Page[scim.Group], error) {
	var page scim.Page[scim.Group]
	err := d.view(ctx, func(s *object.Scope) error {
		c := newCompiler(s.Tx.Dialect(), groups, s.WorkspaceID, s.Caller.Key)
		l, err := newList(c, q, "g.id, g.display_name, g.external_id, g.version, g.created_at, g.updated_at")
		if err != nil {
			return err
		}
		page, err = readPage(ctx, s.Tx, l, q, func(row rowScanner, extra ...any) (scim.Group, error) {
			var g provisioning.Group
			var created, updated int64
			if err := row.Scan(append([]any{&g.ID, &g.DisplayName, &g.ExternalID, &g.Version, &created, &updated}, extra...)...); err != nil {
				return scim.Group{}, fmt.Errorf("reading a group: %w", err)
			}
			g.CreatedAt, g.UpdatedAt = time.UnixMicro(created), time.UnixMicro(updated)
			return groupOf(&g), nil
		})
		if err != nil || !q.WithMembers {
			return err
		}
		held := 0
		for i := range page.Resources {
			if held > maxHeld {
				return cutPage(l, &page, i)
			}
			if err := members(ctx, s, &page.Resources[i]); err != nil {
				return err
			}
			held += len(page.Resources[i].Members)
		}
		return nil
	})
	return page, err
}

// Group returns one group.
func (d *Directory) Group(ctx context.Context, id string, p scim.Projection) (scim.Group, error) {
	var out scim.Group
	err := d.view(ctx, func(s *object.Scope) error {
		g, err := provisioning.FindGroup(ctx, s, id)
		if err != nil {
			return err
		}
		out, err = shown(ctx, s, g, p)
		return err
	})
	return out, err
}

// CreateGroup stores a group with its members.
func (d *Directory) CreateGroup(ctx context.Context, g scim.Group) (scim.Group, error) {
	var out scim.Group
	err := d.apply(ctx, func(s *object.Scope, e *provisioning.Event) error {
		made, err := provisioning.CreateGroup(ctx, s, g.DisplayName, g.ExternalID, idsOf(g.Members), e)
		if err != nil {
			return err
		}
		e.Status = 201
		out, err = shown(ctx, s, made, scim.Projection{WithMembers: len(g.Members) > 0})
		return err
	})
	return out, err
}

// ApplyGroup changes a group without reading its members.
func (d *Directory) ApplyGroup(ctx context.Context, id string, ifMatch scim.Versions, ops []scim.GroupOp, p scim.Projection) (scim.Group, error) {
	var out scim.Group
	err := d.apply(ctx, func(s *object.Scope, e *provisioning.Event) error {
		g, err := provisioning.ChangeGroup(ctx, s, id, allowGroup(ifMatch), changesOf(ops), e)
		unchanged := errors.Is(err, provisioning.ErrUnchanged)
		if err != nil && !unchanged {
			return err
		}
		if out, err = shown(ctx, s, g, p); err == nil && unchanged {
			err = provisioning.ErrUnchanged
		}
		return err
	})
	if err != nil {
		return scim.Group{}, err
	}
	return out, nil
}

// DeleteGroup ends a group; its mappings say what stays.
func (d *Directory) DeleteGroup(ctx context.Context, id string, ifMatch scim.Versions) error {
	return d.apply(ctx, func(s *object.Scope, e *provisioning.Event) error {
		e.Status = 204
		return provisioning.DeleteGroup(ctx, s, id, allowGroup(ifMatch), e)
	})
}

func allowGroup(ifMatch scim.Versions) func(*provisioning.Group) error {
	return func(g *provisioning.Group) error {
		if !ifMatch.Allow(versionOf(g.Version)) {
			return scim.ErrPrecondition
		}
		return nil
	}
}

func changesOf(ops []scim.GroupOp) []provisioning.GroupChange {
	kinds := map[scim.GroupOpKind]provisioning.ChangeKind{
		scim.SetDisplayName: provisioning.SetName, scim.SetExternalID: provisioning.SetExternalID,
		scim.AddMembers: provisioning.AddMembers, scim.RemoveMembers: provisioning.RemoveMembers,
		scim.ReplaceMembers: provisioning.ReplaceMembers, scim.RemoveAllMembers: provisioning.ReplaceMembers,
	}
	out := make([]provisioning.GroupChange, len(ops))
	for i, op := range ops {
		out[i] = provisioning.GroupChange{Kind: kinds[op.Kind], Text: op.Text, Members: idsOf(op.Members)}
	}
	return out
}

func idsOf(members []scim.Member) []string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.Value
	}
	return out
}

func groupOf(g *provisioning.Group) scim.Group {
	return scim.Group{ID: g.ID, DisplayName: g.DisplayName, ExternalID: g.ExternalID,
		Meta: scim.Meta{Created: g.CreatedAt.UTC(), LastModified: g.UpdatedAt.UTC(), Version: versionOf(g.Version)}}
}

func shown(ctx context.Context, s *object.Scope, g *provisioning.Group, p scim.Projection) (scim.Group, error) {
	out := groupOf(g)
	if !p.WithMembers {
		return out, nil
	}
	return out, members(ctx, s, &out)
}

// members reads who is in a group, in the order of their ids.
func members(ctx context.Context, s *object.Scope, g *scim.Group) error {
	return pairs(ctx, s, `SELECT gm.member_id, u.display_name FROM scim_group_member gm CROSS JOIN scim_user u
		WHERE gm.workspace_id = $1 AND gm.group_id = $2 AND u.workspace_id = $1 AND u.member_id = gm.member_id ORDER BY gm.member_id`,
		func(id, name, _ string) {
			g.Members = append(g.Members, scim.Member{Value: id, Display: name, Type: schema.User.Name})
		}, s.WorkspaceID, g.ID)
}
