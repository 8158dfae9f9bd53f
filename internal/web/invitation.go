package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

// invitationRoutes are the pages of an invitation (C064). The link is for one person,
// and only a form answers it: what scans mail for bad links accepts nothing.
func (p *Pages) invitationRoutes() []route {
	return []route{{pattern: people.InvitationPath + "{token}", get: p.showInvitation, post: p.answerInvitation}}
}

const fieldAnswer = "answer"

// letterPage is the page invitation.html.
type letterPage struct {
	Workspace, Inviter, Email, Role string
	Message                         string
	Facts                           []fact
	Accept, Decline                 *form
}

func (p *Pages) showInvitation(r *request) (*answer, error) {
	l, err := people.OpenInvitation(r.ctx(), p.Service, r.PathValue("token"))
	if err != nil {
		return closedInvitation(err)
	}
	return letter(r, l), nil
}

func letter(r *request, l *people.InvitationLetter) *answer {
	here := people.InvitationPath + url.PathEscape(r.PathValue("token"))
	page := letterPage{Workspace: l.Workspace, Inviter: l.Inviter, Email: l.Email, Role: roleWords[l.Role], Message: l.Message,
		Accept:  &form{Action: here, Hidden: []hidden{{fieldAnswer, "accept"}}, Submit: "Accept"},
		Decline: &form{Action: here, Hidden: []hidden{{fieldAnswer, "decline"}}, Submit: "Decline", Quiet: true},
	}
	for _, list := range []struct {
		name  string
		items []string
	}{{"Teams", l.Teams}, {"Projects", l.Projects}} {
		if len(list.items) > 0 {
			page.Facts = append(page.Facts, fact{Name: list.name, Text: listWords(list.items)})
		}
	}
	page.Facts = append(page.Facts, fact{Name: "Your address", Text: l.Email}, fact{Name: "Answer until", Time: l.ExpiresAt})
	return &answer{page: "invitation", title: "Invitation to " + l.Workspace, data: page}
}

func (p *Pages) answerInvitation(r *request) (*answer, error) {
	token := r.PathValue("token")
	switch r.form.Get(fieldAnswer) {
	case "accept":
		l, err := people.AcceptInvitation(r.ctx(), p.Service, token, r.visitor())
		if err != nil {
			return closedInvitation(err)
		}
		return &answer{page: "step", title: "Welcome to " + l.Workspace, data: step{Heading: "Welcome to " + l.Workspace,
			Lead: []string{"You are " + roleWords[l.Role] + " now. Sign in with " + l.Email + " in the application that your workspace uses."}}}, nil
	case "decline":
		if err := people.DeclineInvitation(r.ctx(), p.Service, token, r.visitor()); err != nil {
			return closedInvitation(err)
		}
		return &answer{page: "step", title: "You have declined", data: step{Heading: "You have declined",
			Lead: []string{"Nothing more is needed. Should you change your mind, ask for a new invitation."}}}, nil
	}
	l, err := people.OpenInvitation(r.ctx(), p.Service, token)
	if err != nil {
		return closedInvitation(err)
	}
	a := letter(r, l)
	a.blameOn([]fault{{"", "Choose whether you accept or decline."}})
	return a, nil
}

// closedInvitation is the page of a link that opens nothing. Why an invitation is not
// possible is for those who look after the workspace.
func closedInvitation(err error) (*answer, error) {
	var closed *people.InvitationClosed
	if !errors.As(err, &closed) {
		return nil, err
	}
	const again = "If you still want to join, ask whoever invited you for a new invitation."
	switch closed.Reason {
	case people.InvitationUsed:
		return refusal(http.StatusGone, "You have accepted already", "An invitation works once. Sign in in the application that your workspace uses."), nil
	case people.InvitationRefused:
		return refusal(http.StatusGone, "You have declined already", again), nil
	case people.InvitationEnded:
		return refusal(http.StatusGone, "This invitation has expired", again), nil
	case people.InvitationReplaced:
		return refusal(http.StatusGone, "There is a newer invitation", "A later mail holds the link that counts."), nil
	case people.InvitationHeld:
		return refusal(http.StatusConflict, "This invitation cannot be accepted", "Something has changed since it was sent; perhaps you belong to the workspace already.", "Ask whoever invited you."), nil
	}
	return refusal(http.StatusNotFound, nothingHere, checkTheAddress), nil
}
