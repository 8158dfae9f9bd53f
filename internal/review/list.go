package review

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Filter leaves out reviews; empty fields leave out none.
type Filter struct {
	Item     string // path
	State    string
	Reviewer string // address
}

// maxLooked bounds how many rows one page looks at.
const maxLooked = 1000

// List answers a page of the reviews that the caller may read, in the order in which
// they were asked for.
func List(ctx context.Context, s *object.Scope, f Filter, cursor string, limit int) (api.Page[api.Review], error) {
	page := api.Page[api.Review]{Items: []api.Review{}}
	if err := s.Active(ctx); err != nil {
		return page, err
	}
	q, err := listQuery(ctx, s, f, cursor)
	if err != nil {
		return page, err
	}
	limit = bounded(limit)
	all, err := q.reviews(ctx, s, maxLooked+1)
	if err != nil {
		return page, err
	}
	may := map[string]bool{}
	for i, r := range all {
		if len(page.Items) == limit || i == maxLooked {
			page.NextCursor = all[i-1].id
			break
		}
		ok, asked := may[r.path]
		if !asked {
			if ok, err = reads(ctx, s, r.path); err != nil {
				return page, err
			}
			may[r.path] = ok
		}
		if !ok {
			continue
		}
		view, err := r.view(ctx, s, r.path)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, *view)
	}
	return page, nil
}

// found is a review and the path of its item.
type found struct {
	*row
	path string
}

func (q *query) reviews(ctx context.Context, s *object.Scope, limit int) ([]found, error) {
	rows, err := s.Tx.QueryContext(ctx, q.text.String()+` ORDER BY review.id LIMIT `+q.arg(limit), q.args...)
	if err != nil {
		return nil, fmt.Errorf("reading reviews: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []found
	for rows.Next() {
		var path string
		r, err := scanRow(rows, &path)
		if err != nil {
			return nil, fmt.Errorf("reading reviews: %w", err)
		}
		out = append(out, found{r, path})
	}
	return out, rows.Err()
}

// reads reports whether the caller may read what is said about an item, as far as its
// token lets it.
func reads(ctx context.Context, s *object.Scope, path string) (bool, error) {
	var d access.Decision
	d, err := s.DecideOn(ctx, path, reviewRead)
	if err != nil || !d.Allowed {
		return false, err
	}
	err = s.RequireOn(ctx, path, reviewRead)
	if p := (*api.Problem)(nil); errors.As(err, &p) && p.Code() == api.CodeForbidden {
		return false, nil
	}
	return err == nil, err
}

// query is a text on its way, with its arguments.
type query struct {
	text strings.Builder
	args []any
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// listQuery joins in this order, so that the page comes in the order of ids: SQLite
// takes the order of a CROSS JOIN as it is written.
func listQuery(ctx context.Context, s *object.Scope, f Filter, cursor string) (*query, error) {
	q := &query{args: []any{s.WorkspaceID}}
	switch {
	case f.Reviewer != "":
		email, err := api.NormaliseEmail(f.Reviewer)
		if err != nil {
			return nil, api.NewProblem(api.CodeMalformed, "reviewer: %v.", err)
		}
		q.text.WriteString(`SELECT ` + rowColumns + `, item.key FROM review_reviewer CROSS JOIN review CROSS JOIN item WHERE review_reviewer.workspace_id = $1 AND review_reviewer.email = ` + q.arg(email) +
			` AND review.workspace_id = $1 AND review.id = review_reviewer.review_id AND review_reviewer.review_id > ` + q.arg(cursor))
	default:
		q.text.WriteString(`SELECT ` + rowColumns + `, item.key FROM review CROSS JOIN item WHERE review.workspace_id = $1`)
	}
	q.text.WriteString(` AND item.workspace_id = $1 AND item.id = review.item_id AND review.id > ` + q.arg(cursor))
	if f.Item != "" {
		at, err := itemAt(ctx, s, strings.ToLower(f.Item))
		if err != nil {
			return nil, err
		}
		q.text.WriteString(` AND review.item_id = ` + q.arg(at.id))
	}
	switch f.State {
	case "":
	case api.ReviewOpen, api.ReviewClosed, api.ReviewCancelled:
		q.text.WriteString(` AND review.state = ` + q.arg(f.State))
	default:
		return nil, api.NewProblem(api.CodeMalformed, "state must be one of open, closed, cancelled.")
	}
	return q, nil
}

func bounded(limit int) int {
	if limit <= 0 || limit > api.MaxPageSize {
		return api.DefaultPageSize
	}
	return limit
}

func noRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
