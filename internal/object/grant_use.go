package object

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// maxGrantUses bounds what one process remembers of used grants. Beyond it, uses are not
// noted until what there is has been written down.
const maxGrantUses = 20_000

// grantUses remembers which grants people outside have used, until FlushGrantUses writes
// it down: no request waits for it. Of each grant it notes one use an hour.
type grantUses struct {
	mu   sync.Mutex
	due  map[grantKey]int64 // microseconds of uses that are not written yet
	hour map[grantKey]int64 // in which the last use was noted
}

type grantKey struct{ workspace, grant string }

// note keeps a use, unless there was one in the same hour.
func (u *grantUses) note(k grantKey, at time.Time) {
	hour := at.Unix() / int64(time.Hour/time.Second)
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, noted := u.hour[k]; noted && last >= hour || len(u.due) >= maxGrantUses {
		return
	}
	if len(u.hour) >= maxGrantUses {
		u.hour = nil // then some are noted twice in this hour
	}
	if u.due == nil {
		u.due = map[grantKey]int64{}
	}
	if u.hour == nil {
		u.hour = map[grantKey]int64{}
	}
	u.due[k], u.hour[k] = at.UnixMicro(), hour
}

// take empties what is due; giveBack is for what could not be written.
func (u *grantUses) take() map[grantKey]int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	due := u.due
	u.due = nil
	return due
}

func (u *grantUses) giveBack(due map[grantKey]int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k, at := range u.due {
		due[k] = max(due[k], at)
	}
	u.due = due
}

// Decided notes which grants let somebody from outside do something on an item (C072). A
// decision counts as use when they asked for themselves, or when an application (a
// service account) asked what they may do; what others ask to know is no use of anything.
func (s *Scope) Decided(subject *access.Subject, item *access.Item, d access.Decision) {
	if !d.Allowed || !subject.External || s.DryRun {
		return
	}
	if s.Caller.Kind != PrincipalServiceAccount && s.Caller.Principal() != subject.Principal.String() {
		return
	}
	var ids []string
	byRole := false
	for _, r := range d.Reasons {
		switch r.Kind {
		case access.ReasonGrant:
			ids = append(ids, r.ID)
		case access.ReasonRole:
			byRole = true
		}
	}
	if len(ids) == 0 && !byRole {
		return
	}
	for _, chain := range append([][]access.Node{item.Chain}, item.Collections...) {
		for i := range chain {
			for _, g := range subject.Grants[chain[i].Path] {
				live := g.ExpiresAt.IsZero() || g.ExpiresAt.After(s.Now)
				if live && names(g.Source, subject.Principal) && (slices.Contains(ids, g.ID) || byRole && g.Role != "") {
					s.svc.uses.note(grantKey{s.WorkspaceID, g.ID}, s.Now)
				}
			}
		}
	}
}

// names reports whether a grant names somebody: themselves, or their address.
func names(source, who vocabulary.Principal) bool {
	return source == who || string(source.Kind) == "email" && source.Key == who.Key
}

// FlushGrantUses writes down the uses that are due and answers how many there were. What
// is newer stays, whichever replica wrote it. What is due when a process dies is lost.
func (s *Service) FlushGrantUses(ctx context.Context) (int, error) {
	due := s.uses.take()
	if len(due) == 0 {
		return 0, nil
	}
	// In one order, so that replicas do not wait for each other in a circle.
	keys := slices.SortedFunc(maps.Keys(due), func(a, b grantKey) int {
		return cmp.Or(cmp.Compare(a.workspace, b.workspace), cmp.Compare(a.grant, b.grant))
	})
	for part := range slices.Chunk(keys, maxValues) {
		err := s.DB.Write(ctx, func(tx *store.Tx) error {
			rows, args := make([]string, len(part)), make([]any, 0, 3*len(part))
			for i, k := range part {
				n := 3 * i
				rows[i] = "($" + strconv.Itoa(n+1) + ", $" + strconv.Itoa(n+2) + ", $" + strconv.Itoa(n+3) + ")"
				args = append(args, k.workspace, k.grant, due[k])
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO grant_use (workspace_id, grant_id, last_at) VALUES `+strings.Join(rows, ", ")+`
				ON CONFLICT (workspace_id, grant_id) DO UPDATE SET last_at = CASE WHEN excluded.last_at > grant_use.last_at THEN excluded.last_at ELSE grant_use.last_at END`, args...)
			return err
		})
		if err != nil {
			s.uses.giveBack(due)
			return 0, fmt.Errorf("writing down which grants were used: %w", err)
		}
	}
	return len(due), nil
}

// PurgeGrantUses forgets the uses of grants that are gone: revoked, or with the person or
// the workspace.
func (s *Service) PurgeGrantUses(ctx context.Context) error {
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM grant_use WHERE NOT EXISTS (SELECT 1 FROM access_grant g WHERE g.workspace_id = grant_use.workspace_id AND g.id = grant_use.grant_id)`)
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting the uses of grants: %w", err)
	}
	return nil
}
