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

// guestSwitches are the sharing policy's words about all guests.
type guestSwitches struct {
	access  bool // guests may do anything at all (C054)
	uploads bool // without it no project's flag counts (C059)
}

// loadGuestSwitches reads them. Where nobody has set a policy the server's default
// holds: guests may exist, and may not upload.
func loadGuestSwitches(ctx context.Context, tx *store.Tx, workspace string) (guestSwitches, error) {
	row, err := store.Objects.ByKey(ctx, tx, workspace, api.SharingPolicyKind.Name, api.SharingPolicyKind.Name)
	if errors.Is(err, store.ErrNotFound) {
		return guestSwitches{access: true}, nil
	}
	if err != nil {
		return guestSwitches{}, err
	}
	var p api.SharingPolicy
	if err := json.Unmarshal([]byte(row.Doc), &p); err != nil {
		return guestSwitches{}, fmt.Errorf("reading the sharing policy: %w", err)
	}
	return guestSwitches{access: p.GuestAccess, uploads: p.AllowGuestUploads}, nil
}

// boundGuest puts on a guest what the guest's own declaration and the sharing policy
// allow at most: an end, a level, and nothing where guests are switched off (C016,
// C054). A guest whom nobody declared keeps the ceiling of the role alone.
func boundGuest(ctx context.Context, s *Scope, subj *access.Subject) error {
	if !s.authz.snapshot.guests.access {
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
	return nil
}
