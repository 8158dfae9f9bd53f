package sharing

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Measure says which shares to hold to which policies.
type Measure struct {
	// Resource leaves out what lies elsewhere than on this item or below it.
	Resource string
	// Kind leaves out all shares but those of one kind.
	Kind string
	// Sharing are the policies; nil takes those that hold.
	Sharing *object.Sharing
	// InForceOnly leaves out shares that the policy at their place leaves alone.
	InForceOnly bool
}

// share is somebody outside, or anybody with a link, who has something.
type share struct {
	obj       api.Object
	kind      *api.Kind
	name      string
	resource  string
	recipient string
	at        string // resumes after it
	gaps      []gap
}

// gap is one attribute of the policy that a share does not conform with, and what
// would mend it.
type gap struct {
	api.ConformanceGap
	endsAt time.Time
	drop   []string // recipients to take off a link
}

// sharesOf is one kind of shares: it reads those after a place in the order of its
// index, says what is wrong with each, and where to go on; "" at the end. Kinds are
// looked at in the order in which they are enforced: a guest who is suspended takes
// their grants along.
type sharesOf struct {
	kind *api.Kind
	page func(ctx context.Context, s *object.Scope, m *Measure, after string, limit int) (shares []*share, next string, err error)
	mend func(ctx context.Context, s *object.Scope, shares []*share, reason string, out *api.Enforcement) error
}

func measured() []sharesOf {
	all := []sharesOf{
		{api.GuestKind, measureGuests, mendGuests},
		{api.AccessGrantKind, measureGrants, mendGrants},
		{api.RoleAssignmentKind, measureAssignments, mendAssignments},
		{api.ShareLinkKind, measureLinks, mendLinks},
		{api.InvitationKind, measureInvitations, mendInvitations},
	}
	return slices.DeleteFunc(all, func(k sharesOf) bool { return !object.Registered(k.kind) })
}

// mostMeasured bounds how many shares one call looks at; a page may so be short and still
// have a next one.
const mostMeasured = 5000

// Conformance answers a page of the shares that the sharing policy in force at their
// place would not accept today, written as they are (C062, X07). Who may invite and
// whether somebody approved are not measured: they are about making a share.
func Conformance(ctx context.Context, s *object.Scope, m Measure, cursor string, limit int) (api.Page[api.NonconformingShare], error) {
	page := api.Page[api.NonconformingShare]{Items: []api.NonconformingShare{}}
	if err := m.authorise(ctx, s); err != nil {
		return page, err
	}
	if limit <= 0 || limit > api.MaxPageSize {
		limit = api.DefaultPageSize
	}
	kind, after, err := readCursor(cursor)
	if err != nil {
		return page, err
	}
	next, _, err := m.walk(ctx, s, kind, after, mostMeasured, func(sh *share) bool {
		page.Items = append(page.Items, m.describe(s, sh))
		return len(page.Items) < limit
	})
	page.NextCursor = next
	return page, err
}

// authorise: the list names who outside has what, on the item and below it.
func (m *Measure) authorise(ctx context.Context, s *object.Scope) error {
	if err := s.Require(ctx, api.SharingPolicyKind.ReadPermission()); err != nil {
		return err
	}
	if m.Resource == "" {
		return s.RequireOn(ctx, vocabulary.RootPath, grantRead)
	}
	norm, message := api.Normalise("path", m.Resource)
	if message != "" {
		return api.NewProblem(api.CodeMalformed, "The resource %s.", message)
	}
	m.Resource = norm
	return s.RequireOn(ctx, norm, grantRead)
}

// Preview is what policies would mean for the shares that exist.
func Preview(ctx context.Context, s *object.Scope, m Measure) (*api.ConformancePreview, error) {
	const first, most = 100, 50_000
	out := &api.ConformancePreview{Items: []api.NonconformingShare{}, Remedies: map[string]int{}}
	if err := m.authorise(ctx, s); err != nil {
		return nil, err
	}
	next, _, err := m.walk(ctx, s, "", "", most, func(sh *share) bool {
		d := m.describe(s, sh)
		out.Count++
		out.Remedies[d.Remedy]++
		if len(out.Items) < first {
			out.Items = append(out.Items, d)
		}
		return true
	})
	out.Complete = next == ""
	return out, err
}

// walk gives every share that does not conform, from a place on, until found says
// stop or most were looked at. It answers where to go on, "" at the end.
func (m *Measure) walk(ctx context.Context, s *object.Scope, kind, after string, most int, found func(*share) bool) (next string, looked int, err error) {
	if m.Sharing == nil {
		if m.Sharing, err = s.Sharing(ctx); err != nil {
			return "", 0, err
		}
	}
	kinds := measured()
	if m.Kind != "" {
		kinds = slices.DeleteFunc(kinds, func(k sharesOf) bool { return k.kind.Name != m.Kind })
		if len(kinds) == 0 {
			return "", 0, api.NewProblem(api.CodeMalformed, "%q is no kind of share; write one of %s.", m.Kind, strings.Join(measuredNames(), ", "))
		}
	}
	if kind != "" {
		for len(kinds) > 0 && kinds[0].kind.Name != kind {
			kinds = kinds[1:]
		}
	}
	for _, k := range kinds {
		if k.kind.Name != kind {
			after = ""
		}
		for {
			shares, on, err := k.page(ctx, s, m, after, api.MaxPageSize)
			if err != nil {
				return "", looked, err
			}
			for _, sh := range shares {
				looked++
				sh.kind = k.kind
				if len(sh.gaps) == 0 || m.InForceOnly && !m.Sharing.At(sh.resource).InForce(s.Now) {
					continue
				}
				if !found(sh) {
					return writeCursor(k.kind.Name, sh.at), looked, nil
				}
			}
			if after = on; on == "" {
				break
			}
			if looked >= most {
				return writeCursor(k.kind.Name, on), looked, nil
			}
		}
	}
	return "", looked, nil
}

func measuredNames() []string {
	var out []string
	for _, k := range measured() {
		out = append(out, k.kind.Name)
	}
	return out
}

// describe puts a share into words.
func (m *Measure) describe(s *object.Scope, sh *share) api.NonconformingShare {
	policy := m.Sharing.At(sh.resource)
	meta := sh.obj.GetMeta()
	out := api.NonconformingShare{
		Kind: sh.kind.Name, ID: meta.ID, Key: meta.Key, Name: sh.name, Resource: sh.resource, Recipient: sh.recipient,
		Overrides: m.Sharing.Overrides(sh.resource), Existing: policy.ExistingShares, Stopped: policy.InForce(s.Now),
		Remedy: remedyOf(sh.gaps), Reasons: make([]api.ConformanceGap, len(sh.gaps)),
	}
	if out.Overrides == nil {
		out.Overrides = []string{}
	}
	if policy.GrandfatherUntil != nil {
		out.Until = policy.GrandfatherUntil.UTC().Format(time.RFC3339)
	}
	if out.Remedy == api.RemedyShorten {
		out.EndsAt = earliestEnd(sh.gaps).UTC().Format(time.RFC3339)
	}
	if by := meta.ManagedBy; by != nil {
		out.Manager, out.Stack = by.Kind, by.Stack
	}
	for i, g := range sh.gaps {
		out.Reasons[i] = g.ConformanceGap
	}
	return out
}

// remedies from the gravest on: what ends a share also mends what is too long about it.
var remedies = []string{api.RemedySuspend, api.RemedyRevoke, api.RemedyDrop, api.RemedyShorten}

func remedyOf(gaps []gap) string {
	for _, r := range remedies {
		if slices.ContainsFunc(gaps, func(g gap) bool { return g.Remedy == r }) {
			return r
		}
	}
	return ""
}

func earliestEnd(gaps []gap) time.Time {
	var out time.Time
	for _, g := range gaps {
		if g.Remedy == api.RemedyShorten && (out.IsZero() || g.endsAt.Before(out)) {
			out = g.endsAt
		}
	}
	return out
}

// tooLong measures an end against the most days that a share may have. What should
// have ended by now ends at once.
func tooLong(attribute string, days int64, ends, since *time.Time, now time.Time, over string) []gap {
	if ends == nil || since == nil {
		return nil
	}
	last, late := api.LatestEnd(days, *ends, *since)
	if !late {
		return nil
	}
	g := gap{endsAt: last, ConformanceGap: api.ConformanceGap{Attribute: attribute, Remedy: api.RemedyShorten,
		Text: fmt.Sprintf("%s is %d, and it ends %s, later than %s", attribute, days, ends.UTC().Format(time.DateOnly), last.Format(time.DateOnly))}}
	if !last.After(now) {
		g.Remedy = over
	}
	return []gap{g}
}

// asGaps gives the refusals of an address another remedy.
func asGaps(refused []api.ConformanceGap, remedy string) []gap {
	out := make([]gap, len(refused))
	for i, r := range refused {
		r.Remedy = remedy
		out[i] = gap{ConformanceGap: r}
	}
	return out
}

func writeCursor(kind, after string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("c" + kind + "|" + after))
}

func readCursor(cursor string) (kind, after string, err error) {
	if cursor == "" {
		return "", "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	kind, after, found := strings.Cut(string(raw), "|")
	nuls := strings.Count(after, "\x00")
	if err != nil || len(raw) > 4096 || !found || !utf8.Valid(raw) || nuls != 0 && nuls != 2 || !strings.HasPrefix(kind, "c") || !slices.Contains(measuredNames(), kind[1:]) {
		return "", "", api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
	}
	return kind[1:], after, nil
}

// within reports whether a path is at or below the item that was asked about.
func (m *Measure) within(path string) bool {
	return m.Resource == "" || vocabulary.ScopeContains(m.Resource, path)
}
