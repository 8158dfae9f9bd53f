package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
)

const ann = "ann@partner.example"

// enter lets a recipient into a link.
func (w *world) enter(t *testing.T, path, email string) *visitor {
	t.Helper()
	v := w.visitor(t)
	form := v.post(path, url.Values{"email": {email}}).hidden()
	form.Set("code", w.code(t, email))
	if r := v.post(path, form); r.StatusCode != 200 {
		t.Fatalf("entering: status %d", r.StatusCode)
	}
	return v
}

var forAnn = with(campaigns, doc{"kind": "recipient", "recipients": []string{ann}, "allow_comments": true})

func TestVisitorsComment(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, forAnn)
		v := w.enter(t, path, ann)
		teaser := path + "/in/spring/teaser.mp4"
		v.get(path).hides("Your comment") // a folder has no comments
		v.get(teaser).want(200, "Teaser <cut 2>").says("Nobody has said anything yet.", "Your comment")
		v.post(teaser, url.Values{"comment": {"  \r\n "}}).want(422, "Teaser <cut 2>").says("Write something first.")
		v.post(teaser, url.Values{"comment": {"The <b>logo</b> is\r\ntoo small."}}).want(200, "Teaser <cut 2>").says("Your comment was added.", "ann@partner.example", "The <b>logo</b> is too small.").hides("<b>logo")
		// Members read it where they work, and answer.
		page := w.api(t, w.OwnerToken, "GET", "comments?item="+url.QueryEscape("/topsecret/campaigns/spring/teaser.mp4"), nil, 200)
		first := page["items"].([]any)[0].(doc)
		if first["author"] != "viewer:"+ann || first["body"] != "The <b>logo</b> is\ntoo small." {
			t.Errorf("the comment is %v", first)
		}
		w.api(t, w.OwnerToken, "POST", "comments", doc{"parent": first["id"], "body": "Larger tomorrow.", "timecode": doc{"seconds": 75.5}}, 201)
		v.get(teaser).says("owner@example.com", "Larger tomorrow.", "at 0:01:15")
		// Folders take none, nor what the link does not open.
		for _, at := range []string{"/in/", "/in/spring", "/in/hidden", "/in/nothing"} {
			if r := v.post(path+at, url.Values{"comment": {"x"}}); r.StatusCode != 404 {
				t.Errorf("a comment on %s: status %d", at, r.StatusCode)
			}
		}
		// Nor do links that allow none, and visitors who are nobody.
		_, quiet := w.link(t, with(forAnn, doc{"name": "To look at only", "allow_comments": false}))
		other := w.enter(t, quiet, ann)
		other.get(quiet+"/in/spring/teaser.mp4").hides("Your comment", "Larger tomorrow")
		other.post(quiet+"/in/spring/teaser.mp4", url.Values{"comment": {"x"}}).want(403, "You do not have access")
		if r := w.visitor(t).send(teaser, url.Values{"comment": {"x"}}); r.StatusCode != 303 || r.Header.Get("Location") != path {
			t.Errorf("without a session: %d to %s", r.StatusCode, r.Header.Get("Location"))
		}
	})
}

func TestCommentsAreCounted(t *testing.T) {
	w := start(t)
	w.tree(t)
	id, path := w.link(t, with(forAnn, doc{"resource": "/topsecret/campaigns/spring/teaser.mp4"}))
	v := w.enter(t, path, ann)
	for n := range 30 {
		v.post(path+"/in/", url.Values{"comment": {fmt.Sprint("Remark ", n)}}).want(200, "Teaser <cut 2>")
	}
	r := v.post(path+"/in/", url.Values{"comment": {"One too many"}}).want(429, "Teaser <cut 2>").says("These were many comments at once.", "One too many")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.advance(61 * time.Minute)
	for n := range 25 {
		v.post(path+"/in/", url.Values{"comment": {fmt.Sprint("More ", n)}}).want(200, "Teaser <cut 2>")
	}
	for _, a := range named(v.get(path).want(200, "Teaser <cut 2>").says("Remark 0").hides("More 24").all, "a") {
		if words(a.text) == "Later comments" {
			v.get(a.attr["href"]).says("More 24").hides("Remark 0<", "Later comments")
			w.revoke(t, id)
			v.post(path+"/in/", url.Values{"comment": {"After the end"}}).want(410, "Access denied")
			return
		}
	}
	t.Error("no link leads to the later comments")
}

// TestVisitorsAskForMore, and those who decide find the request (C017).
func TestVisitorsAskForMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, forAnn)
		stranger := w.visitor(t)
		if r := stranger.get(path + "/ask"); r.StatusCode != 303 || r.Header.Get("Location") != path {
			t.Errorf("without a session: %d to %s", r.StatusCode, r.Header.Get("Location"))
		}
		v := w.enter(t, path, ann)
		v.get(path).says("Ask for more")
		v.get(path+"/ask").want(200, "Ask for more").says("A guest", "A member", "ann@partner.example")
		v.post(path+"/ask", url.Values{"message": {"Hello"}}).want(422, "Ask for more").says("Choose one of the two.", "Hello")
		v.post(path+"/ask", url.Values{"role": {"owner"}}).want(422, "Ask for more")
		v.post(path+"/ask", url.Values{"role": {"guest"}, "message": {strings.Repeat("é", 900)}}).want(422, "Ask for more").says("That is too long.")
		v.post(path+"/ask", url.Values{"role": {"guest"}, "message": {"We cut the spring film."}}).want(200, "Your request was sent")
		page := w.api(t, w.OwnerToken, "GET", "approval_requests?state=pending", nil, 200)
		items := page["items"].([]any)
		if len(items) != 1 || items[0].(doc)["requester"] != "viewer:"+ann || items[0].(doc)["purpose"] != "promotion" {
			t.Fatalf("the requests are %v", items)
		}
		w.api(t, w.OwnerToken, "POST", "approval_requests/"+items[0].(doc)["id"].(string)+"/approve", doc{}, 200)
		w.visitor(t).get(w.invitation(t, ann)).want(200, "Join acme").says("invites you to be a guest")
		// Who is known by a device alone cannot ask.
		_, open := w.link(t, with(campaigns, doc{"name": "Open to all"}))
		nobody := w.visitor(t)
		nobody.post(open, url.Values{}).want(200, "Campaigns").hides("/ask")
		if r := nobody.get(open + "/ask"); r.StatusCode != 303 {
			t.Errorf("an unverified visitor's form: status %d", r.StatusCode)
		}
		nobody.post(open+"/ask", url.Values{"role": {"guest"}}).want(403, "You do not have access")
	})
}

var invitationLink = regexp.MustCompile(`/invitations/\S+`)

// invitation reads where the last invitation that was mailed to an address opens.
func (w *world) invitation(t *testing.T, email string) string {
	t.Helper()
	path := ""
	for _, m := range mailtest.Outbox(t, w.Service) {
		if found := invitationLink.FindString(m.Text); m.To == email && found != "" {
			path = found
		}
	}
	if path == "" {
		t.Fatalf("no invitation was mailed to %s", email)
	}
	return path
}

func (w *world) invite(t *testing.T, d doc) (path string) {
	t.Helper()
	w.make(t, api.InvitationKind, d)
	return w.invitation(t, d["email"].(string))
}

func TestInvitedPeopleAcceptOrDecline(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		v := w.visitor(t)
		path := w.invite(t, doc{"email": "eve@example.com", "workspace_role": "member", "teams": []string{"design"}, "message": "Come <i>and</i>\nsee."})
		r := v.get(path).want(200, "Join acme").says("owner@example.com invites you to be a member of acme.", "Come <i>and</i> see.", "Teams design", "Your address eve@example.com", "Accept", "Decline").hides("<i>")
		checkHeaders(t, r)
		if len(r.Cookies()) > 0 {
			t.Errorf("looking at an invitation sets cookies: %v", r.Cookies())
		}
		v.get(path).want(200, "Join acme") // looking accepts nothing
		v.post(path, url.Values{}).want(422, "Join acme").says("Choose whether you accept or decline.")
		v.header.Set("Sec-Fetch-Site", "cross-site")
		v.post(path, url.Values{"answer": {"accept"}}).want(403, "This form came from another site")
		v.header.Set("Sec-Fetch-Site", "same-origin")
		v.post(path, url.Values{"answer": {"accept"}}).want(200, "Welcome to acme").says("You are a member now. Sign in with eve@example.com")
		if m := w.api(t, w.OwnerToken, "GET", "members/eve@example.com", nil, 200); m["workspace_role"] != "member" {
			t.Errorf("the member is %v", m)
		}
		v.get(path).want(410, "You have accepted already")
		v.post(path, url.Values{"answer": {"decline"}}).want(410, "You have accepted already")

		declined := w.invite(t, doc{"email": "dan@example.com", "workspace_role": "member"})
		v.post(declined, url.Values{"answer": {"decline"}}).want(200, "You have declined")
		v.get(declined).want(410, "You have declined already")

		late := w.invite(t, doc{"email": "lea@example.com", "workspace_role": "member", "expires_in": "2d"})
		w.advance(49 * time.Hour)
		v.get(late).want(410, "This invitation has expired").hides("lea@")
		v.post(late, url.Values{"answer": {"accept"}}).want(410, "This invitation has expired")

		for _, unknown := range []string{"/invitations/", "/invitations/x", "/invitations/ghi_" + strings.Repeat("a", 43), "/invitations/a/b", "/invitations/" + strings.Repeat("a", 3000)} {
			v.get(unknown).want(404, "This link does not open anything")
		}
		for _, secret := range []string{strings.TrimPrefix(path, "/invitations/"), "eve@example.com", "dan@example.com"} {
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	})
}
