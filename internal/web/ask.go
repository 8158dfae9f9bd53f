package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

const (
	fieldRole    = "role"
	fieldMessage = "message"
	maxMessage   = 1000
)

// showAsk is the form by which a visitor whose address is verified asks for more than
// the link gives (C017).
func (p *Pages) showAsk(r *request) (*answer, error) { return p.askPage(r, people.Promotion{}) }

func (p *Pages) askPage(r *request, given people.Promotion, faults ...fault) (*answer, error) {
	if r.visit() == "" {
		return see(linkAddress(r)), nil
	}
	v, err := sharing.Visit(r.ctx(), p.Service, r.visit(), r.visitor())
	if over := (*sharing.Closed)(nil); errors.As(err, &over) {
		return p.over(r, over.Reason)
	}
	if err != nil {
		return nil, err
	}
	if !v.Verified {
		return see(linkAddress(r)), nil
	}
	_, email, _ := api.SplitPrincipal(v.Viewer)
	fields := []field{
		{Name: fieldRole, Label: "What would you like to become?", Value: given.Role, Choices: []choice{
			{"guest", "A guest", "You work on what was shared with you, for a time."},
			{"member", "A member", "You belong to the workspace, with an account of your own."},
		}},
		{Name: fieldMessage, Label: "A word to those who decide", Type: "textarea", Value: given.Message, MaxLength: maxMessage, Optional: true},
	}
	a := &answer{page: "step", title: "Ask for more", data: step{Eyebrow: v.Name, Heading: "Ask for more",
		Lead: []string{"Somebody at the workspace decides. The answer goes to " + email + "."},
		Form: &form{Action: linkAddress(r) + "/ask", Fields: blame(fields, faults), Submit: "Send the request"}, Back: &offer{Address: linkAddress(r), Link: "Back to what was shared"}}}
	a.blameOn(faults)
	return a, nil
}

// ask sends the request.
func (p *Pages) ask(r *request) (*answer, error) {
	if r.visit() == "" {
		return see(linkAddress(r)), nil
	}
	given := people.Promotion{Role: r.word(fieldRole), Message: r.text(fieldMessage)}
	if given.Role != "guest" && given.Role != "member" {
		return p.askPage(r, given, fault{fieldRole, "Choose one of the two."})
	}
	_, err := people.RequestPromotion(r.ctx(), p.Service, r.visit(), r.visitor(), given)
	var over *sharing.Closed
	var problem *api.Problem
	switch {
	case err == nil:
		return &answer{page: "step", title: "Your request was sent", data: step{Heading: "Your request was sent",
			Lead: []string{"If it is granted, a mail with an invitation comes to you."}, Back: &offer{Address: linkAddress(r), Link: "Back to what was shared"}}}, nil
	case errors.As(err, &over):
		return p.over(r, over.Reason)
	case !errors.As(err, &problem):
		return nil, err
	}
	switch problem.Code() {
	case api.CodeTooLarge:
		return p.askPage(r, given, fault{fieldMessage, "That is too long. A thousand characters are enough."})
	case api.CodeConflict:
		return p.askPage(r, given, fault{"", "You have an account here already. Sign in with it, and ask the owner or an admin of the workspace for more."})
	case api.CodeRateLimited:
		a, err := p.askPage(r, given, fault{"", "You have asked several times today. Please try again tomorrow."})
		if err == nil && a.page == "step" {
			a.status, a.wait = http.StatusTooManyRequests, 24*time.Hour
		}
		return a, err
	}
	return nil, err
}
