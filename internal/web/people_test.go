package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// TestKeyboardAloneOpensALinkWithAPassword, in a real browser without JavaScript.
func TestKeyboardAloneOpensALinkWithAPassword(t *testing.T) {
	b := openBrowser(t)
	w := start(t)
	w.tree(t)
	_, path := w.link(t, with(campaigns, doc{"password_wo": linkPassword, "password_wo_version": 1, "allow_download": true}))
	w.make(t, api.AssetKind, doc{"path": "/topsecret/campaigns/spring/stills.zip", "name": strings.Repeat("Stillsandmore", 15)})

	b.open(w.URL + path)
	b.sees("Spring cut for Acme")
	b.accessible()
	b.shoot("password")
	b.tabTo("link", "Skip to the content")
	b.tabTo("textbox", "Password")
	b.types("not the password")
	b.wants(422, "Spring cut for Acme")

	// The mistake is read out first, and leads to the field.
	b.focused("alert", "There is a problem")
	b.shoot("password-wrong")
	b.tabTo("link", "The password is not right. Capital and small letters make a difference.")
	b.do("pressing Enter", enter)
	b.focused("textbox", "Password")
	for _, n := range b.tree() {
		if n.role == "textbox" && (!n.invalid || !strings.HasPrefix(n.description, "Error: The password is not right.")) {
			t.Errorf("the field is told as %+v", n)
		}
	}
	b.types(linkPassword)
	b.wants(200, "Campaigns")
	b.shoot("inside")
	b.tabTo("link", "Spring")
	b.wants(200, "Spring")
	b.shoot("inside-folder")
	b.tabTo("link", "Teaser <cut 2>")
	b.wants(200, "Teaser <cut 2>")
	b.shoot("inside-asset")
	b.tabTo("button", "End my session")
	b.wants(200, "You have left")
	b.shoot("left")
	b.tabTo("link", "Open the link again")
	b.wants(200, "Spring cut for Acme")
}

// TestRecipientEntersByACodeFromTheirMail, and is denied the moment the link is
// revoked.
func TestRecipientEntersByACodeFromTheirMail(t *testing.T) {
	b := openBrowser(t)
	w := start(t)
	w.tree(t)
	id, path := w.link(t, with(campaigns, doc{"kind": "recipient", "recipients": []string{"ann@partner.example"}}))

	b.open(w.URL + path)
	b.sees("Spring cut for Acme")
	b.accessible()
	b.shoot("email")
	b.tabTo("textbox", "E-mail address")
	b.types("ann@partner.example")
	b.wants(200, "Spring cut for Acme")
	b.reads("a mail with a code is on its way")
	b.shoot("code")
	b.tabTo("textbox", "Code")
	b.types(w.code(t, "ann@partner.example"))
	b.wants(200, "Campaigns")
	b.reads("ann@partner.example")

	w.revoke(t, id)
	b.tabTo("link", "Spring")
	b.wants(410, "Access denied")
	b.shoot("denied")
}

// TestAnyoneOpensALinkByItsButton, and may say who they are.
func TestAnyoneOpensALinkByItsButton(t *testing.T) {
	b := openBrowser(t)
	w := start(t)
	w.tree(t)
	_, path := w.link(t, with(campaigns, doc{"level": "comment"}))

	b.open(w.URL + path)
	b.sees("Spring cut for Acme")
	b.accessible()
	b.shoot("open")
	b.tabTo("button", "Open")
	b.wants(200, "Campaigns")
	b.shoot("inside-unnamed")
	b.tabTo("link", "Confirm your e-mail address")
	b.wants(200, "Spring cut for Acme")
	b.tabTo("textbox", "E-mail address")
	b.types("ann@partner.example")
	b.wants(200, "Spring cut for Acme")
	b.tabTo("textbox", "Code")
	b.types(w.code(t, "ann@partner.example"))
	b.wants(200, "Campaigns")
	b.reads("ann@partner.example")
}

// TestInvitationAndCommentByKeyboard: a visitor comments and asks for more, and accepts
// the invitation that comes of it.
func TestInvitationAndCommentByKeyboard(t *testing.T) {
	b := openBrowser(t)
	w := start(t)
	w.tree(t)
	_, path := w.link(t, with(forAnn, doc{"resource": "/topsecret/campaigns/spring/teaser.mp4"}))

	b.open(w.URL + path)
	b.tabTo("textbox", "E-mail address")
	b.types(ann)
	b.wants(200, "Spring cut for Acme")
	b.tabTo("textbox", "Code")
	b.types(w.code(t, ann))
	b.wants(200, "Teaser <cut 2>")
	b.tabTo("textbox", "Your comment")
	b.types("The logo is too small.")
	b.tabTo("button", "Add the comment")
	b.wants(200, "Teaser <cut 2>")
	b.reads("The logo is too small.")
	b.shoot("commented")
	b.tabTo("link", "Ask for more")
	b.wants(200, "Ask for more")
	b.shoot("ask")
	b.tabTo("radio", "A guest You work on what was shared with you, for a time.")
	b.do("pressing Space", chromedp.KeyEvent(" "))
	b.tabTo("button", "Send the request")
	b.wants(200, "Your request was sent")
	b.shoot("asked")

	invitation := w.invite(t, doc{"email": "eve@example.com", "workspace_role": "member", "teams": []string{"design"}, "message": "Come and see.\nThere is cake."})
	b.open(w.URL + invitation)
	b.sees("Join acme")
	b.accessible()
	b.shoot("invitation")
	b.tabTo("button", "Accept")
	b.wants(200, "Welcome to acme")
	b.shoot("welcome")
}
