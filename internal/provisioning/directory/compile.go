package directory

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// compiler turns a resolved filter into a condition over one table. filter.Match is
// the reference: every condition is true or false and never NULL, so that "not"
// means what it says. Values travel as parameters; attribute names come from the
// schema and are checked once more before they become text.
type compiler struct {
	dialect store.Dialect
	table   *table
	args    []any
}

// table is what a resource type looks like in SQL.
type table struct {
	resource *schema.Resource
	from     string
	id       string
	doc      string // folded document; "" when everything is in columns
	columns  map[filter.Path]column
	lists    map[string]list
}

// column is a simple attribute with a column of its own.
type column struct {
	expr string
	kind columnKind
	// optional columns hold '' where the attribute is missing.
	optional bool
}

type columnKind int

const (
	columnText columnKind = iota
	columnFlag
	columnTime
	columnNumber // compared as text: meta.version
)

// list is a multi-valued attribute whose values are rows of other tables.
type list struct {
	// exists is a subquery up to its last condition; %s takes the condition.
	exists string
	subs   map[string]string
	// driven is a subquery for ids by one indexed equality.
	driven func(c *compiler, n filter.Node) (string, bool)
}

const userDisplay = "COALESCE(%s, u.user_name_key)"

var users = &table{
	resource: schema.User,
	from:     "scim_user u",
	id:       "u.member_id",
	doc:      "u.folded",
	columns: map[filter.Path]column{
		{Attr: "id"}:                        {expr: "u.member_id"},
		{Attr: "externalId"}:                {expr: "u.external_id", optional: true},
		{Attr: "userName"}:                  {expr: "u.user_name_key"},
		{Attr: "active"}:                    {expr: "u.active", kind: columnFlag},
		{Attr: "meta", Sub: "created"}:      {expr: "u.created_at", kind: columnTime},
		{Attr: "meta", Sub: "lastModified"}: {expr: "u.updated_at", kind: columnTime},
		{Attr: "meta", Sub: "version"}:      {expr: "u.version", kind: columnNumber},
	},
	lists: map[string]list{
		"groups": {
			exists: "EXISTS (SELECT 1 FROM scim_group_member gm JOIN scim_group g ON g.workspace_id = gm.workspace_id AND g.id = gm.group_id WHERE gm.workspace_id = u.workspace_id AND gm.member_id = u.member_id AND %s)",
			subs:   map[string]string{"value": "g.id", "display": "g.display_key", "type": "'direct'"},
			driven: func(c *compiler, n filter.Node) (string, bool) {
				v, ok := soleEquality(n, "value")
				if !ok {
					return "", false
				}
				return "u.member_id IN (SELECT gm.member_id FROM scim_group_member gm WHERE gm.workspace_id = $1 AND gm.group_id = " + c.text(v) + ")", true
			},
		},
		"emails": {driven: drivenByEmail},
	},
}

var groups = &table{
	resource: schema.Group,
	from:     "scim_group g",
	id:       "g.id",
	columns: map[filter.Path]column{
		{Attr: "id"}:                        {expr: "g.id"},
		{Attr: "externalId"}:                {expr: "g.external_id", optional: true},
		{Attr: "displayName"}:               {expr: "g.display_key"},
		{Attr: "meta", Sub: "created"}:      {expr: "g.created_at", kind: columnTime},
		{Attr: "meta", Sub: "lastModified"}: {expr: "g.updated_at", kind: columnTime},
		{Attr: "meta", Sub: "version"}:      {expr: "g.version", kind: columnNumber},
	},
	lists: map[string]list{
		"members": {
			exists: "EXISTS (SELECT 1 FROM scim_group_member gm JOIN scim_user u ON u.workspace_id = gm.workspace_id AND u.member_id = gm.member_id WHERE gm.workspace_id = g.workspace_id AND gm.group_id = g.id AND %s)",
			subs:   map[string]string{"value": "gm.member_id", "display": userDisplay, "type": "'user'"},
			driven: func(c *compiler, n filter.Node) (string, bool) {
				v, ok := soleEquality(n, "value")
				if !ok {
					return "", false
				}
				return "g.id IN (SELECT gm.group_id FROM scim_group_member gm WHERE gm.workspace_id = $1 AND gm.member_id = " + c.text(v) + ")", true
			},
		},
	},
}

// newCompiler starts a statement whose first parameters are workspace and connection.
func newCompiler(d store.Dialect, t *table, workspace, connection string) *compiler {
	return &compiler{dialect: d, table: t, args: []any{workspace, connection}}
}

// arg adds a parameter.
func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

// text adds a parameter of type text, which PostgreSQL cannot always infer.
func (c *compiler) text(s string) string {
	if c.dialect == store.Postgres {
		return "CAST(" + c.arg(s) + " AS TEXT)"
	}
	return c.arg(s)
}

// scope is the condition that keeps a statement inside the connection.
func (c *compiler) scope() string {
	if c.table == users {
		return "u.workspace_id = $1 AND u.connection = $2 AND u.deleted_at = 0"
	}
	return "g.workspace_id = $1 AND g.connection = $2"
}

// where is the whole condition of a list.
func (c *compiler) where(n filter.Node) (string, error) {
	if n == nil {
		return c.scope(), nil
	}
	cond, err := c.node(n)
	if err != nil {
		return "", err
	}
	return c.scope() + " AND " + cond, nil
}

func (c *compiler) node(n filter.Node) (string, error) {
	switch n := n.(type) {
	case *filter.And:
		return c.join(n.Terms, " AND ", c.node)
	case *filter.Or:
		return c.join(n.Terms, " OR ", c.node)
	case *filter.Not:
		return negated(c.node(n.Term))
	case filter.Bool:
		return constant(bool(n)), nil
	case *filter.ValuePath:
		return c.valuePath(n.Path, n.Filter)
	case *filter.Compare:
		if n.Op == filter.Ne {
			eq := *n
			eq.Op = filter.Eq
			return negated(c.node(&eq))
		}
		return c.compare(n)
	}
	return "", fmt.Errorf("compiling a filter: unknown node %T", n)
}

func (c *compiler) join(terms []filter.Node, op string, each func(filter.Node) (string, error)) (string, error) {
	parts := make([]string, len(terms))
	for i, t := range terms {
		var err error
		if parts[i], err = each(t); err != nil {
			return "", err
		}
	}
	return "(" + strings.Join(parts, op) + ")", nil
}

func negated(cond string, err error) (string, error) { return "NOT (" + cond + ")", err }

func constant(b bool) string {
	if b {
		return "1 = 1"
	}
	return "1 = 0"
}

func (c *compiler) compare(n *filter.Compare) (string, error) {
	if col, ok := c.table.columns[n.Path]; ok {
		return c.column(col, n), nil
	}
	if n.MultiValued {
		return c.anyValue(n)
	}
	if c.table.doc == "" {
		return constant(false), nil
	}
	segments := []string{n.Path.URN, n.Path.Attr, n.Path.Sub}
	expr, err := c.json(c.table.doc, segments...)
	if err != nil {
		return "", err
	}
	if n.Op == filter.Pr && (n.Path.Attr == "" || n.Type == schema.Complex) {
		return "COALESCE(" + expr + ", '') NOT IN ('', '{}', '[]')", nil
	}
	return c.leaf(expr, n), nil
}

// anyValue is a comparison on a multi-valued attribute: true when one value fits.
func (c *compiler) anyValue(n *filter.Compare) (string, error) {
	if n.Op == filter.Pr && n.Path.Sub == "" {
		return c.valuePath(n.Path, filter.Bool(true))
	}
	inner := *n
	inner.Path, inner.MultiValued = filter.Path{Attr: n.Path.Sub}, false
	if n.Path.Sub == "" {
		inner.Path.Attr = "value"
	}
	return c.valuePath(filter.Path{URN: n.Path.URN, Attr: n.Path.Attr}, &inner)
}

// valuePath is attribute[filter]: one single value satisfies the whole filter.
func (c *compiler) valuePath(p filter.Path, f filter.Node) (string, error) {
	l, isList := c.table.lists[p.Attr]
	if isList && p.URN == "" {
		if l.driven != nil {
			if cond, ok := l.driven(c, f); ok {
				return cond, nil
			}
		}
		if l.exists != "" {
			cond, err := c.element(f, func(sub string) (string, error) {
				expr, known := l.subs[sub]
				if !known {
					return "", fmt.Errorf("compiling a filter: %s has no %q", p, sub)
				}
				if expr == userDisplay {
					name, err := c.json("u.folded", "displayName")
					return fmt.Sprintf(userDisplay, name), err
				}
				return expr, nil
			})
			return fmt.Sprintf(l.exists, cond), err
		}
	}
	if c.table.doc == "" {
		return constant(false), nil
	}
	values, err := c.values(c.table.doc, p)
	if err != nil {
		return "", err
	}
	cond, err := c.element(f, func(sub string) (string, error) { return c.member(sub) })
	return "EXISTS (SELECT 1 FROM " + values + " WHERE " + cond + ")", err
}

// element compiles a filter on one value of a list; sub gives the SQL of a
// sub-attribute.
func (c *compiler) element(n filter.Node, sub func(string) (string, error)) (string, error) {
	each := func(n filter.Node) (string, error) { return c.element(n, sub) }
	switch n := n.(type) {
	case *filter.And:
		return c.join(n.Terms, " AND ", each)
	case *filter.Or:
		return c.join(n.Terms, " OR ", each)
	case *filter.Not:
		return negated(each(n.Term))
	case filter.Bool:
		return constant(bool(n)), nil
	case *filter.Compare:
		if n.Op == filter.Ne {
			eq := *n
			eq.Op = filter.Eq
			return negated(each(&eq))
		}
		expr, err := sub(n.Path.Attr)
		if err != nil {
			return "", err
		}
		return c.leaf(expr, n), nil
	}
	return "", fmt.Errorf("compiling a filter: unknown node %T in brackets", n)
}

// leaf compares one extracted value, which is NULL where it is missing.
func (c *compiler) leaf(expr string, n *filter.Compare) string {
	if n.Op == filter.Pr {
		return "COALESCE(CAST(" + expr + " AS TEXT), '') <> ''"
	}
	if n.Value.Kind == filter.KindBool {
		yes := "'true'"
		if c.dialect == store.SQLite {
			yes = "1"
		}
		// RFC 7643 §2.4: primary is false unless said otherwise.
		cond := "COALESCE(" + expr + " = " + yes + ", 1 = 0)"
		if !n.Value.Bool {
			cond = "NOT " + cond
		}
		return cond
	}
	return "COALESCE(" + c.ordered(expr, n) + ", 1 = 0)"
}

// column compares a column, so that an index on it can be used.
func (c *compiler) column(col column, n *filter.Compare) string {
	switch {
	case n.Op == filter.Pr && col.optional:
		return col.expr + " <> ''"
	case n.Op == filter.Pr:
		return constant(true)
	case col.kind == columnFlag:
		return col.expr + " = " + c.arg(flag(n.Value.Bool))
	case col.kind == columnTime:
		return c.instant(col.expr, n)
	case col.kind == columnNumber:
		return c.ordered("CAST("+col.expr+" AS TEXT)", n)
	}
	cond := c.ordered(col.expr, n)
	if col.optional && (n.Op != filter.Eq || n.Value.Text == "") {
		return "(" + col.expr + " <> '' AND " + cond + ")"
	}
	return cond
}

// instant compares a time that is stored in microseconds with one that may be finer.
func (c *compiler) instant(expr string, n *filter.Compare) string {
	t := n.Value.Time
	finer := t.Nanosecond()%1000 != 0
	op := map[filter.Op]string{filter.Eq: " = ", filter.Gt: " > ", filter.Ge: " >= ", filter.Lt: " < ", filter.Le: " <= "}[n.Op]
	if finer {
		switch n.Op {
		case filter.Eq:
			return constant(false)
		case filter.Ge:
			op = " > "
		case filter.Lt:
			op = " <= "
		}
	}
	return expr + op + c.arg(t.UnixMicro())
}

// ordered compares text by code point, folded as the schema asks.
func (c *compiler) ordered(expr string, n *filter.Compare) string {
	value := n.Value.Text
	if !n.CaseExact {
		value = filter.Fold(value)
	}
	v := c.text(value)
	switch n.Op {
	case filter.Eq:
		return expr + " = " + v
	case filter.Co:
		if c.dialect == store.Postgres {
			return "strpos(" + expr + ", " + v + ") > 0"
		}
		return "instr(" + expr + ", " + v + ") > 0"
	case filter.Sw:
		return "substr(" + expr + ", 1, length(" + v + ")) = " + v
	case filter.Ew:
		return "substr(" + expr + ", length(" + expr + ") - length(" + v + ") + 1) = " + v
	}
	op := map[filter.Op]string{filter.Gt: " > ", filter.Ge: " >= ", filter.Lt: " < ", filter.Le: " <= "}[n.Op]
	return c.collated(expr) + op + v
}

// collated makes PostgreSQL order by code point, as SQLite does by itself.
func (c *compiler) collated(expr string) string {
	if c.dialect == store.Postgres {
		return "(" + expr + `) COLLATE "C"`
	}
	return expr
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
