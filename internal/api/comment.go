package api

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Threads of comments.
const (
	ThreadOpen     = "open"
	ThreadResolved = "resolved"
	ThreadArchived = "archived"
)

// CommentRequest writes a comment on an item (C079), or changes one's own. On a change
// item, review and parent are left as they were.
type CommentRequest struct {
	Item       string      `json:"item,omitempty" doc:"Path of the item; may be left out where a review or parent is named."`
	Review     string      `json:"review,omitempty" doc:"Id of the review that the comment belongs to."`
	Parent     string      `json:"parent,omitempty" doc:"Id of the first comment of the thread that this one answers."`
	Body       string      `json:"body,omitempty" maxLength:"10000" doc:"What is said, as plain text."`
	Timecode   *Timecode   `json:"timecode,omitempty" doc:"Where in the asset."`
	Annotation *Annotation `json:"annotation,omitempty" doc:"What is drawn on the frame."`
	Voice      *VoiceNote  `json:"voice,omitempty" doc:"A voice note that the application holds."`
	Mentions   []string    `json:"mentions,omitempty" doc:"E-mail addresses of people who are mentioned, up to 20. Each has to see the item."`
}

// Timecode is a place in an asset: a time or a frame.
type Timecode struct {
	Seconds *float64 `json:"seconds,omitempty" doc:"Seconds from the beginning."`
	Frame   *int64   `json:"frame,omitempty" doc:"Frame, counted from 0."`
}

// Annotation is a shape on a frame. Coordinates are shares of width and height, 0 to 1.
type Annotation struct {
	Shape  string    `json:"shape" enum:"rectangle,ellipse,arrow,line,point,freehand" doc:"The shape."`
	X      float64   `json:"x" doc:"Left edge, or where an arrow or a line begins."`
	Y      float64   `json:"y" doc:"Upper edge."`
	W      float64   `json:"w,omitempty" doc:"Width; negative for arrows and lines that go left."`
	H      float64   `json:"h,omitempty" doc:"Height; negative for those that go up."`
	Points []float64 `json:"points,omitempty" doc:"Of freehand: x and y in turn, up to 1,000 numbers."`
	Color  string    `json:"color,omitempty" doc:"Colour, e.g. #ff8800."`
}

// VoiceNote is what is known here of a voice note; the sound is the application's.
type VoiceNote struct {
	DurationSeconds float64 `json:"duration_seconds" doc:"How long it is."`
	ExternalRef     string  `json:"external_ref" maxLength:"500" doc:"What the application calls it."`
}

// Comment is a comment as it is read.
type Comment struct {
	ID         string      `json:"id" doc:"Opaque, sortable identifier."`
	Item       string      `json:"item" doc:"Path of the item."`
	Review     string      `json:"review,omitempty" doc:"Id of the review that it belongs to."`
	Parent     string      `json:"parent,omitempty" doc:"Id of the first comment of the thread; absent for that one."`
	Author     string      `json:"author" doc:"Who wrote it."`
	Body       string      `json:"body,omitempty" doc:"What is said."`
	Timecode   *Timecode   `json:"timecode,omitempty" doc:"Where in the asset."`
	Annotation *Annotation `json:"annotation,omitempty" doc:"What is drawn on the frame."`
	Voice      *VoiceNote  `json:"voice,omitempty" doc:"A voice note that the application holds."`
	Mentions   []string    `json:"mentions,omitempty" doc:"Who is mentioned."`
	Thread     string      `json:"thread,omitempty" enum:"open,resolved,archived" doc:"State of the thread, at its first comment."`
	ThreadAt   *time.Time  `json:"thread_at,omitempty" doc:"When the thread became so."`
	ThreadBy   string      `json:"thread_by,omitempty" doc:"Who made it so."`
	Deleted    bool        `json:"deleted,omitempty" doc:"It was deleted; what it said is gone, its answers are not."`
	CreatedAt  time.Time   `json:"created_at" doc:"When it was written."`
	EditedAt   *time.Time  `json:"edited_at,omitempty" doc:"When it was last changed."`
}

// ThreadState resolves or archives a thread, or opens it again (C024).
type ThreadState struct {
	State string `json:"state" enum:"open,resolved,archived" doc:"What the thread becomes."`
}

// NextComment is the next thread that is open, or nothing.
type NextComment struct {
	Comment *Comment `json:"comment" doc:"The first comment of the thread; null when no open thread follows."`
}

// Bounds of drawings and sounds.
const (
	maxPoints      = 1000
	maxVoice       = 30 * 60
	maxTimecode    = 7 * 24 * 60 * 60
	maxFrame       = 1 << 40
	maxExternalRef = 500
)

var shapes = []string{"rectangle", "ellipse", "arrow", "line", "point", "freehand"}

// Validate checks what can be said without the database, and brings addresses and the
// path into their one written form.
func (c *CommentRequest) Validate() []Violation {
	var out []Violation
	if c.Item != "" {
		path, message := normalisePath(c.Item)
		if message != "" {
			out = append(out, Invalid("/item", "%s", message))
		}
		c.Item = path
	}
	out = append(out, checkText("/body", c.Body, MaxCommentBytes)...)
	if strings.TrimSpace(c.Body) == "" && c.Voice == nil && c.Annotation == nil {
		out = append(out, Required("/body", "say something, draw something or add a voice note"))
	}
	out = append(out, c.Timecode.validate()...)
	out = append(out, c.Annotation.validate()...)
	out = append(out, c.Voice.validate()...)
	if n := len(c.Mentions); n > MaxMentions {
		return append(out, Invalid("/mentions", "mentions %d people; at most %d are allowed", n, MaxMentions))
	}
	return append(out, addresses("/mentions", c.Mentions)...)
}

func (t *Timecode) validate() []Violation {
	switch {
	case t == nil:
		return nil
	case (t.Seconds == nil) == (t.Frame == nil):
		return []Violation{Invalid("/timecode", "write either seconds or frame")}
	case t.Seconds != nil && !between(*t.Seconds, 0, maxTimecode):
		return []Violation{Invalid("/timecode/seconds", "must lie between 0 and %d", maxTimecode)}
	case t.Frame != nil && (*t.Frame < 0 || *t.Frame > maxFrame):
		return []Violation{Invalid("/timecode/frame", "must lie between 0 and %d", int64(maxFrame))}
	}
	return nil
}

func between(v, least, most float64) bool { return !math.IsNaN(v) && v >= least && v <= most }

func (a *Annotation) validate() []Violation {
	if a == nil {
		return nil
	}
	var out []Violation
	if !slices.Contains(shapes, a.Shape) {
		out = append(out, Invalid("/annotation/shape", "must be one of %s", strings.Join(shapes, ", ")))
	}
	least := 0.0
	if a.Shape == "arrow" || a.Shape == "line" {
		least = -1
	}
	for _, n := range []struct {
		name         string
		value, least float64
	}{{"x", a.X, 0}, {"y", a.Y, 0}, {"w", a.W, least}, {"h", a.H, least}} {
		if !between(n.value, n.least, 1) {
			out = append(out, Invalid("/annotation/"+n.name, "is a share of the frame; it lies between %g and 1", n.least))
		}
	}
	if len(a.Points) > maxPoints || len(a.Points)%2 != 0 || len(a.Points) > 0 && a.Shape != "freehand" {
		out = append(out, Invalid("/annotation/points", "are for freehand alone: x and y in turn, up to %d numbers", maxPoints))
	} else if i := slices.IndexFunc(a.Points, func(v float64) bool { return !between(v, 0, 1) }); i >= 0 {
		out = append(out, Invalid(fmt.Sprintf("/annotation/points/%d", i), "is a share of the frame; it lies between 0 and 1"))
	}
	if a.Color != "" && (len(a.Color) != 7 || a.Color[0] != '#' || strings.Trim(strings.ToLower(a.Color[1:]), "0123456789abcdef") != "") {
		out = append(out, Invalid("/annotation/color", "is no colour; write e.g. #ff8800"))
	}
	return out
}

func (v *VoiceNote) validate() []Violation {
	if v == nil {
		return nil
	}
	var out []Violation
	if !between(v.DurationSeconds, 0, maxVoice) || v.DurationSeconds == 0 {
		out = append(out, Invalid("/voice/duration_seconds", "must be above 0, and at most %d", maxVoice))
	}
	if v.ExternalRef == "" {
		out = append(out, Required("/voice/external_ref", "say what the application that holds the voice note calls it"))
	}
	return append(out, checkText("/voice/external_ref", v.ExternalRef, maxExternalRef)...)
}

// Validate checks the state.
func (t *ThreadState) Validate() []Violation {
	switch t.State {
	case ThreadOpen, ThreadResolved, ThreadArchived:
		return nil
	}
	return []Violation{Invalid("/state", "must be one of open, resolved, archived")}
}
