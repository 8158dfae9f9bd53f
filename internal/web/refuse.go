package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Words that several pages share. What never existed and what is somebody else's look
// the same.
const (
	nothingHere     = "This link does not open anything"
	checkTheAddress = "Check that the whole address was copied. If it still does not work, ask the person who sent it to you for a new one."
)

// refuse makes a page of an error. Use-cases speak to whoever configures a workspace;
// the people here have only clicked a link, so each class of failure has words of its
// own.
func (p *Pages) refuse(r *request, err error) *answer {
	var problem *api.Problem
	if !errors.As(err, &problem) {
		return p.failed(r, err)
	}
	switch problem.Code() {
	case api.CodeNotFound:
		return refusal(http.StatusNotFound, nothingHere, checkTheAddress)
	case api.CodeUnauthenticated, api.CodeForbidden:
		return refusal(http.StatusForbidden, "You do not have access", "The person who shared this can give you access.")
	case api.CodeUnavailable:
		a := refusal(http.StatusServiceUnavailable, "Gatehouse is busy", "Please try again in a moment.")
		a.wait = 1e9
		return a
	case api.CodeTooLarge:
		return refusal(http.StatusRequestEntityTooLarge, "That is too long", "Go back and shorten what you wrote.")
	case api.CodeMalformed, api.CodeInvalid, api.CodeConflict, api.CodePreconditionFailed:
		return refusal(http.StatusBadRequest, "That could not be done", "Open the link again that you were given, and try once more.")
	}
	return p.failed(r, err)
}

// failed is for what is our fault: the log gets the error, the visitor a reference.
func (p *Pages) failed(r *request, err error) *answer {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		a := refusal(http.StatusServiceUnavailable, "Gatehouse is busy", "Please try again in a moment.")
		a.wait = 1e9
		return a
	}
	p.Log.ErrorContext(r.ctx(), "page failed", "id", r.id, "error", err)
	a := refusal(http.StatusInternalServerError, "Something went wrong on our side", "Please try again in a moment. Nothing was changed.")
	a.data = plain{Heading: a.title, Lead: a.data.(plain).Lead, Reference: r.id}
	return a
}
