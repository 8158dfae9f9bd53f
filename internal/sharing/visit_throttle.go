package sharing

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// limit is how many attempts a window allows.
type limit struct {
	subject  string
	attempts int64
	window   time.Duration
}

// Limits of guessing. What counts is an address at a link: whoever guesses uses up their
// own tries, and locks nobody else out. Of IPv6 an address is a /64, because a household
// has one, and besides a /48, because whoever is given one has 65,536 of those.
//
// Against many addresses that guess together stands the total of a link. It is a
// backstop, far above what visitors need, and only tries that the limits of their own
// address have let through count for it: it takes fifty addresses that guess all the
// time to reach it. Then the link takes no guess from anybody for the rest of the hour,
// because a flood that size gets through the 10,000 commonest passwords in five hours at
// least and through random ones never, while without an end to it the size of the flood
// would be all that bounds it. The refusals are in the audit log; a new URL ends it.
const (
	triesPerVisitor = 10  // an address at one link, in a quarter of an hour
	triesPerAddress = 40  // an address at all links of a workspace
	triesPerSite    = 100 // an IPv6 /48 at one link
	triesPerLink    = 2000

	codesPerEmail   = 6 // in an hour
	codesPerAddress = 20
	codesPerLink    = 1000 // more than all recipients of a link could be mailed

	denialsNoted = 3 // per address, link and hour: the log must not be anybody's to fill

	quarter = 15 * time.Minute

	clocksDiffer = time.Minute // at most, between replicas
)

// tryLimits are the limits of guesses from an address, its own before those of others.
func tryLimits(s *object.Scope, link, ip string) []limit {
	from := addressKey(s, ip)
	own := []limit{
		{"try/" + link + "/" + from, triesPerVisitor, quarter},
		{"try/" + from, triesPerAddress, quarter},
	}
	if site := siteKey(s, ip); site != "" {
		own = append(own, limit{"try/" + link + "/" + site, triesPerSite, quarter})
	}
	return append(own, limit{"try/" + link, triesPerLink, time.Hour})
}

func codeLimits(s *object.Scope, link, ip, email string) []limit {
	return []limit{
		{"code/" + link + "/" + email, codesPerEmail, time.Hour},
		{"code/" + addressKey(s, ip), codesPerAddress, time.Hour},
		{"code/" + link, codesPerLink, time.Hour},
	}
}

// count notes one attempt at each limit and says how long to wait, 0 for go on. What one
// limit refuses does not count for those after it: attempts that nobody looks at use up
// nothing that is others' as well. The counters are rows that replicas share.
//
// A window that ends later than any could is one that a clock put there before it was
// set back: it is begun anew. Later is more than the clocks of replicas, and
// transactions that overtake each other, may differ by; tries that are sent at once
// would begin the window anew otherwise.
func count(ctx context.Context, s *object.Scope, limits ...limit) (wait time.Duration, err error) {
	for _, l := range limits {
		var attempts, end int64
		now := s.Now.UnixMicro()
		next := s.Now.Add(l.window).UnixMicro()
		err := s.Tx.QueryRowContext(ctx, `INSERT INTO link_throttle (workspace_id, subject, window_end, attempts) VALUES ($1, $2, $4, 1)
			ON CONFLICT (workspace_id, subject) DO UPDATE SET
				attempts = CASE WHEN link_throttle.window_end <= $3 OR link_throttle.window_end > $5 THEN 1 ELSE link_throttle.attempts + 1 END,
				window_end = CASE WHEN link_throttle.window_end <= $3 OR link_throttle.window_end > $5 THEN $4 ELSE link_throttle.window_end END
			RETURNING attempts, window_end`, s.WorkspaceID, l.subject, now, next, next+clocksDiffer.Microseconds()).Scan(&attempts, &end)
		if err != nil {
			return 0, fmt.Errorf("counting attempts: %w", err)
		}
		if attempts > l.attempts {
			return time.Duration(end-now) * time.Microsecond, nil
		}
	}
	return 0, nil
}

// giveBack takes an attempt that was right off the counters.
func giveBack(ctx context.Context, s *object.Scope, limits ...limit) error {
	for _, l := range limits {
		if _, err := s.Tx.ExecContext(ctx, `UPDATE link_throttle SET attempts = attempts - 1 WHERE workspace_id = $1 AND subject = $2 AND attempts > 0`, s.WorkspaceID, l.subject); err != nil {
			return fmt.Errorf("counting attempts: %w", err)
		}
	}
	return nil
}

// noteDenied writes a refusal at a link to the audit log, the first few times. The
// caller is the visitor.
func noteDenied(ctx context.Context, s *object.Scope, id, key, why string) error {
	wait, err := count(ctx, s, limit{"denied/" + id + "/" + addressKey(s, s.Caller.IP) + "/" + why, denialsNoted, time.Hour})
	if err != nil || wait > 0 {
		return err
	}
	return s.Record("share_link.denied", linkTarget(id, key), audit.EffectNeutral, nil, map[string]any{"by": s.Caller.Principal()}, why)
}
