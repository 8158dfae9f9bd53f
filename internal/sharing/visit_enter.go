package sharing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// visitLife is the longest that a visit goes on without entering again.
const visitLife = 24 * time.Hour

// OpenLink says what somebody with a link's token sees before entering.
func OpenLink(ctx context.Context, svc *object.Service, token string, v Visitor) (*Landing, error) {
	g, err := knock(ctx, svc, token, v)
	if err != nil {
		return nil, err
	}
	return g.landing(), nil
}

// knock finds a link and how it stands, and notes who came to a closed one.
func knock(ctx context.Context, svc *object.Service, token string, v Visitor) (*gate, error) {
	if !plausible(token, PrefixLink) {
		return &gate{closed: ClosedUnknown}, nil
	}
	g := &gate{token: hashToken(token)}
	c := visitorCaller("", "", "", v)
	err := svc.Enter(ctx, c, func(tx *store.Tx) (object.Entered, error) {
		if err := g.find(ctx, tx); err != nil {
			return object.Entered{}, err
		}
		*c = *visitorCaller(g.workspace, g.at.Slug, deviceKey(g.workspace, v.Device), v)
		return g.entered(), nil
	}, func(s *object.Scope) error { return g.judge(ctx, s) })
	if err != nil {
		return nil, err
	}
	if g.workspace == "" {
		g.closed = ClosedUnknown
		return g, nil
	}
	if g.closed != "" {
		return g, svc.Do(ctx, c, func(s *object.Scope) error { return g.deny(ctx, s, g.closed) })
	}
	return g, nil
}

func (g *gate) deny(ctx context.Context, s *object.Scope, why string) error {
	key := ""
	if g.link != nil {
		key = g.link.Key
	}
	return noteDenied(ctx, s, g.linkID, key, why)
}

// EnterLink takes a visitor's answer. It gives a session once everything that the link
// asks for is there and right; until then the landing says what is next. An address
// that the link does not name is answered exactly as one that it does.
func EnterLink(ctx context.Context, svc *object.Service, token string, v Visitor, a Answer) (session string, next *Landing, err error) {
	g, err := knock(ctx, svc, token, v)
	if err != nil || g.closed != "" {
		return "", g.landing(), err
	}
	e := &entrance{gate: g, svc: svc, visitor: v, answer: a, caller: visitorCaller(g.workspace, g.at.Slug, deviceKey(g.workspace, v.Device), v)}
	return e.run(ctx)
}

// entrance is one attempt to enter a link.
type entrance struct {
	*gate
	svc     *object.Service
	visitor Visitor
	answer  Answer
	caller  *object.Caller
	email   string
}

func (e *entrance) run(ctx context.Context) (string, *Landing, error) {
	identified := e.link.Kind == api.LinkRecipient || e.answer.Email != ""
	if identified {
		email, err := api.NormaliseEmail(strings.TrimSpace(e.answer.Email))
		if err == nil {
			err = vocabulary.ValidateEmail(email)
		}
		if err != nil {
			problem := ""
			if e.answer.Email != "" {
				problem = ProblemWrong
			}
			return "", e.landingOf(e.landing().Needs, problem), nil
		}
		e.email = email
	}
	// Recipients give the password with their code: nobody guesses it before a code was
	// mailed. At an anyone link it comes first: nobody has mail sent without it.
	guarded := e.password != "" && (e.link.Kind == api.LinkAnyone || e.answer.Code != "")
	stage := e.landing().Needs
	if e.answer.Code != "" {
		stage = NeedsCode
	}
	if guarded && e.answer.Password == "" {
		return "", e.landingOf(stage, ""), nil
	}
	if guarded || identified && e.answer.Code != "" {
		wait, err := e.attempt(ctx)
		if err != nil || wait > 0 {
			return "", e.throttled(stage, wait), err
		}
	}
	if guarded {
		ok, err := checkHash(ctx, e.password, e.answer.Password)
		if err != nil {
			return "", nil, err
		}
		if !ok {
			return "", e.landingOf(stage, ProblemWrong), e.svc.Do(ctx, e.caller, func(s *object.Scope) error { return e.deny(ctx, s, "wrong password") })
		}
	}
	if identified && e.answer.Code == "" {
		return e.mailCode(ctx, guarded)
	}
	return e.admit(ctx)
}

func (e *entrance) throttled(stage string, wait time.Duration) *Landing {
	l := e.landingOf(stage, ProblemThrottled)
	l.RetryAfter = wait
	return l
}

// attempt counts before anything is compared, so that guesses sent at once count too.
func (e *entrance) attempt(ctx context.Context) (wait time.Duration, err error) {
	err = e.svc.Do(ctx, e.caller, func(s *object.Scope) (err error) {
		if wait, err = count(ctx, s, tryLimits(s, e.linkID, e.visitor.IP)...); err != nil || wait == 0 {
			return err
		}
		return e.deny(ctx, s, "too many attempts")
	})
	return wait, err
}

// anew reads the link again in the transaction that acts on an answer: no password is
// verified in one, so that the link may be another by now. nil is as it was; seen is
// the hash that the answer was verified against.
func (e *entrance) anew(ctx context.Context, s *object.Scope, seen string) (*Landing, error) {
	if err := e.read(ctx, s); err != nil {
		return nil, err
	}
	switch {
	case e.closed != "":
		return e.landing(), e.deny(ctx, s, e.closed)
	case e.password != seen:
		return e.landingOf(e.landing().Needs, ProblemChanged), nil
	}
	return nil, nil
}

func (e *entrance) mailCode(ctx context.Context, guarded bool) (string, *Landing, error) {
	var wait time.Duration
	var next *Landing
	seen := e.password
	err := e.svc.Do(ctx, e.caller, func(s *object.Scope) (err error) {
		if next, err = e.anew(ctx, s, seen); err != nil || next != nil {
			return err
		}
		if guarded { // the password was right; it is asked for again with the code
			if err := giveBack(ctx, s, tryLimits(s, e.linkID, e.visitor.IP)...); err != nil {
				return err
			}
		}
		wait, err = sendCode(ctx, s, e.link, e.email, e.visitor.IP)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if next != nil {
		return "", next, nil
	}
	if wait > 0 {
		// A code that was sent a moment ago still counts; both answers ask for it.
		return "", e.throttled(NeedsCode, wait), nil
	}
	return "", e.landingOf(NeedsCode, ""), nil
}

// admit lets the visitor in, or finds in its own transaction that something has
// changed since the answer was looked at.
func (e *entrance) admit(ctx context.Context) (session string, next *Landing, err error) {
	seen := e.password
	err = e.svc.Do(ctx, e.caller, func(s *object.Scope) (err error) {
		session, next = "", nil
		// The lock that revoking, changing and counting the last view go by.
		if err := lockLink(ctx, s, e.linkID); err != nil {
			return err
		}
		if next, err = e.anew(ctx, s, seen); err != nil || next != nil {
			return err
		}
		viewer, verified := e.caller.Key, int64(0)
		if e.email != "" {
			ok, err := e.verified(ctx, s)
			if err != nil {
				return err
			}
			if !ok {
				next = e.landingOf(NeedsCode, ProblemWrong)
				return e.deny(ctx, s, "wrong code")
			}
			viewer, verified = e.email, 1
		}
		if open, err := countVisit(ctx, s, e.link); err != nil || !open {
			e.closed = ClosedExhausted
			next = e.landing()
			if err != nil {
				return err
			}
			return e.deny(ctx, s, e.closed)
		}
		if e.password != "" || e.email != "" {
			if err := giveBack(ctx, s, tryLimits(s, e.linkID, e.visitor.IP)...); err != nil {
				return err
			}
		}
		session = prefixVisit + randomText()
		return keepSession(ctx, s, e.link, session, viewer, verified)
	})
	if err != nil {
		return "", nil, err
	}
	return session, next, nil
}

// verified checks the code and, after it, whether the address is welcome: who guesses
// at codes learns nothing about addresses.
func (e *entrance) verified(ctx context.Context, s *object.Scope) (bool, error) {
	ok, err := useCode(ctx, s, e.linkID, e.email, e.answer.Code)
	if err != nil || !ok {
		return false, err
	}
	return welcomes(ctx, s, e.link, e.email)
}

// countVisit takes one of the visits that the link allows. Two visitors at the last one
// change one row: one of them finds none left.
func countVisit(ctx context.Context, s *object.Scope, l *api.ShareLink) (bool, error) {
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO link_use (workspace_id, link_id, visits, last_at) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING`, s.WorkspaceID, l.ID); err != nil {
		return false, fmt.Errorf("counting a visit: %w", err)
	}
	most := l.MaxViews
	if most == 0 {
		most = 1 << 60
	}
	res, err := s.Tx.ExecContext(ctx, `UPDATE link_use SET visits = visits + 1, last_at = $3 WHERE workspace_id = $1 AND link_id = $2 AND visits < $4`, s.WorkspaceID, l.ID, s.Now.UnixMicro(), most)
	if err != nil {
		return false, fmt.Errorf("counting a visit: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

func keepSession(ctx context.Context, s *object.Scope, l *api.ShareLink, session, viewer string, verified int64) error {
	until := s.Now.Add(visitLife)
	if l.ExpiresAt != nil && l.ExpiresAt.Before(until) {
		until = *l.ExpiresAt
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO link_session (hash, workspace_id, link_id, viewer, verified, created_at, expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`,
		hashToken(session), s.WorkspaceID, l.ID, viewer, verified, s.Now.UnixMicro(), store.Micros(&until)); err != nil {
		return fmt.Errorf("beginning a visit: %w", err)
	}
	return nil
}
