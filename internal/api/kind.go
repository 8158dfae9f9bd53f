package api

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// Destroy says what destroying an object does (RESOURCES.md, destroy codes).
type Destroy string

// Destroy codes.
const (
	DestroyDelete    Destroy = "delete"    // DEL: the object is deleted, audit keeps it
	DestroyRevoke    Destroy = "revoke"    // REV: ended at once
	DestroySuspend   Destroy = "suspend"   // SUS: principal suspended, identity kept
	DestroyKeep      Destroy = "keep"      // KEEP: nothing changes, ownership released
	DestroyClose     Destroy = "close"     // CLOSE: starts the closure clock
	DestroyTombstone Destroy = "tombstone" // TOMB: record closed, history kept
)

// Kind describes one declared kind, once. Everything generic is derived from it.
type Kind struct {
	Name   string // "team": singular, as in gatehouse_team
	Plural string // "teams": the path segment of a collection
	Prefix string // id prefix, "team"
	// Doc is one sentence for OpenAPI and the provider's documentation.
	Doc string
	// Singleton kinds exist once per workspace at /v1/workspaces/{workspace}/{name}.
	Singleton bool
	// View kinds have no row of their own: they are an authoritative reading of
	// another kind's rows (team_memberships, access_grants).
	View bool
	// Of names the kind that a view reads; reading and writing the view needs the
	// permissions of that kind.
	Of string
	// PermissionsOf names the kind whose permissions guard this one; itself when
	// empty. A view is guarded like the rows that it shows.
	PermissionsOf string
	// Destroy is what DELETE does.
	Destroy Destroy
	// Security marks kinds whose reading and writing is administration.
	Security bool

	typ    reflect.Type
	key    func(Object) string
	fields []Field
}

// New allocates an empty object of the kind.
func (k *Kind) New() Object { return reflect.New(k.typ).Interface().(Object) }

// Type is the Go struct type of the kind.
func (k *Kind) Type() reflect.Type { return k.typ }

// KeyOf computes the natural key of an object of this kind from its attributes.
func (k *Kind) KeyOf(o Object) string { return k.key(o) }

// ReadPermission is the workspace permission needed to read the kind.
func (k *Kind) ReadPermission() string { return k.guard() + ".read" }

// WritePermission is the workspace permission needed to change the kind.
func (k *Kind) WritePermission() string { return k.guard() + ".write" }

func (k *Kind) guard() string {
	if k.PermissionsOf != "" {
		return k.PermissionsOf
	}
	return k.Name
}

// IsID reports whether s has the form of an id of this kind (as opposed to a key).
func (k *Kind) IsID(s string) bool {
	rest, ok := strings.CutPrefix(s, k.Prefix+"_")
	return ok && len(rest) == 26 && strings.Trim(rest, "0123456789abcdefghjkmnpqrstvwxyz") == ""
}

var kinds = map[string]*Kind{}

// Declare describes the kind of T. It is called once per kind, from the package
// variable beside the type, so that a new kind needs no list to be edited.
func Declare[T any, P interface {
	*T
	Object
}](k Kind, key func(P) string) *Kind {
	k.typ = reflect.TypeFor[T]()
	k.fields = fieldsOf(k.typ)
	k.key = func(o Object) string { return key(o.(P)) }
	if k.Plural == "" {
		k.Plural = k.Name
	}
	if _, dup := kinds[k.Name]; dup {
		panic(fmt.Sprintf("api: kind %q declared twice", k.Name))
	}
	kinds[k.Name] = &k
	return &k
}

// Kinds lists every declared kind by name.
func Kinds() []*Kind {
	out := make([]*Kind, 0, len(kinds))
	for _, k := range kinds {
		out = append(out, k)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// KindByName finds a kind; nil when there is none.
func KindByName(name string) *Kind { return kinds[name] }
