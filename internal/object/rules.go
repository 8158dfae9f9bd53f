package object

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Change is one object on its way from Old to New: Old is nil on creation, New is
// nil on deletion. Rules may complete New; they must not touch Old.
type Change[P api.Object] struct {
	*Scope
	Old, New P
	Created  bool
	Deleted  bool
}

// Rules is what a capability says about one kind. Every hook is optional and runs
// inside the transaction of the change.
type Rules[P api.Object] struct {
	// Table is where rows live; the object table when empty.
	Table store.Table
	// Columns gives the values of Table's extra columns.
	Columns func(P) []any
	// FilterColumns maps filter attributes to columns of the table.
	FilterColumns map[string]string
	// AuthzRelevant kinds change what somebody may do: their writes make every
	// cached decision stale in the same transaction.
	AuthzRelevant bool
	// PolicyRelevant kinds are compiled into the policies themselves (roles): their
	// writes also make the compiled policies stale. It implies AuthzRelevant.
	PolicyRelevant bool
	// Default answers a read of something never declared: a singleton's server
	// default, or the live rows behind a view. nil, nil means not found.
	Default func(ctx context.Context, s *Scope, key string) (P, error)
	// Authorise decides the change; without it the kind's write permission does.
	Authorise func(ctx context.Context, c *Change[P]) error
	// Visible hides single objects from readers who may read the kind.
	Visible func(ctx context.Context, s *Scope, obj P) (bool, error)
	// Validate says what is wrong, in addition to the pure checks of the type.
	Validate func(ctx context.Context, c *Change[P]) ([]api.Violation, error)
	// Prepare sets computed attributes of New before it is stored.
	Prepare func(ctx context.Context, c *Change[P]) error
	// Secrets sees the write-only attributes that were given, by path, before they are
	// sealed, and takes out of the map what must not be kept: a password is hashed.
	Secrets func(ctx context.Context, c *Change[P], given map[string]string) error
	// Strip clears what Hydrate will fill in, on the copy that is stored.
	Strip func(P)
	// After makes derived changes.
	After func(ctx context.Context, c *Change[P]) error
	// Hydrate fills in what lives in other tables, for many objects at once.
	Hydrate func(ctx context.Context, s *Scope, objs []P) error
	// Destroy replaces the deletion of the row: it returns what the object becomes
	// (a suspended member), or nil to delete the row after all.
	Destroy func(ctx context.Context, c *Change[P]) (P, error)
	// Destroyed is the verb of the audit event of a destruction, where the kind's
	// destroy code does not say it: what goes into the trash is trashed.
	Destroyed string
	// Recreate reports whether what a destruction left behind (a suspended member)
	// may be created again: the same identity comes back instead of a conflict.
	Recreate func(old P) bool
	// Effect says whether a change widened or narrowed access.
	Effect func(old, new P) audit.Effect
}

// erased is Rules without the type parameter, for the generic pipeline.
type erased struct {
	table          store.Table
	columns        func(api.Object) []any
	filterColumns  map[string]string
	authzRelevant  bool
	policyRelevant bool
	def            func(context.Context, *Scope, string) (api.Object, error)
	authorise      func(context.Context, *change) error
	visible        func(context.Context, *Scope, api.Object) (bool, error)
	validate       func(context.Context, *change) ([]api.Violation, error)
	prepare        func(context.Context, *change) error
	secrets        func(context.Context, *change, map[string]string) error
	strip          func(api.Object)
	after          func(context.Context, *change) error
	hydrate        func(context.Context, *Scope, []api.Object) error
	destroy        func(context.Context, *change) (api.Object, error)
	destroyed      string
	recreate       func(api.Object) bool
	effect         func(old, new api.Object) audit.Effect
}

// change is Change without the type parameter.
type change struct {
	*Scope
	kind     *api.Kind
	old, new api.Object
}

var registry = map[string]*erased{}

// Register tells the pipeline the rules of a kind. It is called once per kind, from
// the package variable in the kind's rules file.
func Register[T any, P interface {
	*T
	api.Object
}](kind *api.Kind, r Rules[P]) *api.Kind {
	if _, dup := registry[kind.Name]; dup {
		panic(fmt.Sprintf("object: rules of %q registered twice", kind.Name))
	}
	as := func(o api.Object) P {
		if o == nil {
			return nil
		}
		return o.(P)
	}
	typed := func(c *change) *Change[P] {
		return &Change[P]{Scope: c.Scope, Old: as(c.old), New: as(c.new), Created: c.old == nil, Deleted: c.new == nil}
	}
	e := &erased{table: r.Table, filterColumns: r.FilterColumns, authzRelevant: r.AuthzRelevant || r.PolicyRelevant, policyRelevant: r.PolicyRelevant, destroyed: r.Destroyed}
	if e.table.Name == "" {
		e.table = store.Objects
	}
	if r.Columns != nil {
		e.columns = func(o api.Object) []any { return r.Columns(as(o)) }
	}
	if r.Default != nil {
		e.def = func(ctx context.Context, s *Scope, key string) (api.Object, error) {
			o, err := r.Default(ctx, s, key)
			if err != nil || o == nil {
				return nil, err
			}
			return o, nil
		}
	}
	if r.Authorise != nil {
		e.authorise = func(ctx context.Context, c *change) error { return r.Authorise(ctx, typed(c)) }
	}
	if r.Visible != nil {
		e.visible = func(ctx context.Context, s *Scope, o api.Object) (bool, error) { return r.Visible(ctx, s, as(o)) }
	}
	if r.Validate != nil {
		e.validate = func(ctx context.Context, c *change) ([]api.Violation, error) { return r.Validate(ctx, typed(c)) }
	}
	if r.Prepare != nil {
		e.prepare = func(ctx context.Context, c *change) error { return r.Prepare(ctx, typed(c)) }
	}
	if r.Secrets != nil {
		e.secrets = func(ctx context.Context, c *change, given map[string]string) error {
			return r.Secrets(ctx, typed(c), given)
		}
	}
	if r.Strip != nil {
		e.strip = func(o api.Object) { r.Strip(as(o)) }
	}
	if r.After != nil {
		e.after = func(ctx context.Context, c *change) error { return r.After(ctx, typed(c)) }
	}
	if r.Hydrate != nil {
		e.hydrate = func(ctx context.Context, s *Scope, objs []api.Object) error {
			list := make([]P, len(objs))
			for i := range objs {
				list[i] = as(objs[i])
			}
			return r.Hydrate(ctx, s, list)
		}
	}
	if r.Destroy != nil {
		e.destroy = func(ctx context.Context, c *change) (api.Object, error) {
			o, err := r.Destroy(ctx, typed(c))
			if err != nil || o == nil {
				return nil, err
			}
			return o, nil
		}
	}
	if r.Recreate != nil {
		e.recreate = func(o api.Object) bool { return r.Recreate(as(o)) }
	}
	if r.Effect != nil {
		e.effect = func(old, new api.Object) audit.Effect { return r.Effect(as(old), as(new)) }
	}
	registry[kind.Name] = e
	return kind
}

func rulesOf(kind *api.Kind) (*erased, error) {
	r, ok := registry[kind.Name]
	if !ok {
		return nil, fmt.Errorf("object: no rules are registered for kind %q", kind.Name)
	}
	return r, nil
}

// mayRecreate asks the rules whether an object that exists may be created again.
func mayRecreate(kind *api.Kind, old api.Object) (bool, error) {
	r, err := rulesOf(kind)
	if err != nil || r.recreate == nil {
		return false, err
	}
	return r.recreate(old), nil
}

// Registered reports whether a kind has rules; doors serve only those that do.
func Registered(kind *api.Kind) bool { return registry[kind.Name] != nil }
