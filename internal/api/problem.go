package api

import (
	"fmt"
	"strings"
)

// ProblemPrefix starts every problem type; the rest is one of the codes below.
const ProblemPrefix = "urn:gatehouse:problem:"

// Code names a class of failure. Codes are stable: clients may switch on them.
type Code string

// Problem codes and the HTTP status that each maps to (RFC 9457 `type` and `status`).
const (
	CodeInvalid            Code = "invalid"                // 422
	CodeMalformed          Code = "malformed"              // 400
	CodeUnauthenticated    Code = "unauthenticated"        // 401
	CodeForbidden          Code = "forbidden"              // 403
	CodeNotFound           Code = "not_found"              // 404
	CodeMethodNotAllowed   Code = "method_not_allowed"     // 405
	CodeConflict           Code = "conflict"               // 409: exists already, or refused in this state
	CodeManagedByCode      Code = "managed_by_code"        // 409
	CodeOwnedByOtherStack  Code = "owned_by_other_stack"   // 409
	CodeNeedsAdoption      Code = "needs_adoption"         // 409
	CodeReferenced         Code = "referenced"             // 409: others depend on it
	CodeLockout            Code = "lockout"                // 409: nobody could administer afterwards
	CodePreconditionFailed Code = "precondition_failed"    // 412
	CodeTooLarge           Code = "too_large"              // 413
	CodeUnsupportedMedia   Code = "unsupported_media_type" // 415
	CodeRateLimited        Code = "rate_limited"           // 429
	CodeInternal           Code = "internal"               // 500
	CodeUnavailable        Code = "unavailable"            // 503
)

var statuses = map[Code]int{
	CodeInvalid: 422, CodeMalformed: 400, CodeUnauthenticated: 401, CodeForbidden: 403,
	CodeNotFound: 404, CodeMethodNotAllowed: 405, CodeConflict: 409, CodeManagedByCode: 409, CodeOwnedByOtherStack: 409,
	CodeNeedsAdoption: 409, CodeReferenced: 409, CodeLockout: 409,
	CodePreconditionFailed: 412, CodeTooLarge: 413, CodeUnsupportedMedia: 415, CodeRateLimited: 429,
	CodeInternal: 500, CodeUnavailable: 503,
}

// Status is the HTTP status of a code.
func (c Code) Status() int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return 500
}

// Violation codes that callers treat specially.
const (
	ViolationRequired  = "required"
	ViolationReference = "reference_not_found"
	ViolationImmutable = "immutable"
	ViolationInvalid   = "invalid"
	// ViolationSharingPolicy is what the sharing policy does not allow: another policy
	// could.
	ViolationSharingPolicy = "sharing_policy"
)

// Violation is one thing wrong with one attribute.
type Violation struct {
	// Path is an RFC 6901 JSON pointer into the submitted object, "" for the whole.
	Path string `json:"path" doc:"JSON pointer to the attribute."`
	Code string `json:"code" doc:"Stable reason, e.g. required or reference_not_found."`
	// Message says what to write instead; it never contains a secret.
	Message string `json:"message" doc:"What is wrong and what to write instead."`
	// Kind and Key name the missing object of a reference_not_found. Kind alone names
	// the policy that an override of it is too loose for.
	Kind string `json:"kind,omitempty"`
	Key  string `json:"key,omitempty"`
}

// Invalid builds a violation of an attribute.
func Invalid(path, format string, args ...any) Violation {
	return Violation{Path: path, Code: ViolationInvalid, Message: fmt.Sprintf(format, args...)}
}

// Required builds the violation of a missing attribute.
func Required(path, what string) Violation {
	return Violation{Path: path, Code: ViolationRequired, Message: what}
}

// Problem is an RFC 9457 problem and the one error type of the product: use-cases
// return it, doors render it.
type Problem struct {
	Type     string      `json:"type" doc:"Stable problem type URN."`
	Title    string      `json:"title" doc:"Short summary of the problem class."`
	Status   int         `json:"status" doc:"HTTP status."`
	Detail   string      `json:"detail,omitempty" doc:"What happened, to which object, what to do next."`
	Instance string      `json:"instance,omitempty" doc:"Request id; quote it when asking for help."`
	Errors   []Violation `json:"errors,omitempty" doc:"What is wrong with which attribute."`
}

// NewProblem builds a problem of a class.
func NewProblem(code Code, format string, args ...any) *Problem {
	return &Problem{
		Type:   ProblemPrefix + string(code),
		Title:  strings.ReplaceAll(string(code), "_", " "),
		Status: code.Status(),
		Detail: fmt.Sprintf(format, args...),
	}
}

// Code is the class of the problem.
func (p *Problem) Code() Code { return Code(strings.TrimPrefix(p.Type, ProblemPrefix)) }

// Error renders the problem for people.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Detail)
	for _, v := range p.Errors {
		b.WriteString("\n  ")
		if v.Path != "" {
			b.WriteString(v.Path + ": ")
		}
		b.WriteString(v.Message)
	}
	return b.String()
}

// InvalidObject wraps violations of an object in a problem.
func InvalidObject(kind, key string, violations []Violation) *Problem {
	p := NewProblem(CodeInvalid, "%s %q cannot be accepted as written.", kind, key)
	p.Errors = violations
	return p
}
