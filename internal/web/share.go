package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// linkRoutes are the addresses below a share link. A GET never enters: what previews
// links, or scans mail for bad ones, must not use up a view.
func (p *Pages) linkRoutes() []route {
	return []route{
		{pattern: "/s/{token}", get: p.showLink, post: p.enterLink},
		{pattern: "/s/{token}/identify", get: p.showIdentify},
		{pattern: "/s/{token}/in/{path...}", get: p.showPlace, post: p.comment},
		{pattern: "/s/{token}/ask", get: p.showAsk, post: p.ask},
		{pattern: "/s/{token}/leave", post: p.leaveLink},
	}
}

// Names of what forms send at a link.
const (
	fieldPassword = "password"
	fieldEmail    = "email"
	fieldCode     = "code"
)

// linkAddress is the page of a link.
func linkAddress(r *request) string { return sharing.LinkPath + url.PathEscape(r.PathValue("token")) }

// showLink shows what the link opens to those who have entered, and the door to others.
func (p *Pages) showLink(r *request) (*answer, error) {
	if r.visit() != "" {
		return p.look(r, sharing.Place{Cursor: p.cursor(r)})
	}
	return p.landing(r, "")
}

// landing is the link's door.
func (p *Pages) landing(r *request, notice string) (*answer, error) {
	l, err := sharing.OpenLink(r.ctx(), p.Service, r.PathValue("token"), r.visitor())
	if err != nil {
		return nil, err
	}
	a := p.door(r, l, sharing.Answer{}, nil)
	if l.Closed == "" {
		a.notice = notice
	}
	return a, nil
}

// showIdentify is the door for those who are in, or could be, and want to be known by
// their address (X11).
func (p *Pages) showIdentify(r *request) (*answer, error) {
	l, err := sharing.OpenLink(r.ctx(), p.Service, r.PathValue("token"), r.visitor())
	if err != nil {
		return nil, err
	}
	if l.Closed != "" || !l.Identify {
		return p.door(r, l, sharing.Answer{}, nil), nil
	}
	return identifyPage(r, l, "", nil), nil
}

// enterLink takes what the visitor gave.
func (p *Pages) enterLink(r *request) (*answer, error) {
	token := r.PathValue("token")
	given := sharing.Answer{Password: r.secret(fieldPassword), Email: r.word(fieldEmail), Code: r.digits(fieldCode)}
	if faults := missing(r, given); len(faults) > 0 {
		// Not worth one of the tries, or another mail.
		l, err := sharing.OpenLink(r.ctx(), p.Service, token, r.visitor())
		if err != nil {
			return nil, err
		}
		if l.Closed == "" && r.form.Has(fieldCode) {
			l.Needs, l.Password = sharing.NeedsCode, r.form.Has(fieldPassword)
		}
		return p.door(r, l, given, faults), nil
	}
	r.rememberDevice()
	session, l, err := sharing.EnterLink(r.ctx(), p.Service, token, r.visitor(), given)
	if err != nil {
		return nil, err
	}
	if session == "" {
		return p.door(r, l, given, faultsOf(l, given)), nil
	}
	r.keepVisit(session)
	return see(linkAddress(r)), nil
}

// missing are the fields of the form that were left empty, or hold what cannot be
// right.
func missing(r *request, given sharing.Answer) []fault {
	var out []fault
	if r.form.Has(fieldPassword) && given.Password == "" {
		out = append(out, fault{fieldPassword, "Enter the password."})
	}
	switch {
	case given.Email != "" && !isAddress(given.Email):
		out = append(out, fault{fieldEmail, notAnAddress})
	case given.Email == "" && r.form.Get("must") == fieldEmail:
		out = append(out, fault{fieldEmail, "Enter your e-mail address."})
	}
	if r.form.Has(fieldCode) && !isCode(given.Code) {
		out = append(out, fault{fieldCode, "Enter the code from the mail: six digits."})
	}
	return out
}

func isAddress(s string) bool {
	email, err := api.NormaliseEmail(s)
	return err == nil && vocabulary.ValidateEmail(email) == nil
}

func isCode(s string) bool {
	return len(s) == 6 && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < '0' || c > '9' })
}

// faultsOf puts into words what was wrong with an answer.
func faultsOf(l *sharing.Landing, given sharing.Answer) []fault {
	switch l.Problem {
	case sharing.ProblemWrong:
		switch {
		case l.Needs == sharing.NeedsCode && l.Password:
			return []fault{{fieldCode, "The code or the password is not right. A code counts for ten minutes, and for five tries."}}
		case l.Needs == sharing.NeedsCode:
			return []fault{{fieldCode, "The code is not right. It counts for ten minutes, and for five tries."}}
		case l.Needs == sharing.NeedsPassword:
			return []fault{{fieldPassword, "The password is not right. Capital and small letters make a difference."}}
		}
		return []fault{{fieldEmail, notAnAddress}}
	case sharing.ProblemThrottled:
		if l.Needs == sharing.NeedsCode && given.Code == "" {
			return []fault{{"", "A code was asked for a moment ago. Use that one, or ask for another in " + waitWords(l.RetryAfter) + "."}}
		}
		return []fault{{"", "There were too many tries. Please wait " + waitWords(l.RetryAfter) + ", then try again."}}
	case sharing.ProblemChanged:
		return []fault{{"", "The link was changed a moment ago. Please begin again."}}
	}
	return nil
}

const notAnAddress = "That is not an e-mail address. Write it like ann@example.com."

// door draws the step that the visitor has to take next.
func (p *Pages) door(r *request, l *sharing.Landing, given sharing.Answer, faults []fault) *answer {
	if l.Closed != "" {
		return closed(l.Closed)
	}
	var a *answer
	switch {
	case l.Needs == sharing.NeedsPassword:
		a = passwordPage(r, l, given, faults)
	case l.Needs == sharing.NeedsEmail:
		a = emailPage(r, l, given, faults)
	case l.Needs == sharing.NeedsCode:
		a = codePage(r, l, given, faults)
	case r.form.Has(fieldEmail):
		a = identifyPage(r, l, given.Email, faults)
	default:
		a = openPage(r, l)
	}
	a.blameOn(faults)
	if l.Problem == sharing.ProblemThrottled {
		a.status, a.wait = http.StatusTooManyRequests, max(l.RetryAfter, time.Second)
	}
	return a
}

const (
	sharedWithYou = "Shared with you"
	whoHasIt      = "Whoever sent you the link has it."
)

func doorPage(title string, s step) *answer {
	s.Eyebrow = sharedWithYou
	return &answer{page: "step", title: title, data: s}
}

func openPage(r *request, l *sharing.Landing) *answer {
	s := step{Heading: l.Name, Lead: []string{"This link was shared with you. Open it to see what it holds."},
		Form: &form{Action: linkAddress(r), Submit: "Open"}}
	if l.Identify {
		s.Other = &form{Action: linkAddress(r), Question: "To comment, say who you are. We mail you a code.",
			Hidden: []hidden{{"must", fieldEmail}}, Fields: []field{emailField("", true)}, Submit: "Open with my e-mail address", Quiet: true}
	}
	return doorPage("Open what was shared with you", s)
}

func identifyPage(r *request, l *sharing.Landing, email string, faults []fault) *answer {
	fields := []field{emailField(email, true)}
	if l.Needs == sharing.NeedsPassword {
		fields = append(fields, passwordField())
	}
	return doorPage("Confirm your e-mail address", step{Heading: l.Name, Lead: []string{"To comment, say who you are. We mail you a code that shows that the address is yours."},
		Form: &form{Action: linkAddress(r), Hidden: []hidden{{"must", fieldEmail}}, Fields: blame(fields, faults), Submit: "Send me a code"}})
}

func passwordPage(r *request, l *sharing.Landing, given sharing.Answer, faults []fault) *answer {
	fields := []field{passwordField()}
	if l.Identify {
		email := emailField(given.Email, false)
		email.Hint = "Only if you want to comment. We mail you a code."
		fields = append(fields, email)
	}
	return doorPage("Enter the password", step{Heading: l.Name, Lead: []string{"This is protected by a password. " + whoHasIt},
		Form: &form{Action: linkAddress(r), Fields: blame(fields, faults), Submit: "Open"}})
}

func emailPage(r *request, l *sharing.Landing, given sharing.Answer, faults []fault) *answer {
	return doorPage("Enter your e-mail address", step{Heading: l.Name, Lead: []string{"This is for certain people. Enter the e-mail address that the link was sent to, and we mail you a code."},
		Form: &form{Action: linkAddress(r), Hidden: []hidden{{"must", fieldEmail}}, Fields: blame([]field{emailField(given.Email, true)}, faults), Submit: "Send me a code"}})
}

// codePage says the same whether or not the address is one that the link names.
func codePage(r *request, l *sharing.Landing, given sharing.Answer, faults []fault) *answer {
	fields := []field{{Name: fieldCode, Label: "Code", Hint: "Six digits from the mail.", Type: "text", Class: "code", InputMode: "numeric", MaxLength: 20, Autocomplete: "one-time-code"}}
	lead := []string{fmt.Sprintf("If this was shared with %s, a mail with a code is on its way there. The code counts for ten minutes.", given.Email)}
	if l.Password {
		fields = append(fields, passwordField())
		lead = append(lead, "The link has a password besides. "+whoHasIt)
	}
	return doorPage("Enter the code", step{Heading: l.Name, Lead: lead,
		Form:  &form{Action: linkAddress(r), Hidden: []hidden{{fieldEmail, given.Email}}, Fields: blame(fields, faults), Submit: "Open"},
		Other: &form{Action: linkAddress(r), Question: "Did nothing come? Look into the spam folder, or:", Hidden: []hidden{{fieldEmail, given.Email}}, Submit: "Send another code", Quiet: true}})
}

func passwordField() field {
	return field{Name: fieldPassword, Label: "Password", Type: "password", MaxLength: maxWord, Autocomplete: "current-password"}
}

func emailField(value string, must bool) field {
	return field{Name: fieldEmail, Label: "E-mail address", Type: "email", Value: value, MaxLength: maxWord, Autocomplete: "email", Optional: !must}
}

// leaveLink ends the visit at the visitor's word.
func (p *Pages) leaveLink(r *request) (*answer, error) {
	if session := r.visit(); session != "" {
		if err := sharing.EndVisit(r.ctx(), p.Service, session, r.visitor()); err != nil {
			return nil, err
		}
	}
	r.dropVisit()
	return &answer{page: "refusal", title: "You have left", data: plain{Heading: "You have left",
		Lead: []string{"Your session is over. On a shared computer, close the browser window too."}, Again: linkAddress(r)}}, nil
}

// closed is the page of a link, or of a visit, that is over.
func closed(reason string) *answer {
	switch reason {
	case sharing.ClosedUnknown:
		return refusal(http.StatusNotFound, nothingHere, checkTheAddress)
	case sharing.ClosedRevoked:
		return refusal(http.StatusGone, "Access denied", "This link was closed. What it opened cannot be seen through it any more.", askAgain)
	case sharing.ClosedExpired:
		return refusal(http.StatusGone, "This link has expired", "It was open until a certain day, which has passed.", askAgain)
	case sharing.ClosedExhausted:
		return refusal(http.StatusGone, "This link has been used up", "It could be opened a certain number of times, and was.", askAgain)
	case sharing.ClosedPending:
		return refusal(http.StatusForbidden, "This link is not open yet", "Somebody still has to approve that it is shared. Please try again later.")
	case sharing.ClosedPolicy:
		return refusal(http.StatusForbidden, "Access denied", "The organisation behind this link no longer shares in this way.", askAgain)
	}
	return refusal(http.StatusForbidden, "Access denied", "What was shared here is not open to you any more.", askAgain)
}

const askAgain = "If you still need it, ask the person who shared it with you."
