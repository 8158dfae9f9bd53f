package inquiry

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// maxExamined bounds what is decided for one page. A page that meets it is short and
// has a cursor, so that asking on goes on.
const maxExamined = 2000

// query is SQL text with its arguments: $1 is the workspace.
type query struct {
	args []any
}

func newQuery(s *object.Scope) *query { return &query{args: []any{s.WorkspaceID}} }

// arg adds an argument and answers its placeholder.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// list adds arguments and answers them for IN (…).
func (q *query) list(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = q.arg(v)
	}
	return strings.Join(out, ", ")
}

// texts runs a query that answers one column of text.
func (q *query) texts(ctx context.Context, s *object.Scope, what, text string) ([]string, error) {
	rows, err := s.Tx.QueryContext(ctx, text, q.args...)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, fmt.Errorf("reading %s: %w", what, err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

func encodeCursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte("q" + key)) }

func decodeCursor(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) == 0 || len(b) > 2048 || b[0] != 'q' || strings.ToValidUTF8(string(b), "") != string(b) || strings.ContainsRune(string(b), 0) {
		return "", api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
	}
	return string(b[1:]), nil
}

func bounded(limit int) int {
	if limit <= 0 || limit > api.MaxPageSize {
		return api.DefaultPageSize
	}
	return limit
}

// known refuses permissions that are not in the catalogue, or of the other scope.
func known(permission string, scope vocabulary.Scope) error {
	p, ok := vocabulary.Lookup(permission)
	if ok && p.Scope == scope {
		return nil
	}
	message := "there is no permission %q; the data source gatehouse_permissions lists them all"
	switch near := vocabulary.Suggest(permission); {
	case ok && scope == vocabulary.ScopeItem:
		message = "%q is a permission of the workspace and not of items; leave the resource out"
	case ok:
		message = "%q is a permission of items; name the resource"
	case permission == "":
		message = "name a permission, e.g. asset.read%.0s"
	case near != "":
		message = "there is no permission %q; did you mean " + near + "?"
	}
	if len(permission) > 100 {
		permission = strings.ToValidUTF8(permission[:100], "")
	}
	return api.InvalidObject("access question", permission, []api.Violation{api.Invalid("/permission", message, permission)})
}
