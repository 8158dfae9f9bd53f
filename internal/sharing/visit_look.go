package sharing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// touchEvery is how exact the last access of a visit is: looking around must not write
// with every click.
const touchEvery = time.Minute

// Place is where a visit looks: the link's own item when Path is empty, with the next
// page of what is in it.
type Place struct {
	Path   string
	Below  string // instead of Path: a path below the link's item
	Cursor string
	Limit  int
}

// VisitItem is an item as a visitor sees it.
type VisitItem struct {
	Path, Kind, Name string
	ExternalRef      string // of an asset: where the application finds the media
}

// VisitView is what a visit shows of one place, and what may be done there.
type VisitView struct {
	Workspace string // slug
	LinkID    string
	Name      string // of the link
	Viewer    string // viewer:<e-mail> or viewer:device-<id>
	Verified  bool
	ExpiresAt time.Time // of the visit

	Root     string // the link's item
	Item     VisitItem
	Above    []VisitItem // from the link's item down to the parent of Item
	Children []VisitItem
	Next     string // cursor of the next page of children

	Level    string
	Download bool
	Comments bool
	Identify bool // more may be done after an address is verified
}

// visit is a session as it stands in one transaction.
type visit struct {
	linkFacts
	hash, viewer string
	verified     bool
	expires      time.Time
	revoked      bool
	link         *api.ShareLink
}

func newVisit(session string) (*visit, error) {
	if !plausible(session, prefixVisit) {
		return nil, &Closed{ClosedUnknown}
	}
	return &visit{hash: hashToken(session)}, nil
}

// findVisit looks a session up, wherever it belongs.
func findVisit(ctx context.Context, svc *object.Service, session string) (*visit, error) {
	v, err := newVisit(session)
	if err != nil {
		return nil, err
	}
	return v, svc.DB.Read(ctx, func(tx *store.Tx) error { return v.find(ctx, tx) })
}

// find looks the session up, with its link.
func (v *visit) find(ctx context.Context, tx *store.Tx) error {
	v.linkFacts, v.link = linkFacts{}, nil
	var verified, expires, revoked int64
	err := tx.QueryRowContext(ctx, `SELECT x.viewer, x.verified, x.expires_at, x.revoked_at, x.workspace_id, x.link_id, `+linkColumns+` FROM link_session x`+linkJoins+` WHERE x.hash = $1`, v.hash).
		Scan(append([]any{&v.viewer, &verified, &expires, &revoked}, v.into()...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return &Closed{ClosedUnknown}
	}
	if err != nil {
		return fmt.Errorf("looking up a visit: %w", err)
	}
	v.verified, v.revoked, v.expires = verified == 1, revoked != 0, time.UnixMicro(expires).UTC()
	return nil
}

// read finds the visit again, in the scope's workspace, and judges it.
func (v *visit) read(ctx context.Context, s *object.Scope) error {
	if err := v.find(ctx, s.Tx); err != nil {
		return err
	}
	if v.workspace != s.WorkspaceID {
		return &Closed{ClosedUnknown}
	}
	return v.judge(ctx, s)
}

// judge finds out whether the visit may go on, by everything that can have changed
// since it began: the session, the link, the policy, the recipients, the person.
func (v *visit) judge(ctx context.Context, s *object.Scope) (err error) {
	if v.link, err = v.linkFacts.link(s); err != nil {
		return err
	}
	switch {
	case v.link == nil:
		return &Closed{ClosedRevoked}
	case v.link.State == api.LinkExhausted: // it was among the visits that the link allows
	case v.link.State != api.LinkActive:
		return &Closed{v.link.State}
	}
	// A visit lasts a day at most also where a clock was set back after it began.
	if v.revoked || !s.Now.Before(v.expires) || v.expires.Sub(s.Now) > visitLife+time.Hour {
		return &Closed{ClosedEnded}
	}
	broken, err := breaksPolicy(ctx, s, v.link)
	if err != nil {
		return err
	}
	if broken {
		return &Closed{ClosedPolicy}
	}
	if !v.verified {
		return nil
	}
	ok, err := welcomes(ctx, s, v.link, v.viewer)
	if err == nil && !ok {
		return &Closed{ClosedDenied}
	}
	return err
}

func (v *visit) grant() *object.LinkGrant { return grantOf(v.link, v.verified, v.expires) }

// Visit looks at a link's own item.
func Visit(ctx context.Context, svc *object.Service, session string, from Visitor) (*VisitView, error) {
	return Look(ctx, svc, session, from, Place{})
}

// Look answers what a visit sees at a place. Everything is looked at anew: a link that
// was revoked, a recipient who was taken off it, a policy that is enforced end the
// visit with this call (C074). The error is a *Closed then, and a not_found problem
// for a place that the link does not open.
func Look(ctx context.Context, svc *object.Service, session string, from Visitor, at Place) (*VisitView, error) {
	v, err := newVisit(session)
	if err != nil {
		return nil, err
	}
	var out *VisitView
	var seen time.Time
	c := visitorCaller("", "", "", from)
	err = svc.Enter(ctx, c, func(tx *store.Tx) (object.Entered, error) {
		if err := v.find(ctx, tx); err != nil {
			return object.Entered{}, err
		}
		*c = *visitorCaller(v.workspace, v.at.Slug, v.viewer, from)
		return v.entered(), nil
	}, func(s *object.Scope) error {
		if err := v.judge(ctx, s); err != nil {
			return err
		}
		c.Link = v.grant()
		if out, err = v.look(ctx, s, at); err != nil {
			return err
		}
		seen, err = v.seen(ctx, s, out.Item.Path)
		return err
	})
	if v.workspace == "" && isClosed(err) != nil {
		return nil, err
	}
	if closed := isClosed(err); closed != nil {
		return nil, errors.Join(closed, svc.Do(ctx, c, func(s *object.Scope) error { return v.deny(ctx, s, closed.Reason) }))
	}
	if err != nil {
		return nil, err
	}
	if since := svc.Clock().Sub(seen); !seen.IsZero() && since >= 0 && since < touchEvery {
		return out, nil
	}
	return out, svc.Do(ctx, c, func(s *object.Scope) error { return v.record(ctx, s, out.Item.Path) })
}

func (v *visit) deny(ctx context.Context, s *object.Scope, why string) error {
	key := ""
	if v.link != nil {
		key = v.link.Key
	}
	return noteDenied(ctx, s, v.linkID, key, why)
}

// seen is when the visit last looked at an item; zero for never.
func (v *visit) seen(ctx context.Context, s *object.Scope, path string) (time.Time, error) {
	var at int64
	err := s.Tx.QueryRowContext(ctx, `SELECT last_at FROM link_view WHERE workspace_id = $1 AND link_id = $2 AND session_hash = $3 AND resource = $4`, s.WorkspaceID, v.linkID, v.hash, path).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading a view: %w", err)
	}
	return time.UnixMicro(at).UTC(), nil
}

// record keeps that the visit looked at an item, and writes the first time to the audit
// log, whatever the policy shows to people (X09).
func (v *visit) record(ctx context.Context, s *object.Scope, path string) error {
	now := s.Now.UnixMicro()
	var earlier string
	err := s.Tx.QueryRowContext(ctx, `SELECT resource FROM link_view WHERE workspace_id = $1 AND link_id = $2 AND session_hash = $3 LIMIT 1`, s.WorkspaceID, v.linkID, v.hash).Scan(&earlier)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("recording a view: %w", err)
	}
	res, err := s.Tx.ExecContext(ctx, `INSERT INTO link_view (workspace_id, link_id, session_hash, resource, viewer, first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING`,
		s.WorkspaceID, v.linkID, v.hash, path, v.viewer, now)
	if err != nil {
		return fmt.Errorf("recording a view: %w", err)
	}
	fresh, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("recording a view: %w", err)
	}
	if fresh == 0 {
		if _, err := s.Tx.ExecContext(ctx, `UPDATE link_view SET last_at = $5 WHERE workspace_id = $1 AND link_id = $2 AND session_hash = $3 AND resource = $4`, s.WorkspaceID, v.linkID, v.hash, path, now); err != nil {
			return fmt.Errorf("recording a view: %w", err)
		}
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE link_use SET last_at = $3 WHERE workspace_id = $1 AND link_id = $2`, s.WorkspaceID, v.linkID, now); err != nil {
		return fmt.Errorf("recording a view: %w", err)
	}
	if fresh == 0 {
		return nil
	}
	return s.Record("share_link.viewed", linkTarget(v.linkID, v.link.Key), audit.EffectNeutral, nil,
		map[string]any{"first": earlier == "", "by": s.Caller.Principal(), "resource": path})
}

// look decides, by the ordinary decision with what the link gives, and reads.
func (v *visit) look(ctx context.Context, s *object.Scope, at Place) (*VisitView, error) {
	path, err := at.within(v.link.Resource)
	if err != nil {
		return nil, err
	}
	d, err := s.DecideOn(ctx, path, vocabulary.AssetRead)
	if err != nil {
		return nil, err
	}
	item, err := readItem(ctx, s, path)
	if err != nil {
		return nil, err
	}
	if !d.Allowed || item == nil {
		if path == v.link.Resource {
			return nil, &Closed{ClosedDenied}
		}
		return nil, object.NotFound("item", path)
	}
	out := &VisitView{
		Workspace: s.Slug, LinkID: v.linkID, Name: v.link.Name, Viewer: s.Caller.Principal(), Verified: v.verified, ExpiresAt: s.Caller.Link.ExpiresAt,
		Root: v.link.Resource, Item: *item, Level: d.Level.String(), Identify: !v.verified && mayComment(v.link),
	}
	if out.Download, err = sees(ctx, s, path, vocabulary.AssetDownload); err != nil {
		return nil, err
	}
	if out.Comments, err = sees(ctx, s, path, "comment.create"); err != nil {
		return nil, err
	}
	for _, above := range vocabulary.PathAncestors(vocabulary.ParentPath(path)) {
		if above != v.link.Resource && !strings.HasPrefix(above, v.link.Resource+"/") {
			continue
		}
		up, err := readItem(ctx, s, above)
		if err != nil {
			return nil, err
		}
		if up != nil {
			out.Above = append(out.Above, *up)
		}
	}
	return out, v.children(ctx, s, at, out)
}

const (
	defaultChildren = 50
	maxChildren     = 200
)

// children fills in a page of what is in the item and open to the visit.
func (v *visit) children(ctx context.Context, s *object.Scope, at Place, out *VisitView) error {
	if out.Item.Kind == api.AssetKind.Name {
		return nil
	}
	limit := at.Limit
	if limit <= 0 || limit > maxChildren {
		limit = defaultChildren
	}
	query := `SELECT kind, key, doc FROM item WHERE workspace_id = $1 AND parent = $2 AND key > $3 ORDER BY key LIMIT $4`
	if out.Item.Kind == api.CollectionKind.Name {
		query = `SELECT i.kind, i.key, i.doc FROM collection_asset c CROSS JOIN item i WHERE c.workspace_id = $1 AND c.collection_path = $2 AND c.asset_path > $3 AND i.workspace_id = c.workspace_id AND i.key = c.asset_path ORDER BY c.asset_path LIMIT $4`
	}
	after := at.Cursor
	for {
		page, err := readItems(ctx, s, query, s.WorkspaceID, out.Item.Path, after, limit+1)
		if err != nil {
			return err
		}
		for _, item := range page {
			if len(out.Children) == limit {
				out.Next = after
				return nil
			}
			after = item.Path
			ok, err := sees(ctx, s, item.Path, vocabulary.AssetRead)
			if err != nil {
				return err
			}
			if ok {
				out.Children = append(out.Children, item)
			}
		}
		if len(page) <= limit {
			return nil
		}
	}
}

func readItem(ctx context.Context, s *object.Scope, path string) (*VisitItem, error) {
	items, err := readItems(ctx, s, `SELECT kind, key, doc FROM item WHERE workspace_id = $1 AND key = $2 LIMIT 1`, s.WorkspaceID, path)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	return &items[0], nil
}

func readItems(ctx context.Context, s *object.Scope, query string, args ...any) ([]VisitItem, error) {
	rows, err := s.Tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading items: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []VisitItem
	for rows.Next() {
		var item VisitItem
		var doc string
		if err := rows.Scan(&item.Kind, &item.Path, &doc); err != nil {
			return nil, fmt.Errorf("reading items: %w", err)
		}
		var d struct {
			Name        string `json:"name"`
			ExternalRef string `json:"external_ref"`
		}
		if err := json.Unmarshal([]byte(doc), &d); err != nil {
			return nil, fmt.Errorf("reading the item %s: %w", item.Path, err)
		}
		item.Name, item.ExternalRef = d.Name, d.ExternalRef
		if item.Name == "" {
			item.Name = item.Path[strings.LastIndexByte(item.Path, '/')+1:]
		}
		out = append(out, item)
	}
	return out, rows.Err()
}
