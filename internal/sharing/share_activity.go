package sharing

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// use is how often a link was visited, and when last.
type use struct{ visits, lastAt int64 }

func usesOf(ctx context.Context, s *object.Scope, ids []string) (map[string]use, error) {
	out := make(map[string]use, len(ids))
	args := []any{s.WorkspaceID}
	for _, id := range ids {
		args = append(args, id)
	}
	rows, err := s.Tx.QueryContext(ctx, `SELECT link_id, visits, last_at FROM link_use WHERE workspace_id = $1 AND link_id IN (`+store.Params(2, len(ids))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the visits of links: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var u use
		if err := rows.Scan(&id, &u.visits, &u.lastAt); err != nil {
			return nil, fmt.Errorf("reading the visits of links: %w", err)
		}
		out[id] = u
	}
	return out, rows.Err()
}

// ShareFilter narrows the list of shares.
type ShareFilter struct {
	Resource  string // path of the item that is shared itself
	Principal string // email:…, member:… or viewer:…
	Cursor    string
	Limit     int
}

// The list of shares goes through three kinds of row, each in the order of its keys.
const (
	fromLinks  = "l" // share links
	fromEmails = "e" // grants to addresses without an account
	fromGuests = "g" // grants to guests
	fromEnd    = ""
)

var nextFrom = map[string]string{fromLinks: fromEmails, fromEmails: fromGuests, fromGuests: fromEnd}

// Shares lists who outside has access, and every link that is open or waits for
// approval (C073). Callers see those of items whose sharing they may see.
func Shares(ctx context.Context, s *object.Scope, f ShareFilter) (api.Page[api.Share], error) {
	page := api.Page[api.Share]{Items: []api.Share{}}
	if err := s.Require(ctx, api.ShareLinkKind.ReadPermission()); err != nil {
		return page, err
	}
	stage, after, err := openShareCursor(f.Cursor)
	if err != nil {
		return page, err
	}
	if f.Limit <= 0 || f.Limit > api.MaxPageSize {
		f.Limit = api.DefaultPageSize
	}
	if f.Resource != "" {
		norm, message := api.Normalise("path", f.Resource)
		if message != "" {
			return page, api.NewProblem(api.CodeMalformed, "resource: %s.", message)
		}
		f.Resource = norm
	}
	if f.Principal != "" {
		p, err := vocabulary.ParsePrincipal(f.Principal)
		if err != nil {
			return page, api.NewProblem(api.CodeMalformed, "principal: %v.", err)
		}
		f.Principal = p.String()
	}
	// One more than asked for, to know whether there is a next page.
	for looked := 0; stage != fromEnd; {
		rows, err := sharesFrom(ctx, s, stage, f, after, f.Limit-looked+1)
		if err != nil {
			return page, err
		}
		for _, r := range rows {
			if looked == f.Limit {
				page.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(stage + after))
				return page, nil
			}
			looked, after = looked+1, r.Key
			ok, err := shareVisible(ctx, s, &r)
			if err != nil {
				return page, err
			}
			if ok && r.State != api.LinkExhausted { // it opens nothing any more
				page.Items = append(page.Items, r)
			}
		}
		stage, after = nextFrom[stage], ""
	}
	return page, nil
}

func openShareCursor(cursor string) (stage, after string, err error) {
	if cursor == "" {
		return fromLinks, "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) == 0 || len(raw) > 4096 || nextFrom[string(raw[:1])] == "" && string(raw[:1]) != fromGuests {
		return "", "", badCursor()
	}
	return string(raw[:1]), string(raw[1:]), nil
}

func badCursor() error {
	return api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
}

func shareVisible(ctx context.Context, s *object.Scope, r *api.Share) (bool, error) {
	if r.Type == "link" {
		if r.CreatedBy == s.Caller.Principal() {
			return true, nil
		}
		return sees(ctx, s, r.Resource, linkRead)
	}
	return sees(ctx, s, r.Resource, grantRead)
}

func sharesFrom(ctx context.Context, s *object.Scope, stage string, f ShareFilter, after string, limit int) ([]api.Share, error) {
	now := s.Now.UnixMicro()
	kind, who, _ := api.SplitPrincipal(f.Principal)
	args := []any{s.WorkspaceID, after, now, limit}
	arg := func(v any) string { args = append(args, v); return "$" + strconv.Itoa(len(args)) }
	var text string
	if stage == fromLinks {
		from := `share_link x`
		where := `x.workspace_id = $1 AND x.key > $2 AND x.expires_at > $3 AND x.state <> '` + api.LinkRevoked + `'`
		if who != "" {
			from = `link_recipient r CROSS JOIN share_link x`
			where = `r.workspace_id = $1 AND r.email = ` + arg(who) + ` AND x.id = r.link_id AND ` + where
		}
		if f.Resource != "" {
			where += ` AND x.resource = ` + arg(f.Resource)
		} else if who == "" {
			where += ` AND x.kind = '` + api.ShareLinkKind.Name + `'`
		}
		text = `SELECT x.id FROM ` + from + ` WHERE ` + where + ` ORDER BY x.key LIMIT $4`
	} else {
		from, where := `access_grant x`, `x.workspace_id = $1 AND x.key > $2 AND (x.expires_at = 0 OR x.expires_at > $3)`
		switch {
		case stage == fromEmails && kind != "" && kind != "email", stage == fromGuests && kind != "" && kind != object.PrincipalMember:
			return nil, nil
		case stage == fromEmails && kind == "":
			// The keys of grants begin with their principal.
			where += ` AND x.principal LIKE 'email:%'`
			if f.Resource == "" {
				where += ` AND x.kind = '` + api.AccessGrantKind.Name + `' AND x.key >= 'email:' AND x.key < 'email;'`
			}
		case stage == fromGuests:
			from = `member m CROSS JOIN access_grant x`
			where = `m.workspace_id = $1 AND m.kind = 'member' AND m.role = 'guest' AND m.active = 1 AND x.principal = 'member:' || m.key AND ` + where
			if who != "" {
				where += ` AND m.key = ` + arg(who)
			}
		}
		if who != "" && stage == fromEmails {
			where += ` AND x.principal = ` + arg(f.Principal)
		}
		if f.Resource != "" {
			where += ` AND x.resource = ` + arg(f.Resource)
		}
		text = `SELECT x.id FROM ` + from + ` WHERE ` + where + ` ORDER BY x.key LIMIT $4`
	}
	ids, err := textsOf(ctx, s, text, args...)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	if stage == fromLinks {
		return linkShares(ctx, s, ids)
	}
	return grantShares(ctx, s, ids)
}

func textsOf(ctx context.Context, s *object.Scope, query string, args ...any) ([]string, error) {
	rows, err := s.Tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("listing shares: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, fmt.Errorf("listing shares: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

func linkShares(ctx context.Context, s *object.Scope, ids []string) ([]api.Share, error) {
	rows, err := store.Table{Name: "share_link"}.ByIDs(ctx, s.Tx, s.WorkspaceID, api.ShareLinkKind.Name, ids)
	if err != nil {
		return nil, err
	}
	uses, err := usesOf(ctx, s, ids)
	if err != nil {
		return nil, err
	}
	out := make([]api.Share, 0, len(ids))
	for _, id := range ids {
		obj, err := object.FromRow(api.ShareLinkKind, rows[id], s.Slug)
		if err != nil {
			return nil, err
		}
		l := obj.(*api.ShareLink)
		if err := hydrateLinks(ctx, s, []*api.ShareLink{l}); err != nil {
			return nil, err
		}
		policy, err := PolicyAt(ctx, s, l.Resource)
		if err != nil {
			return nil, err
		}
		share := api.Share{
			Type: "link", ID: l.ID, Key: l.Key, Resource: l.Resource, Name: l.Name, Kind: l.Kind, Principals: []string{}, Level: l.Level,
			AllowDownload: allows(l.AllowDownload), PasswordSet: l.PasswordSet, State: l.State, CreatedBy: l.CreatedBy, CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt,
		}
		for _, email := range l.Recipients {
			share.Principals = append(share.Principals, "email:"+email)
		}
		if share.Tracking = policy.TrackExternalViews; share.Tracking {
			u := uses[id]
			share.ViewCount, share.LastAccessAt = &u.visits, store.FromMicros(u.lastAt)
		}
		out = append(out, share)
	}
	return out, nil
}

func grantShares(ctx context.Context, s *object.Scope, ids []string) ([]api.Share, error) {
	rows, err := store.Table{Name: "access_grant"}.ByIDs(ctx, s.Tx, s.WorkspaceID, api.AccessGrantKind.Name, ids)
	if err != nil {
		return nil, err
	}
	used, err := grantUsesOf(ctx, s, ids)
	if err != nil {
		return nil, err
	}
	out := make([]api.Share, 0, len(ids))
	for _, id := range ids {
		obj, err := object.FromRow(api.AccessGrantKind, rows[id], s.Slug)
		if err != nil {
			return nil, err
		}
		g := obj.(*api.AccessGrant)
		policy, err := PolicyAt(ctx, s, g.Resource)
		if err != nil {
			return nil, err
		}
		share := api.Share{
			Type: "grant", ID: g.ID, Key: g.Key, Resource: g.Resource, Principals: []string{g.Principal}, Level: g.Level + g.Role,
			AllowDownload: g.AllowDownload, State: stateOf(g), CreatedAt: g.CreatedAt, ExpiresAt: g.ExpiresAt,
		}
		if share.Tracking = policy.TrackExternalViews; share.Tracking {
			share.LastAccessAt = store.FromMicros(used[id])
		}
		out = append(out, share)
	}
	return out, nil
}

// Activity is who used a link and when, newest first (C071, C072).
func Activity(ctx context.Context, s *object.Scope, ref, cursor string, limit int) (*api.ShareActivity, error) {
	if err := s.Require(ctx, api.ShareLinkKind.ReadPermission()); err != nil {
		return nil, err
	}
	l, err := object.Find[*api.ShareLink](ctx, s, api.ShareLinkKind, ref)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, object.NotFound(api.ShareLinkKind.Name, ref)
	}
	if ok, err := shareVisible(ctx, s, &api.Share{Type: "link", Resource: l.Resource, CreatedBy: l.CreatedBy}); err != nil || !ok {
		return nil, errors.Join(err, object.NotFound(api.ShareLinkKind.Name, ref))
	}
	out := &api.ShareActivity{Link: l.ID, Items: []api.ShareView{}}
	policy, err := PolicyAt(ctx, s, l.Resource)
	if err != nil || !policy.TrackExternalViews {
		return out, err
	}
	out.Tracking = true
	uses, err := usesOf(ctx, s, []string{l.ID})
	if err != nil {
		return nil, err
	}
	u := uses[l.ID]
	out.ViewCount, out.LastAccessAt = &u.visits, store.FromMicros(u.lastAt)
	if limit <= 0 || limit > api.MaxPageSize {
		limit = api.DefaultPageSize
	}
	return out, viewsOf(ctx, s, l.ID, cursor, limit, out)
}

func viewsOf(ctx context.Context, s *object.Scope, id, cursor string, limit int, out *api.ShareActivity) error {
	last, session, resource, err := openViewCursor(cursor)
	if err != nil {
		return err
	}
	rows, err := s.Tx.QueryContext(ctx, `SELECT first_at, session_hash, resource, viewer, last_at FROM link_view
		WHERE workspace_id = $1 AND link_id = $2 AND (first_at, session_hash, resource) < ($3, $4, $5) ORDER BY first_at DESC, session_hash DESC, resource DESC LIMIT $6`,
		s.WorkspaceID, id, last, session, resource, limit+1)
	if err != nil {
		return fmt.Errorf("reading the views of a link: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if len(out.Items) == limit {
			out.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(strings.Join([]string{strconv.FormatInt(last, 10), session, resource}, " ")))
			break
		}
		var v api.ShareView
		var lastAt int64
		if err := rows.Scan(&last, &session, &resource, &v.Viewer, &lastAt); err != nil {
			return fmt.Errorf("reading the views of a link: %w", err)
		}
		v.Resource = resource
		if !strings.HasPrefix(v.Viewer, audit.ErasedPrefix) {
			v.Viewer = object.PrincipalViewer + ":" + v.Viewer
		}
		v.FirstAt, v.LastAt = time.UnixMicro(last).UTC(), time.UnixMicro(lastAt).UTC()
		out.Items = append(out.Items, v)
	}
	return rows.Err()
}

func openViewCursor(cursor string) (last int64, session, resource string, err error) {
	if cursor == "" {
		return 1 << 62, "", "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.SplitN(string(raw), " ", 3)
	if err != nil || len(parts) != 3 || len(raw) > 4096 {
		return 0, "", "", badCursor()
	}
	if last, err = strconv.ParseInt(parts[0], 10, 64); err != nil {
		return 0, "", "", badCursor()
	}
	return last, parts[1], parts[2], nil
}
