package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

const (
	fieldComment  = "comment"
	commentsShown = 50
)

// remarks is what is said about an item, and the form to say more.
type remarks struct {
	List []remark
	More string // address of the next page
	Form *form
}

type remark struct {
	By, Text, Where string
	At              time.Time
	Answer          bool
}

// remarks reads what visitors may read about the item that they look at; nil where the
// link does not let them comment.
func (p *Pages) remarks(r *request, v *sharing.VisitView, at sharing.Place) (*remarks, error) {
	if !v.Comments || v.Item.Kind != api.AssetKind.Name {
		return nil, nil
	}
	here := p.placeAddress(r, v.Root, v.Item.Path)
	out := &remarks{Form: &form{Action: here, Submit: "Add the comment",
		Fields: []field{{Name: fieldComment, Label: "Your comment", Type: "textarea", MaxLength: maxText}}}}
	err := sharing.ReadInVisit(r.ctx(), p.Service, r.visit(), r.visitor(), at, func(s *object.Scope, path string) error {
		page, err := review.Comments(r.ctx(), s, review.Said{Item: path}, r.URL.Query().Get("comments"), commentsShown)
		if err != nil {
			return err
		}
		out.List = nil
		for _, c := range page.Items {
			out.List = append(out.List, remarkOf(c))
		}
		if page.NextCursor != "" {
			out.More = here + "?comments=" + url.QueryEscape(page.NextCursor) + "#comments-title"
		}
		return nil
	})
	// Who may write and not read sees the form alone.
	if p := (*api.Problem)(nil); errors.As(err, &p) && (p.Code() == api.CodeNotFound || p.Code() == api.CodeForbidden) {
		return out, nil
	}
	return out, err
}

func remarkOf(c api.Comment) remark {
	out := remark{Text: c.Body, At: c.CreatedAt, Answer: c.Parent != ""}
	kind, by, _ := api.SplitPrincipal(c.Author)
	if out.By = by; kind == "erased" {
		out.By = "Somebody who has left"
	}
	switch {
	case c.Deleted:
		out.Text = "This comment was deleted."
	case c.Voice != nil && c.Body == "":
		out.Text = "A voice note."
	case c.Annotation != nil && c.Body == "":
		out.Text = "A drawing."
	}
	if t := c.Timecode; t != nil {
		out.Where = timecodeWords(t)
	}
	return out
}

// comment writes what a visitor says about the item of the page.
func (p *Pages) comment(r *request) (*answer, error) {
	if r.visit() == "" {
		return see(linkAddress(r)), nil
	}
	at, err := p.place(r)
	if err != nil {
		return nil, err
	}
	body := r.text(fieldComment)
	if body == "" {
		return p.look(r, at, fault{fieldComment, "Write something first."})
	}
	err = sharing.ActInVisit(r.ctx(), p.Service, r.visit(), r.visitor(), at, func(s *object.Scope, path string) error {
		return say(r.ctx(), s, path, body)
	})
	var over *sharing.Closed
	var wait *sharing.Wait
	switch {
	case errors.As(err, &over):
		return p.over(r, over.Reason)
	case errors.As(err, &wait):
		a, err := p.look(r, at, fault{fieldComment, "These were many comments at once. Please wait " + waitWords(wait.For) + ", then send this one."})
		if err == nil && a.page == "share" {
			a.status, a.wait = http.StatusTooManyRequests, wait.For
		}
		return a, err
	case err != nil:
		return nil, err
	}
	return see(r.URL.EscapedPath() + "?said=1"), nil
}

// say takes only assets: what people say belongs to what they looked at.
func say(ctx context.Context, s *object.Scope, path, body string) error {
	ok, err := s.Exists(ctx, api.AssetKind, strings.ToLower(path))
	if err != nil {
		return err
	}
	if !ok {
		return object.NotFound(api.AssetKind.Name, path)
	}
	_, err = review.Comment(ctx, s, api.CommentRequest{Item: path, Body: body})
	return err
}
