package inquiry

import (
	"context"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Who asks for the principals that may use a permission.
type Who struct {
	// Resource is an item path; empty asks about a permission of the workspace.
	Resource   string
	Permission string
	// Request is what is assumed of each principal's request.
	Request access.RequestContext
	// Kind leaves out all principals but those of one kind, e.g. member; "" is all.
	Kind string
}

// Holder is a principal that may.
type Holder struct {
	Principal string           `json:"principal"`
	Level     vocabulary.Level `json:"level" doc:"Effective level on the item; none for permissions of the workspace, and where a role or policy allows it without a level."`
}

// WhoCan answers a page of the members, service accounts and people known by e-mail
// that may use the permission, in the order of their names. An address that a member
// has is listed as the member. Each one listed was decided by the engine.
func WhoCan(ctx context.Context, s *object.Scope, q Who, cursor string, limit int) (api.Page[Holder], error) {
	page := api.Page[Holder]{Items: []Holder{}}
	after, err := decodeCursor(cursor)
	if err != nil {
		return page, err
	}
	var item *access.Item
	scope := vocabulary.ScopeWorkspace
	if q.Resource != "" {
		scope = vocabulary.ScopeItem
		if item, err = s.Item(ctx, q.Resource); err != nil {
			return page, err
		}
	}
	if err := known(q.Permission, scope); err != nil {
		return page, err
	}
	c := candidatesFor(s.Engine(), item, q.Permission)
	limit = bounded(limit)
	for examined := 0; ; {
		principals, err := c.next(ctx, s, after, limit+1)
		if err != nil || len(principals) == 0 {
			return page, err
		}
		subjects, err := s.SubjectsOn(ctx, principals, pathsOf(item))
		if err != nil {
			return page, err
		}
		for _, principal := range principals {
			if len(page.Items) == limit || examined == maxExamined {
				page.NextCursor = encodeCursor(after)
				return page, nil
			}
			after = principal
			examined++
			if kind, _, _ := strings.Cut(principal, ":"); q.Kind != "" && kind != q.Kind {
				continue
			}
			if d := decide(s.Engine(), subjects[principal], item, q.Permission, &q.Request); d.Allowed {
				page.Items = append(page.Items, Holder{principal, d.Level})
			}
		}
		if len(principals) <= limit {
			return page, nil
		}
	}
}

func decide(e *access.Engine, subject *access.Subject, item *access.Item, permission string, rc *access.RequestContext) access.Decision {
	if item == nil {
		return e.CheckWorkspace(subject, permission, rc)
	}
	return e.Check(subject, item, permission, rc)
}

// candidates says among whom to look.
type candidates struct {
	everyone bool
	governs  bool
	paths    []string // items that grants and assignments may be on
	teams    []string // teams that own something there
	owners   []string // addresses of owners
}

func candidatesFor(e *access.Engine, item *access.Item, permission string) candidates {
	p, _ := vocabulary.Lookup(permission)
	if item == nil || e.OpensToAnyone(permission) {
		return candidates{everyone: true}
	}
	c := candidates{governs: p.Governance, paths: pathsOf(item)}
	for _, chain := range append([][]access.Node{item.Chain}, item.Collections...) {
		for _, n := range chain {
			if n.Team != "" {
				c.teams = append(c.teams, n.Team)
			}
			if email, ok := strings.CutPrefix(n.Owner, "member:"); ok {
				c.owners = append(c.owners, email)
			}
		}
	}
	for _, names := range []*[]string{&c.teams, &c.owners} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	// An asset may be in very many collections; statements take so many values only.
	if len(c.paths)+len(c.teams)+len(c.owners) > 500 {
		return candidates{everyone: true}
	}
	return c
}

// pathsOf are the items that grants may be on which count on this one.
func pathsOf(item *access.Item) []string {
	if item == nil {
		return nil
	}
	var out []string
	for _, chain := range append([][]access.Node{item.Chain}, item.Collections...) {
		for _, n := range chain {
			out = append(out, n.Path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// next answers the names after one, in order and without repetition.
func (c candidates) next(ctx context.Context, s *object.Scope, after string, limit int) ([]string, error) {
	b := &branches{query: newQuery(s), after: after}
	b.limit = b.arg(limit)
	if c.everyone {
		b.members("")
		b.serviceAccounts()
		b.addressesOf("access_grant", "principal", inEffect)
		b.addressesOf("role_assignment", "principal", "")
		return b.run(ctx, s)
	}
	if c.governs {
		b.members(` AND role IN ('owner', 'admin')`)
		b.serviceAccounts()
	}
	// No argument may be left unused: PostgreSQL could not tell its type.
	_, people := b.tail("member")
	if people && len(c.owners) > 0 {
		b.members(` AND key IN (` + b.list(c.owners) + `)`)
	}
	if people && len(c.teams) > 0 {
		b.teamMembers(`team IN (` + b.list(c.teams) + `)`)
	}
	paths := b.list(c.paths)
	for _, table := range []struct{ name, column, and string }{{"access_grant", "resource", inEffect}, {"role_assignment", "scope", ""}} {
		on := ` FROM ` + table.name + ` WHERE workspace_id = $1 AND ` + table.column + ` IN (` + paths + `)` + table.and
		b.teamMembers(`team IN (SELECT SUBSTR(principal, 6)` + on + ` AND ` + ofKind(held, "team") + `)`)
		b.groupMembers(`SELECT principal` + on + ` AND ` + ofKind(held, "group"))
		for _, kind := range []string{"member", "service_account"} {
			if tail, ok := b.tail(kind); ok {
				b.add(`SELECT DISTINCT ` + held + ` AS p` + on + ` AND ` + ofKind(held, kind) + ` AND ` + held + ` > ` + b.arg(kind+":"+tail))
			}
		}
		b.members(` AND key IN (SELECT SUBSTR(principal, 7)` + on + ` AND ` + ofKind(held, "email") + `)`)
		b.addressesOf(table.name, held, ` AND `+table.column+` IN (`+paths+`)`+table.and)
	}
	return b.run(ctx, s)
}

// branches builds the union of where names come from. Every part is ordered and
// bounded by itself, so that a page costs a page.
type branches struct {
	*query
	after, limit string
	parts        []string
}

// held is the principal of a row where the item has to find it: written like this,
// no engine takes the index of principals, which leads through those of all items.
const held = `(principal || '')`

// inEffect leaves out grants that wait for approval: they give nothing (C055).
const inEffect = ` AND state = 'active'`

// ofKind holds for principals of a kind; ';' follows ':'.
func ofKind(column, kind string) string {
	return column + ` >= '` + kind + `:' AND ` + column + ` < '` + kind + `;'`
}

// tail is the key after which names of a kind are wanted; false when none is.
func (b *branches) tail(kind string) (string, bool) {
	switch key, found := strings.CutPrefix(b.after, kind+":"); {
	case found:
		return key, true
	default:
		return "", b.after < kind+":"
	}
}

func (b *branches) add(text string) {
	b.parts = append(b.parts, `SELECT p FROM (`+text+` ORDER BY p LIMIT `+b.limit+`) AS part`+string(rune('a'+len(b.parts))))
}

func (b *branches) members(and string) {
	if tail, ok := b.tail("member"); ok {
		b.add(`SELECT DISTINCT 'member:' || key AS p FROM member WHERE workspace_id = $1 AND key > ` + b.arg(tail) + and)
	}
}

func (b *branches) serviceAccounts() {
	if tail, ok := b.tail("service_account"); ok {
		b.add(`SELECT 'service_account:' || key AS p FROM object WHERE workspace_id = $1 AND kind = 'service_account' AND key > ` + b.arg(tail))
	}
}

func (b *branches) teamMembers(where string) {
	if tail, ok := b.tail("member"); ok {
		b.add(`SELECT DISTINCT 'member:' || principal AS p FROM team_membership WHERE workspace_id = $1 AND principal > ` + b.arg(tail) + ` AND ` + where)
	}
}

// groupMembers are the people in the pushed groups of that name (SCIM.md).
func (b *branches) groupMembers(groups string) {
	if tail, ok := b.tail("member"); ok {
		b.add(`SELECT DISTINCT 'member:' || m.key AS p FROM scim_group g
			JOIN scim_group_member gm ON gm.workspace_id = g.workspace_id AND gm.group_id = g.id
			JOIN member m ON m.workspace_id = gm.workspace_id AND m.id = gm.member_id
			WHERE g.workspace_id = $1 AND gm.withheld = '' AND 'group:' || g.display_name IN (` + groups + `) AND m.key > ` + b.arg(tail))
	}
}

// addressesOf are people without an account who hold something.
func (b *branches) addressesOf(table, column, and string) {
	if tail, ok := b.tail("email"); ok {
		b.add(`SELECT DISTINCT ` + column + ` AS p FROM ` + table + ` WHERE workspace_id = $1 AND ` + ofKind(column, "email") + ` AND ` + column + ` > ` + b.arg("email:"+tail) + and +
			` AND NOT EXISTS (SELECT 1 FROM member WHERE member.workspace_id = $1 AND member.key = SUBSTR(` + column + `, 7))`)
	}
	if tail, ok := b.tail("viewer"); ok {
		b.add(`SELECT DISTINCT ` + column + ` AS p FROM ` + table + ` WHERE workspace_id = $1 AND ` + ofKind(column, "viewer") + ` AND ` + column + ` > ` + b.arg("viewer:"+tail) + and)
	}
}

func (b *branches) run(ctx context.Context, s *object.Scope) ([]string, error) {
	if len(b.parts) == 0 {
		return nil, nil
	}
	return b.texts(ctx, s, "who holds something", `SELECT DISTINCT p FROM (`+strings.Join(b.parts, ` UNION ALL `)+`) AS found ORDER BY p LIMIT `+b.limit)
}
