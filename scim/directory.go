package scim

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
)

// Directory holds the people and groups of the connection that the context
// carries (see Authenticator). What belongs to another workspace does not exist.
//
// Every method is one atomic, durable step. Errors that a client may see are
// *Error values or the variables below (wrapped or not): ErrNotFound,
// ErrPrecondition, Uniqueness, InvalidValue, … Any other error becomes a bare 500.
//
// What a method returns belongs to the caller, who changes it: return copies.
// A returned resource has ID, Meta.Version, Meta.Created and Meta.LastModified.
type Directory interface {
	// Users lists users, inactive ones too, in a stable order.
	Users(ctx context.Context, q Query) (Page[User], error)
	// User returns one user. ErrNotFound.
	User(ctx context.Context, id string, p Projection) (User, error)
	// CreateUser stores a user; ID and Meta are empty. A userName that exists, in
	// any case, is a Uniqueness error, unless the connection's policy links or
	// reactivates that identity: then the existing user is returned.
	CreateUser(ctx context.Context, u User) (User, error)
	// UpdateUser loads the user, hands it to change and stores what change made
	// of it, all in one step: concurrent updates lose nothing, and ifMatch is
	// checked against the row that is written. When change returns ErrUnchanged,
	// nothing is written and the user is returned as it is; any other error of
	// change is returned as it is. change may run more than once.
	// ErrNotFound, ErrPrecondition, Uniqueness.
	UpdateUser(ctx context.Context, id string, ifMatch Versions, p Projection, change func(*User) error) (User, error)
	// DeleteUser ends the user. ErrNotFound (also the second time), ErrPrecondition.
	DeleteUser(ctx context.Context, id string, ifMatch Versions) error

	// Groups lists groups in a stable order. Without q.WithMembers it must not
	// read members. It may return fewer than q.Count to bound what it holds.
	Groups(ctx context.Context, q Query) (Page[Group], error)
	// Group returns one group; members only with p.WithMembers. ErrNotFound.
	Group(ctx context.Context, id string, p Projection) (Group, error)
	// CreateGroup stores a group with its members; a displayName that exists, in
	// any case, is a Uniqueness error, a member that does not exist InvalidValue.
	CreateGroup(ctx context.Context, g Group) (Group, error)
	// ApplyGroup applies the operations in order, all or none, without reading
	// members unless p.WithMembers asks for them in the answer. No operations is
	// no change. The version changes only if something did.
	// ErrNotFound, ErrPrecondition, Uniqueness, InvalidValue.
	ApplyGroup(ctx context.Context, id string, ifMatch Versions, ops []GroupOp, p Projection) (Group, error)
	// DeleteGroup ends the group, not its members. ErrNotFound, ErrPrecondition.
	DeleteGroup(ctx context.Context, id string, ifMatch Versions) error
}

// SelfDirectory is a Directory that knows which user the caller is, and so can
// serve /Me (RFC 7644 §3.11). Without it /Me answers 501.
type SelfDirectory interface {
	Directory
	// Self returns the id of the calling user; ErrNotFound if the caller is none.
	Self(ctx context.Context) (string, error)
}

// Projection says which attributes of high cost the answer needs.
type Projection struct {
	WithMembers bool // Group.Members
	WithGroups  bool // User.Groups
}

// Query is a list request with every default filled in and every limit applied.
type Query struct {
	// Filter is resolved (see filter.Resolve) and nil without one.
	Filter filter.Node
	// SortBy is canonical and zero without one. For a multi-valued attribute the
	// primary value counts, else the first. Resources without the attribute come
	// last when ascending, first when descending (RFC 7644 §3.4.2.3).
	SortBy     filter.Path
	Descending bool

	// StartIndex is 1 or more. Count is 0 or more; 0 asks for Total only.
	StartIndex int
	Count      int
	// ByCursor asks for cursor pagination; Cursor is empty for the first page,
	// else a Page.Next or Page.Previous of the same query. StartIndex is then 1
	// and means nothing. A cursor that is not one: InvalidCursor or ExpiredCursor.
	ByCursor bool
	Cursor   string

	Projection
}

// Page is one page of a list. Total counts every match, on all pages. Next and
// Previous are set for cursor pagination only, and Next only if more follows.
type Page[T any] struct {
	Resources []T
	Total     int
	Next      string
	Previous  string
}

// Versions are the entity tags of an If-Match, plain. None means any version.
type Versions []string

// Allow reports whether a resource of this version may be changed.
func (v Versions) Allow(version string) bool {
	for _, w := range v {
		if w == version {
			return true
		}
	}
	return len(v) == 0
}

// Authenticator turns a bearer token into a context that carries the
// provisioning connection. ErrUnauthorized is answered 401; an *Error as it is
// (403 for an address outside the token's networks, 429 with RetryAfter).
type Authenticator interface {
	Authenticate(ctx context.Context, token string, r *http.Request) (context.Context, error)
}

// Observer is told about every request and every operation of a bulk request,
// after the answer is decided. It must not block for long.
type Observer interface {
	Observe(ctx context.Context, e Event)
}

// Event is one request with its outcome.
type Event struct {
	Request      Request
	ResourceType string // User, Group, … as far as it was known
	ResourceID   string
	Status       int
	Kind         Kind   // scimType of an error
	Detail       string // of an error, as the client saw it
	Err          error  // cause of an error, also where the client saw a bare 500
	Ignored      []string
	Duration     time.Duration
}

// Request identifies a request, or one operation of a bulk request. A Directory
// finds it in its context, to store the event in the transaction of the change.
type Request struct {
	ID     string // also the answer's X-Request-Id
	Parent string // ID of the bulk request that held this operation
	Time   time.Time
	Method string
	Path   string // below the base URL
	Query  string
	Body   []byte // of a write, passwords redacted
}

type requestKey struct{}

// RequestFrom returns the request that a Directory method serves.
func RequestFrom(ctx context.Context) (Request, bool) {
	r, ok := ctx.Value(requestKey{}).(Request)
	return r, ok
}

type ignoredKey struct{}

// IgnoredFrom says what the client of the request under way sent in vain, as far as
// it is known: for changes, when the change has been applied.
func IgnoredFrom(ctx context.Context) []string {
	if what, ok := ctx.Value(ignoredKey{}).(*[]string); ok {
		return *what
	}
	return nil
}

// Error is an answer to the client.
type Error = fault.Error

// Kind is the scimType of an Error.
type Kind = fault.Kind

// The scimTypes that a Directory may return.
const (
	Uniqueness    = fault.Uniqueness
	Mutability    = fault.Mutability
	InvalidValue  = fault.InvalidValue
	InvalidFilter = fault.InvalidFilter
	TooMany       = fault.TooMany
	InvalidCursor = fault.InvalidCursor
	ExpiredCursor = fault.ExpiredCursor
)

// Errors to compare with errors.Is; NotFound and the like say more.
var (
	ErrNotFound     = &Error{Status: http.StatusNotFound, Detail: "no such resource"}
	ErrPrecondition = &Error{Status: http.StatusPreconditionFailed, Detail: "the resource has another version"}
	ErrUnauthorized = &Error{Status: http.StatusUnauthorized, Detail: "a valid bearer token is required"}
	ErrUniqueness   = &Error{Status: http.StatusConflict, Kind: Uniqueness, Detail: "the value is taken"}

	// ErrUnchanged is what the change of an UpdateUser returns when there is
	// nothing to write.
	ErrUnchanged = errors.New("scim: nothing to change")
)

// Conflict builds a 409 uniqueness error.
func Conflict(format string, args ...any) *Error {
	return fault.New(http.StatusConflict, Uniqueness, format, args...)
}

// Invalid builds a 400 invalidValue error.
func Invalid(format string, args ...any) *Error {
	return fault.Bad(InvalidValue, format, args...)
}

// Refuse builds an error of any status, such as 403 for a protected member.
func Refuse(status int, format string, args ...any) *Error {
	return fault.New(status, "", format, args...)
}

// TooManyRequests builds a 429 with Retry-After.
func TooManyRequests(after time.Duration) *Error {
	return &Error{Status: http.StatusTooManyRequests, Detail: "too many requests", RetryAfter: after}
}
