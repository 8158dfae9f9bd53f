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

// gate is a link as it stands in one transaction, with what guards it.
type gate struct {
	workspace, slug string
	linkID, token   string // id, hash
	link            *api.ShareLink
	password        string // hash
	closed          string
}

// findGate looks a token up. A token that was never given out has no workspace.
func findGate(ctx context.Context, svc *object.Service, token string) (*gate, error) {
	if !plausible(token, PrefixLink) {
		return &gate{closed: ClosedUnknown}, nil
	}
	g := &gate{token: hashToken(token)}
	err := svc.DB.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT t.workspace_id, t.link_id, w.slug FROM link_token t JOIN workspace w ON w.id = t.workspace_id WHERE t.hash = $1`, g.token).Scan(&g.workspace, &g.linkID, &g.slug)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return &gate{closed: ClosedUnknown}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking up a link: %w", err)
	}
	return g, nil
}

// read finds out how the link stands in the transaction of the scope.
func (g *gate) read(ctx context.Context, s *object.Scope) error {
	g.link, g.password, g.closed = nil, "", ""
	var revoked int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT revoked_at FROM link_token WHERE hash = $1`, g.token).Scan(&revoked); err != nil {
		return fmt.Errorf("looking up a link: %w", err)
	}
	link, err := object.Find[*api.ShareLink](ctx, s, api.ShareLinkKind, g.linkID)
	if err != nil {
		return err
	}
	if revoked != 0 || link == nil {
		g.closed = ClosedRevoked
		return nil
	}
	g.link = link
	if link.State != api.LinkActive {
		g.closed = link.State // the states are the reasons
		return nil
	}
	if broken, err := breaksPolicy(ctx, s, link); err != nil || broken {
		g.closed = ClosedPolicy
		return err
	}
	if kind, err := itemKind(ctx, s, link.Resource); err != nil || kind == "" {
		g.closed = ClosedRevoked
		return err
	}
	g.password, err = passwordOf(ctx, s, link.ID)
	return err
}

func passwordOf(ctx context.Context, s *object.Scope, id string) (hash string, err error) {
	err = s.Tx.QueryRowContext(ctx, `SELECT hash FROM link_password WHERE workspace_id = $1 AND link_id = $2`, s.WorkspaceID, id).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the password of a link: %w", err)
	}
	return hash, nil
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
		addr = addr.Unmap().WithZone("")
		if addr.Is6() {
			if p, err := addr.Prefix(64); err == nil {
				addr = p.Addr()
			}
		}
		ip = addr.String()
	}
	m := hmac.New(sha256.New, s.Derive("link/address"))
	m.Write([]byte(ip))
	return hex.EncodeToString(m.Sum(nil))[:24]
}

func linkTarget(id, key string) audit.Target {
	return audit.Target{Kind: api.ShareLinkKind.Name, ID: id, Key: key}
}
