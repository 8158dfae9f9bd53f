package sharing

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Visitor is what a door knows of somebody at a link.
type Visitor struct {
	IP string
	// Device is what the door remembers the browser by, e.g. a cookie of random bits.
	// Visitors without a verified address are told apart by it.
	Device    string
	RequestID string
}

// What a link asks for before it opens.
const (
	NeedsNothing  = ""
	NeedsPassword = "password"
	NeedsEmail    = "email"
	NeedsCode     = "code" // the one-time code that was mailed
)

// Why a link or a visit is closed.
const (
	ClosedUnknown   = "unknown"
	ClosedRevoked   = "revoked"
	ClosedPending   = "pending_approval"
	ClosedExpired   = "expired"
	ClosedExhausted = "exhausted"
	ClosedPolicy    = "policy" // the sharing policy no longer allows it
	ClosedDenied    = "denied" // the decision says no
	ClosedEnded     = "ended"  // the visit is over, the link may be open
)

// What was wrong with an answer.
const (
	ProblemWrong     = "wrong"     // the password, the code, or the form of the address
	ProblemThrottled = "throttled" // too many attempts; see RetryAfter
	ProblemChanged   = "changed"   // the link was changed meanwhile; begin again
)

// Landing is what a visitor sees before entering. It says nothing about the content.
type Landing struct {
	Closed string // "" while the link is open
	Needs  string
	// Password says that a password is asked for together with the code.
	Password bool
	// Identify says that an anyone link lets more be done after an address is verified:
	// an e-mail address may be given beside what is needed (X11).
	Identify   bool
	Name       string // of an open link
	Kind       string
	Problem    string
	RetryAfter time.Duration // of ProblemThrottled
}

// Answer is what a visitor gives. Doors send what was given before again: nothing is
// remembered between two steps but the code that was mailed.
type Answer struct{ Password, Email, Code string }

// Closed is the error of a visit that is not, or no longer, possible.
type Closed struct{ Reason string }

// Error says why.
func (c *Closed) Error() string { return "the visit is closed: " + c.Reason }

func isClosed(err error) *Closed {
	var c *Closed
	if errors.As(err, &c) {
		return c
	}
	return nil
}

// linkFacts are a link with all that lies beside it and decides whether it is open, as
// one statement reads it: visitors ask for it with every click.
type linkFacts struct {
	linkID    string
	key, doc  sql.NullString
	created   sql.NullInt64
	updated   sql.NullInt64
	password  sql.NullString // hash
	item      sql.NullString // kind of what the link opens
	visits    sql.NullInt64
	workspace string
	at        object.Entered
}

const (
	linkColumns = `w.slug, w.authz_version, w.policy_version, l.key, l.doc, l.created_at, l.updated_at, p.hash, i.kind, u.visits`
	// linkJoins finds them for x, which has workspace_id and link_id; those two and the
	// columns are what into takes.
	linkJoins = ` JOIN workspace w ON w.id = x.workspace_id LEFT JOIN share_link l ON l.workspace_id = x.workspace_id AND l.id = x.link_id
		LEFT JOIN link_password p ON p.workspace_id = x.workspace_id AND p.link_id = x.link_id
		LEFT JOIN link_use u ON u.workspace_id = x.workspace_id AND u.link_id = x.link_id
		LEFT JOIN item i ON i.workspace_id = x.workspace_id AND i.key = l.resource`
)

func (st *linkFacts) into() []any {
	return []any{&st.workspace, &st.linkID, &st.at.Slug, &st.at.AuthzVersion, &st.at.PolicyVersion, &st.key, &st.doc, &st.created, &st.updated, &st.password, &st.item, &st.visits}
}

// entered is the workspace of what was found, "" for nothing.
func (st *linkFacts) entered() object.Entered {
	st.at.WorkspaceID = st.workspace
	return st.at
}

// link decodes the link, nil when it was deleted.
func (st *linkFacts) link(s *object.Scope) (*api.ShareLink, error) {
	if !st.doc.Valid {
		return nil, nil
	}
	created, updated := time.UnixMicro(st.created.Int64).UTC(), time.UnixMicro(st.updated.Int64).UTC()
	obj, err := object.FromRow(api.ShareLinkKind, &store.Row{WorkspaceID: s.WorkspaceID, Kind: api.ShareLinkKind.Name, ID: st.linkID, Key: st.key.String, Doc: st.doc.String, CreatedAt: created, UpdatedAt: updated, ManagedAt: created}, s.Slug)
	if err != nil {
		return nil, err
	}
	l := obj.(*api.ShareLink)
	l.State = stateNow(l, st.visits.Int64, s.Now)
	return l, nil
}

// gate is a link as it stands in one transaction, by the token of its URL.
type gate struct {
	linkFacts
	token    string // hash
	revoked  int64
	link     *api.ShareLink
	password string // hash
	closed   string
}

// find looks a token up; one that was never given out has no workspace.
func (g *gate) find(ctx context.Context, tx *store.Tx) error {
	g.linkFacts = linkFacts{}
	err := tx.QueryRowContext(ctx, `SELECT x.revoked_at, x.workspace_id, x.link_id, `+linkColumns+` FROM link_token x`+linkJoins+` WHERE x.hash = $1`, g.token).
		Scan(append([]any{&g.revoked}, g.into()...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking up a link: %w", err)
	}
	return nil
}

// judge says how the link that was found stands in the transaction of the scope.
func (g *gate) judge(ctx context.Context, s *object.Scope) (err error) {
	g.closed, g.password = "", g.linkFacts.password.String
	if g.link, err = g.linkFacts.link(s); err != nil {
		return err
	}
	switch {
	case g.link == nil || g.revoked != 0 || !g.item.Valid:
		g.closed = ClosedRevoked
		return nil
	case g.link.State != api.LinkActive:
		g.closed = g.link.State // the states are the reasons
		return nil
	}
	broken, err := breaksPolicy(ctx, s, g.link)
	if broken {
		g.closed = ClosedPolicy
	}
	return err
}

// read finds the link again and judges it, in another transaction.
func (g *gate) read(ctx context.Context, s *object.Scope) error {
	if err := g.find(ctx, s.Tx); err != nil {
		return err
	}
	return g.judge(ctx, s)
}

// breaksPolicy reports whether the sharing policy, where it applies to shares that
// exist, does not allow the link as a whole any more (X07). Single recipients whom it
// does not allow are refused one by one.
func breaksPolicy(ctx context.Context, s *object.Scope, l *api.ShareLink) (bool, error) {
	policy, err := PolicyAt(ctx, s, l.Resource)
	if err != nil || !policy.InForce(s.Now) {
		return false, err
	}
	return len(linkBreaks(policy, l, s.Now)) > 0, nil
}

// linkBreaks is what the sharing policy says against a link, whoever its recipients.
func linkBreaks(p *api.SharingPolicy, l *api.ShareLink, now time.Time) []api.Violation {
	out := asViolations("/kind", refuseKind(p, l))
	out = append(out, asViolations("/password_wo", refuseNoPassword(p, l))...)
	since := linkSince(l)
	if since == nil || l.ExpiresAt == nil {
		return out
	}
	// Enforced, a link ends when it should; one that should have ended is over.
	if last, late := api.LatestEnd(p.MaxLinkExpirationDays, *l.ExpiresAt, *since); late && !last.After(now) {
		out = append(out, asViolations("/expires_at", fmt.Sprintf("max_link_expiration_days of the sharing policy is %d, so the link ended %s", p.MaxLinkExpirationDays, last.Format(time.RFC3339)))...)
	}
	return out
}

// landing says what the visitor needs to do first.
func (g *gate) landing() *Landing {
	if g.closed != "" {
		return &Landing{Closed: g.closed}
	}
	l := &Landing{Name: g.link.Name, Kind: g.link.Kind}
	switch {
	case g.link.Kind == api.LinkRecipient:
		l.Needs = NeedsEmail
	case g.password != "":
		l.Needs = NeedsPassword
	}
	l.Identify = g.link.Kind == api.LinkAnyone && mayComment(g.link)
	return l
}

// landingOf is the landing after a step that asks for something, or went wrong.
func (g *gate) landingOf(needs, problem string) *Landing {
	l := g.landing()
	if l.Closed == "" {
		l.Needs, l.Problem = needs, problem
		l.Password = needs == NeedsCode && g.password != ""
	}
	return l
}

func mayComment(l *api.ShareLink) bool {
	return l.Level == vocabulary.LevelComment.String() || l.AllowComments
}

// grantOf is what the link gives. Commenting takes a verified address (X11).
func grantOf(l *api.ShareLink, verified bool, until time.Time) *object.LinkGrant {
	level := vocabulary.LevelView
	if verified && mayComment(l) {
		level = vocabulary.LevelComment
	}
	if l.ExpiresAt != nil && l.ExpiresAt.Before(until) {
		until = *l.ExpiresAt
	}
	return &object.LinkGrant{ID: l.ID, Resource: l.Resource, Level: level, AllowDownload: allows(l.AllowDownload), ExpiresAt: until}
}

// welcomes reports whether an address may use the link now: a recipient of it, or
// anybody at an anyone link, whom the policy does not shut out and who is not
// suspended here.
func welcomes(ctx context.Context, s *object.Scope, l *api.ShareLink, email string) (bool, error) {
	if l.Kind == api.LinkRecipient && !slices.Contains(l.Recipients, email) {
		return false, nil
	}
	role, active, err := memberStanding(ctx, s, email)
	if err != nil || role != "" && !active {
		return false, err
	}
	if vocabulary.Role(role).Internal() {
		return true, nil
	}
	policy, err := PolicyAt(ctx, s, l.Resource)
	if err != nil {
		return false, err
	}
	// Blocked domains never receive anything by an anyone link; recipients were
	// accepted under the policy of then, unless today's is to be enforced.
	if l.Kind == api.LinkAnyone {
		return !slices.Contains(policy.BlockedDomains, domainOf(email)), nil
	}
	return !policy.InForce(s.Now) || refuseDomain(policy, email) == "", nil
}

// visitorCaller is the caller of what a visitor does. Before an address is verified
// the device names them.
func visitorCaller(workspace, slug, viewer string, v Visitor) *object.Caller {
	return &object.Caller{WorkspaceID: workspace, WorkspaceSlug: slug, Kind: object.PrincipalViewer, ID: object.PrincipalViewer + ":" + viewer, Key: viewer,
		Door: audit.DoorWeb, IP: v.IP, Device: v.Device, RequestID: v.RequestID}
}

// deviceKey names a device within a workspace, so that two workspaces cannot find out
// that they are visited by the same one.
func deviceKey(workspace, device string) string {
	if device == "" {
		device = randomText()
	}
	sum := sha256.Sum256([]byte(workspace + "\x00" + device))
	return "device-" + hex.EncodeToString(sum[:])[:20]
}

// addressKey is what attempts from an address are counted by: a keyed digest, because
// addresses are personal; of IPv6 the network, because a household has so many.
func addressKey(s *object.Scope, ip string) string {
	if addr, err := netip.ParseAddr(ip); err == nil {
		ip = network(addr, 64).String()
	}
	return keyedDigest(s, "link/address", ip)
}

// siteKey is addressKey for the IPv6 network that a site is usually given, "" where the
// address is none of IPv6.
func siteKey(s *object.Scope, ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || !addr.Unmap().Is6() {
		return ""
	}
	return keyedDigest(s, "link/site", network(addr, 48).String())
}

// network is an address of IPv4 as it is, and of IPv6 the first one of its network.
func network(addr netip.Addr, bits int) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return addr
	}
	return p.Addr()
}

// keyedDigest stands for something personal in a counter.
func keyedDigest(s *object.Scope, use, what string) string {
	m := hmac.New(sha256.New, s.Derive(use))
	m.Write([]byte(what))
	return hex.EncodeToString(m.Sum(nil))[:24]
}

func linkTarget(id, key string) audit.Target {
	return audit.Target{Kind: api.ShareLinkKind.Name, ID: id, Key: key}
}
