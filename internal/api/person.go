package api

import "time"

// PersonRequest names a person, in the body so that no log of addresses holds them.
type PersonRequest struct {
	Email string `json:"email" doc:"E-mail address by which the workspace knows the person."`
}

// Validate brings the address into its one form.
func (r *PersonRequest) Validate() []Violation {
	if r.Email == "" {
		return []Violation{Required("/email", "name the person, e.g. ann@example.com")}
	}
	email, message := normaliseEmail(r.Email)
	if message != "" {
		return []Violation{Invalid("/email", "%s", message)}
	}
	r.Email = email
	return nil
}

// Erasure is what was erased of a person (C088, X12): counts alone.
type Erasure struct {
	ErasedAs string        `json:"erased_as,omitempty" doc:"What stands in place of the person wherever somebody has to be named: erased:…, the same everywhere. Absent when nothing was held."`
	Places   []ErasedPlace `json:"places" nullable:"false" doc:"Where something was held, and how much."`
	Total    int64         `json:"total" doc:"How many entries were deleted or rewritten; 0 when nothing was held of the person."`
}

// ErasedPlace is one place in which something was held of a person.
type ErasedPlace struct {
	Place string `json:"place" doc:"What lies there, such as visits or comments."`
	Count int64  `json:"count" doc:"How many entries were deleted, or rewritten without the person."`
}

// PersonExport is everything that the workspace holds about a person.
type PersonExport struct {
	Email      string      `json:"email" doc:"The address that was asked for."`
	Workspace  string      `json:"workspace" doc:"Slug of the workspace."`
	At         time.Time   `json:"at" doc:"When it was read."`
	Places     []HeldPlace `json:"places" nullable:"false" doc:"Everything that is held, by where it lies."`
	Incomplete bool        `json:"incomplete,omitempty" doc:"The audit log has more events of the person than fit; read the rest with GET audit_events."`
}

// HeldPlace is what one place holds of a person.
type HeldPlace struct {
	Place   string           `json:"place" doc:"What lies there, such as visits or comments."`
	Entries []map[string]any `json:"entries" nullable:"false" doc:"The entries, as they are stored."`
}
