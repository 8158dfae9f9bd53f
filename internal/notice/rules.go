package notice

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// telling is an event of the audit log on its way to people.
type telling struct {
	event string // api.Event…
	item  string // path; "" when it is about none
	to    []string
	// once names what is told a single time, however many events say it.
	once string
	// open tells people who need no access to the item: those who decide about it.
	open bool
}

// rule says who is told of an event, with what, in the transaction that reads it.
type rule func(ctx context.Context, s *object.Scope, e *audit.Event, f facts) ([]telling, error)

// facts is what the other capabilities write into After of the events that count here.
type facts struct {
	First       bool     `json:"first"`
	By          string   `json:"by"`
	Item        string   `json:"item"`
	Mentions    []string `json:"mentions"`
	Review      string   `json:"review"`
	Parent      string   `json:"parent"`
	Reviewers   []string `json:"reviewers"`
	DueAt       string   `json:"due_at"`
	Verdict     string   `json:"verdict"`
	RequestedBy string   `json:"requested_by"`
	Requester   string   `json:"requester"`
	Summary     string   `json:"summary"`
	State       string   `json:"state"`
	Resources   []string `json:"resources"`
	ExpiresAt   string   `json:"expires_at"`
	InvitedBy   string   `json:"inviter"`
}

// factsOf reads them. What does not look as expected says nothing: an event that
// cannot be understood must not stop those behind it.
func factsOf(e *audit.Event) facts {
	var f facts
	if len(e.After) > 0 && json.Unmarshal(e.After, &f) != nil {
		return facts{}
	}
	return f
}

// actionExpiring is what the hourly scan writes when a link is about to end.
const actionExpiring = "share_link.expiring"

// rules by action (C083).
var rules = map[string]rule{
	"share_link.viewed":         linkViewed,
	actionExpiring:              linkExpiring,
	"comment.created":           commented,
	"review.requested":          reviewRequested,
	"review.verdict_given":      verdictGiven,
	"approval_request.created":  approvalRequested,
	"approval_request.approved": approvalDecided,
	"approval_request.denied":   approvalDecided,
	"approval_request.expired":  approvalDecided,
	"invitation.accepted":       invitationAccepted,
}

// linkViewed tells whoever made a link that somebody looked for the first time: each
// visitor with a verified address once, all others once together. Where the sharing
// policy shows no use, it tells nobody (X09).
func linkViewed(ctx context.Context, s *object.Scope, e *audit.Event, f facts) ([]telling, error) {
	if !f.First {
		return nil, nil
	}
	maker, resource, err := linkMaker(ctx, s, e.Target.ID)
	if err != nil || maker == "" {
		return nil, err
	}
	policy, err := sharing.PolicyAt(ctx, s, resource)
	if err != nil || !policy.TrackExternalViews {
		return nil, err
	}
	viewer := "anyone"
	if strings.Contains(f.By, "@") {
		viewer = hex.EncodeToString(s.Derive("notice/" + strings.ToLower(f.By))[:16])
	}
	return []telling{{event: api.EventLinkViewed, item: resource, to: []string{maker}, once: "viewed/" + e.Target.ID + "/" + viewer}}, nil
}

func linkExpiring(ctx context.Context, s *object.Scope, e *audit.Event, _ facts) ([]telling, error) {
	maker, resource, err := linkMaker(ctx, s, e.Target.ID)
	if err != nil || maker == "" {
		return nil, err
	}
	return []telling{{event: api.EventLinkExpiring, item: resource, to: []string{maker}}}, nil
}

// linkMaker reads who made a link that is still open, and of what; "" when there is
// none. The row of another capability is read as it is stored.
func linkMaker(ctx context.Context, s *object.Scope, id string) (maker, resource string, err error) {
	err = s.Tx.QueryRowContext(ctx, `SELECT created_by, resource FROM share_link WHERE workspace_id = $1 AND id = $2 AND state = 'active'`, s.WorkspaceID, id).Scan(&maker, &resource)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("reading the maker of a link: %w", err)
	}
	return maker, resource, nil
}

// commented tells those who are mentioned; and of the comment the owner of the item,
// whoever asked for the review, and whose thread it answers, unless they are mentioned.
func commented(ctx context.Context, s *object.Scope, _ *audit.Event, f facts) ([]telling, error) {
	mention := telling{event: api.EventMention, item: f.Item}
	told := map[string]bool{}
	for _, m := range f.Mentions {
		p := personOf(m)
		told[p], mention.to = true, append(mention.to, p)
	}
	comment := telling{event: api.EventComment, item: f.Item}
	owner, err := ownerOf(ctx, s, f.Item)
	if err != nil {
		return nil, err
	}
	asked, err := oneText(ctx, s, `SELECT requested_by FROM review WHERE workspace_id = $1 AND id = $2`, f.Review)
	if err != nil {
		return nil, err
	}
	thread, err := oneText(ctx, s, `SELECT author FROM item_comment WHERE workspace_id = $1 AND id = $2`, f.Parent)
	if err != nil {
		return nil, err
	}
	for _, p := range []string{owner, asked, thread} {
		if p != "" && !told[p] {
			told[p], comment.to = true, append(comment.to, p)
		}
	}
	if len(mention.to) == 0 {
		return []telling{comment}, nil
	}
	return []telling{mention, comment}, nil
}

// personOf takes an address or a principal.
func personOf(s string) string {
	if kind, _, ok := api.SplitPrincipal(s); ok && (kind == object.PrincipalMember || kind == "email") {
		return s
	}
	return "member:" + s
}

// ownerOf is the owner of the project that an item lies in, as member:…; "" for none.
func ownerOf(ctx context.Context, s *object.Scope, path string) (string, error) {
	norm, err := vocabulary.NormalizePath(path)
	if err != nil {
		return "", nil //nolint:nilerr // an event that is not understood tells nobody
	}
	ancestors := vocabulary.PathAncestors(norm)
	for i := len(ancestors) - 1; i >= 0; i-- {
		if ancestors[i] == vocabulary.RootPath {
			continue
		}
		project, err := object.Find[*api.Project](ctx, s, api.ProjectKind, ancestors[i])
		if err != nil {
			return "", err
		}
		if project != nil {
			if project.Owner == "" {
				return "", nil
			}
			return "member:" + project.Owner, nil
		}
	}
	return "", nil
}

// oneText reads one text by an id; "" when the id is empty or nothing has it.
func oneText(ctx context.Context, s *object.Scope, query, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	var out string
	err := s.Tx.QueryRowContext(ctx, query, s.WorkspaceID, id).Scan(&out)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading who is to be told: %w", err)
	}
	return out, nil
}

func reviewRequested(_ context.Context, _ *object.Scope, _ *audit.Event, f facts) ([]telling, error) {
	t := telling{event: api.EventReviewRequested, item: f.Item}
	for _, r := range f.Reviewers {
		t.to = append(t.to, personOf(r))
	}
	return []telling{t}, nil
}

func verdictGiven(_ context.Context, _ *object.Scope, _ *audit.Event, f facts) ([]telling, error) {
	return []telling{{event: api.EventVerdict, item: f.Item, to: []string{f.RequestedBy}}}, nil
}

func approvalRequested(ctx context.Context, s *object.Scope, e *audit.Event, f facts) ([]telling, error) {
	approvers, err := sharing.ApproversOf(ctx, s, e.Target.ID)
	var p *api.Problem
	if errors.As(err, &p) {
		return nil, nil // it has gone
	}
	if err != nil {
		return nil, err
	}
	return []telling{{event: api.EventApprovalRequested, item: firstOf(f.Resources), to: approvers, open: true}}, nil
}

func approvalDecided(_ context.Context, _ *object.Scope, _ *audit.Event, f facts) ([]telling, error) {
	return []telling{{event: api.EventApprovalDecided, item: firstOf(f.Resources), to: []string{f.Requester}, open: true}}, nil
}

func invitationAccepted(_ context.Context, _ *object.Scope, _ *audit.Event, f facts) ([]telling, error) {
	return []telling{{event: api.EventInvitationAccepted, to: []string{f.InvitedBy}, open: true}}, nil
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
