package object

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// boundGuest puts on a guest what the guest's own declaration and the sharing policy
// allow at most: an end, a level, and nothing where guests are switched off (C016,
// C054). A guest whom nobody declared keeps the ceiling of the role alone.
func boundGuest(ctx context.Context, s *Scope, subj *access.Subject) error {
	sharing, err := s.Sharing(ctx)
	if err != nil {
		return err
	}
	if !sharing.Workspace().GuestAccess {
		subj.Active = false
	}
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.GuestKind.Name, subj.Principal.Key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var g api.Guest
	if err := json.Unmarshal([]byte(row.Doc), &g); err != nil {
		return fmt.Errorf("reading guest %s: %w", row.ID, err)
	}
	if subj.MaxLevel, err = vocabulary.ParseLevel(g.MaxLevel); err != nil {
		return fmt.Errorf("reading guest %s: %w", row.ID, err)
	}
	if g.ExpiresAt == nil {
		subj.Active = false // a guest without an end is none; this cannot be written
		return nil
	}
	subj.ExpiresAt = g.ExpiresAt.UTC().Truncate(time.Microsecond)
	policy := sharing.Workspace()
	if last, late := api.LatestEnd(policy.GuestMaxDays, *g.ExpiresAt, row.UpdatedAt); late {
		// Who stays longer than the policy allows goes as existing_shares says (X07).
		switch policy.ExistingShares {
		case api.ExistingEnforce:
			subj.ExpiresAt = last
		case api.ExistingGrandfather:
			if until := policy.GrandfatherUntil.UTC(); until.After(last) {
				last = until
			}
			if last.Before(subj.ExpiresAt) {
				subj.ExpiresAt = last
			}
		}
	}
	return nil
}
