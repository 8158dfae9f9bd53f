package fault

import (
	"fmt"
	"net/http"
	"time"
)

// Kind is the scimType keyword of an error.
type Kind string

// The keywords of RFC 7644 §3.12 table 9 and RFC 9865 §2.1 table 3.
const (
	InvalidFilter Kind = "invalidFilter"
	TooMany       Kind = "tooMany"
	Uniqueness    Kind = "uniqueness"
	Mutability    Kind = "mutability"
	InvalidSyntax Kind = "invalidSyntax"
	InvalidPath   Kind = "invalidPath"
	NoTarget      Kind = "noTarget"
	InvalidValue  Kind = "invalidValue"
	InvalidVers   Kind = "invalidVers"
	Sensitive     Kind = "sensitive"
	InvalidCursor Kind = "invalidCursor"
	ExpiredCursor Kind = "expiredCursor"
	InvalidCount  Kind = "invalidCount"
)

// Error is an answer in the shape of urn:ietf:params:scim:api:messages:2.0:Error.
// Detail is shown to the client and must hold no secret; Cause never leaves the
// process.
type Error struct {
	Status     int
	Kind       Kind
	Detail     string
	RetryAfter time.Duration
	Cause      error
}

func (e *Error) Error() string {
	if e.Kind != "" {
		return fmt.Sprintf("scim: %d %s: %s", e.Status, e.Kind, e.Detail)
	}
	return fmt.Sprintf("scim: %d: %s", e.Status, e.Detail)
}

func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, ErrNotFound) true for every error of the same status
// and keyword, whatever it says.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Status == e.Status && t.Kind == e.Kind
}

// New builds an error of any status.
func New(status int, kind Kind, format string, args ...any) *Error {
	return &Error{Status: status, Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Bad builds a 400 with its keyword.
func Bad(kind Kind, format string, args ...any) *Error {
	return New(http.StatusBadRequest, kind, format, args...)
}
