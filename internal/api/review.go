package api

import (
	"fmt"
	"strings"
	"time"
)

// Bounds of what people write.
const (
	MaxReviewers    = 50
	MaxMentions     = 20
	MaxCommentBytes = 10_000
	maxReviewName   = 200
)

// States of a review, and of its outcome.
const (
	ReviewOpen      = "open"
	ReviewClosed    = "closed"
	ReviewCancelled = "cancelled"

	VerdictApproved     = "approved"
	VerdictNeedsChanges = "needs_changes"
	OutcomePending      = "pending"
)

// ReviewRequest asks people to review an item (C078, C123).
type ReviewRequest struct {
	Item         string     `json:"item" doc:"Path of the item, e.g. /campaigns/teaser.mp4."`
	Name         string     `json:"name" maxLength:"200" doc:"What the review is called."`
	Reviewers    []string   `json:"reviewers" doc:"E-mail addresses of the reviewers, up to 50. Each needs the level comment on the item, or more."`
	DueAt        *time.Time `json:"due_at,omitempty" doc:"Until when verdicts are wanted (RFC 3339)."`
	Instructions string     `json:"instructions,omitempty" maxLength:"10000" doc:"What reviewers should look at."`
}

// Review is a review as it was asked for.
type Review struct {
	ID           string     `json:"id" doc:"Opaque, sortable identifier."`
	Item         string     `json:"item" doc:"Path of the item."`
	Name         string     `json:"name" doc:"What the review is called."`
	Reviewers    []string   `json:"reviewers" nullable:"false" doc:"E-mail addresses of the reviewers."`
	DueAt        *time.Time `json:"due_at,omitempty" doc:"Until when verdicts are wanted."`
	Instructions string     `json:"instructions,omitempty" doc:"What reviewers should look at."`
	State        string     `json:"state" enum:"open,closed,cancelled" doc:"Verdicts are given while it is open."`
	Outcome      string     `json:"outcome" enum:"pending,approved,needs_changes" doc:"approved when every reviewer approved; needs_changes as soon as one wants changes."`
	Overdue      bool       `json:"overdue" doc:"It is open, due_at has passed, and a verdict is missing."`
	RequestedBy  string     `json:"requested_by" doc:"Who asked for it."`
	CreatedAt    time.Time  `json:"created_at" doc:"When it was asked for."`
	UpdatedAt    time.Time  `json:"updated_at" doc:"When its state or a verdict changed last."`
}

// ReviewState closes, cancels or opens a review again.
type ReviewState struct {
	State string `json:"state" enum:"open,closed,cancelled" doc:"What the review becomes."`
}

// VerdictRequest is a reviewer's verdict (C080).
type VerdictRequest struct {
	Verdict string `json:"verdict" enum:"approved,needs_changes" doc:"The verdict; the last one of a reviewer counts."`
	Comment string `json:"comment,omitempty" maxLength:"10000" doc:"Why."`
}

// Verdict is a verdict that was given.
type Verdict struct {
	ID       string    `json:"id" doc:"Opaque, sortable identifier."`
	Reviewer string    `json:"reviewer" doc:"E-mail address of the reviewer."`
	Verdict  string    `json:"verdict" enum:"approved,needs_changes" doc:"The verdict."`
	Comment  string    `json:"comment,omitempty" doc:"Why."`
	GivenAt  time.Time `json:"given_at" doc:"When it was given."`
}

// ReviewStatus is how far a review is (C081).
type ReviewStatus struct {
	ID         string           `json:"id" doc:"Id of the review."`
	Item       string           `json:"item" doc:"Path of the item."`
	Name       string           `json:"name" doc:"What the review is called."`
	State      string           `json:"state" enum:"open,closed,cancelled" doc:"Verdicts are given while it is open."`
	Outcome    string           `json:"outcome" enum:"pending,approved,needs_changes" doc:"approved when every reviewer approved; needs_changes as soon as one wants changes."`
	Overdue    bool             `json:"overdue" doc:"It is open, due_at has passed, and a verdict is missing."`
	DueAt      *time.Time       `json:"due_at,omitempty" doc:"Until when verdicts are wanted."`
	Comments   int64            `json:"comments" doc:"Comments in the review."`
	Unresolved int64            `json:"unresolved" doc:"Threads in the review that are open."`
	Reviewers  []ReviewerStatus `json:"reviewers" nullable:"false" doc:"The reviewers, in the order in which they were named."`
}

// ReviewerStatus is how far one reviewer is.
type ReviewerStatus struct {
	Reviewer      string     `json:"reviewer" doc:"E-mail address of the reviewer."`
	NotifiedAt    *time.Time `json:"notified_at,omitempty" doc:"When the request went to the reviewer's inbox."`
	ViewedAt      *time.Time `json:"viewed_at,omitempty" doc:"When the reviewer first looked at it."`
	Comments      int64      `json:"comments" doc:"Comments of the reviewer in the review."`
	LastCommentAt *time.Time `json:"last_comment_at,omitempty" doc:"When the reviewer last commented in it."`
	Verdict       string     `json:"verdict,omitempty" enum:"approved,needs_changes" doc:"The verdict that counts; absent while there is none."`
	VerdictAt     *time.Time `json:"verdict_at,omitempty" doc:"When it was given."`
	Verdicts      int64      `json:"verdicts" doc:"How many verdicts the reviewer gave."`
	CanReview     bool       `json:"can_review" doc:"Whether the reviewer may still comment on the item; false for those who lost access."`
}

// Validate checks what can be said without the database, and brings reviewers into
// their one written form.
func (r *ReviewRequest) Validate() []Violation {
	var out []Violation
	path, message := normalisePath(r.Item)
	if message != "" {
		out = append(out, Invalid("/item", "%s", message))
	} else {
		r.Item = path
		out = append(out, checkDeclaredPath("/item", path)...)
	}
	if r.Name = strings.TrimSpace(r.Name); r.Name == "" {
		out = append(out, Required("/name", "say what is reviewed, e.g. Teaser, second cut"))
	} else {
		out = append(out, checkText("/name", r.Name, maxReviewName)...)
	}
	out = append(out, checkText("/instructions", r.Instructions, MaxCommentBytes)...)
	switch n := len(r.Reviewers); {
	case n == 0:
		out = append(out, Required("/reviewers", "name at least one reviewer, e.g. ann@example.com"))
	case n > MaxReviewers:
		return append(out, Invalid("/reviewers", "has %d reviewers; at most %d are allowed", n, MaxReviewers))
	}
	return append(out, addresses("/reviewers", r.Reviewers)...)
}

// addresses brings people into the one form of their addresses, in place. They may be
// written as principals too.
func addresses(at string, people []string) []Violation {
	var out []Violation
	seen := map[string]bool{}
	for i, person := range people {
		if kind, key, found := strings.Cut(person, ":"); found && (kind == "member" || kind == "email" || kind == "viewer") {
			person = key
		}
		here := fmt.Sprintf("%s/%d", at, i)
		email, err := NormaliseEmail(person)
		switch {
		case err != nil:
			out = append(out, Invalid(here, "%v; write the address of a person, e.g. ann@example.com", err))
			continue
		case seen[email]:
			out = append(out, Invalid(here, "%s is named twice", email))
		}
		seen[email], people[i] = true, email
	}
	return out
}

// checkText bounds what people write: bytes, and no control characters but line breaks
// and tabs.
func checkText(at, text string, most int) []Violation {
	if len(text) > most {
		return []Violation{Invalid(at, "is longer than %d bytes", most)}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f || r == '\uFFFD' }) {
		return []Violation{Invalid(at, "holds a control character")}
	}
	return nil
}

// Validate checks the state.
func (r *ReviewState) Validate() []Violation {
	switch r.State {
	case ReviewOpen, ReviewClosed, ReviewCancelled:
		return nil
	}
	return []Violation{Invalid("/state", "must be one of open, closed, cancelled")}
}

// Validate checks the verdict.
func (v *VerdictRequest) Validate() []Violation {
	out := checkText("/comment", v.Comment, MaxCommentBytes)
	if v.Verdict != VerdictApproved && v.Verdict != VerdictNeedsChanges {
		out = append(out, Invalid("/verdict", "must be one of approved, needs_changes"))
	}
	return out
}
