package object

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Sharing is what may be shared outside, everywhere in a workspace: its policy and the
// overrides of single items. It is read once for each version of the policies.
type Sharing struct {
	workspace *api.SharingPolicy
	overrides map[string]*api.SharingPolicyOverride
	merged    map[string]*api.SharingPolicy // in force at the paths of overrides
}

// NewSharing puts a workspace's policy and its overrides together.
func NewSharing(workspace *api.SharingPolicy, overrides ...*api.SharingPolicyOverride) *Sharing {
	sh := &Sharing{workspace: workspace, overrides: make(map[string]*api.SharingPolicyOverride, len(overrides)), merged: make(map[string]*api.SharingPolicy, len(overrides))}
	for _, o := range overrides {
		sh.overrides[o.Path] = o
	}
	paths := make([]string, 0, len(overrides))
	for path := range sh.overrides {
		paths = append(paths, path)
	}
	slices.Sort(paths) // what is above comes first
	for _, path := range paths {
		sh.merged[path] = sh.Above(path).With(sh.overrides[path])
	}
	return sh
}

// Workspace is the policy of the workspace, without overrides.
func (sh *Sharing) Workspace() *api.SharingPolicy { return sh.workspace }

// At is the policy in force at a path. It must not be changed.
func (sh *Sharing) At(path string) *api.SharingPolicy {
	if len(sh.merged) == 0 {
		return sh.workspace
	}
	if p := sh.merged[path]; p != nil {
		return p
	}
	return sh.Above(path)
}

// Above is the policy that would be in force at a path without an override there.
func (sh *Sharing) Above(path string) *api.SharingPolicy {
	for path != vocabulary.RootPath && path != "" {
		path = vocabulary.ParentPath(path)
		if p := sh.merged[path]; p != nil {
			return p
		}
	}
	return sh.workspace
}

// Overrides lists the paths of the overrides that bear on a path, from the top.
func (sh *Sharing) Overrides(path string) []string {
	var out []string
	for _, p := range vocabulary.PathAncestors(path) {
		if sh.overrides[p] != nil {
			out = append(out, p)
		}
	}
	return out
}

// Below lists the paths of the overrides that lie below a path: what is shared there
// reaches the items that they are about.
func (sh *Sharing) Below(path string) []string {
	var out []string
	for p := range sh.overrides {
		if p != path && vocabulary.ScopeContains(path, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// Enforces reports whether shares that exist are held to the policy anywhere at a time.
func (sh *Sharing) Enforces(now time.Time) bool {
	if sh.workspace.InForce(now) {
		return true
	}
	for _, p := range sh.merged {
		if p.InForce(now) {
			return true
		}
	}
	return false
}

// With is what would hold with another workspace policy (nil leaves it) and other
// overrides (one that says nothing takes the one at its path away).
func (sh *Sharing) With(workspace *api.SharingPolicy, overrides ...*api.SharingPolicyOverride) *Sharing {
	if workspace == nil {
		workspace = sh.workspace
	}
	all := make(map[string]*api.SharingPolicyOverride, len(sh.overrides)+len(overrides))
	for path, o := range sh.overrides {
		all[path] = o
	}
	for _, o := range overrides {
		all[o.Path] = o
	}
	list := make([]*api.SharingPolicyOverride, 0, len(all))
	for _, o := range all {
		list = append(list, o)
	}
	return NewSharing(workspace, list...)
}

// loadSharing reads the policy and all overrides of a workspace: two statements.
func loadSharing(ctx context.Context, tx *store.Tx, workspace string) (*Sharing, error) {
	policy := api.DefaultSharingPolicy()
	row, err := store.Objects.ByKey(ctx, tx, workspace, api.SharingPolicyKind.Name, api.SharingPolicyKind.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	default:
		policy = &api.SharingPolicy{}
		if err := json.Unmarshal([]byte(row.Doc), policy); err != nil {
			return nil, fmt.Errorf("reading the sharing policy: %w", err)
		}
	}
	var overrides []*api.SharingPolicyOverride
	err = eachDoc(ctx, tx, workspace, api.SharingPolicyOverrideKind, func(doc []byte) error {
		o := &api.SharingPolicyOverride{}
		overrides = append(overrides, o)
		return json.Unmarshal(doc, o)
	})
	if err != nil {
		return nil, err
	}
	return NewSharing(policy, overrides...), nil
}

// Sharing is what may be shared outside, as this transaction sees it: by its version
// of the policies, and once it changes what somebody may do, by what is stored then.
func (s *Scope) Sharing(ctx context.Context) (*Sharing, error) {
	if !s.stale {
		return s.authz.snapshot.sharing, nil
	}
	if s.sharing != nil {
		return s.sharing, nil
	}
	// Another transaction may have changed the policy before this one took the lock.
	var policy int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT policy_version FROM workspace WHERE id = $1`, s.WorkspaceID).Scan(&policy); err != nil {
		return nil, fmt.Errorf("reading the version of the policies: %w", err)
	}
	if policy == s.authz.snapshot.policy {
		s.sharing = s.authz.snapshot.sharing
		return s.sharing, nil
	}
	sh, err := loadSharing(ctx, s.Tx, s.WorkspaceID)
	s.sharing = sh
	return sh, err
}

// outsiders is the rule of an item about people from outside, nil where nothing that
// exists is held to the sharing policy. Guests are shut out wherever guest_access is
// off, at once (C054); the rest as existing_shares says (X07).
func outsiders(p *api.SharingPolicy) func(*access.Subject, time.Time) string {
	if p.GuestAccess && p.ExistingShares == api.ExistingUnaffected {
		return nil
	}
	return func(subj *access.Subject, at time.Time) string {
		kind, key := string(subj.Principal.Kind), subj.Principal.Key
		if kind == PrincipalMember && !p.GuestAccess {
			return "the sharing policy has guest_access = false here"
		}
		if kind != PrincipalMember && kind != "email" || !p.InForce(at) || !strings.Contains(key, "@") {
			return ""
		}
		if refused := p.RefusesAddress(key); len(refused) > 0 {
			return "the sharing policy does not allow it any more: " + refused[0].Text
		}
		return ""
	}
}
