package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

const linkPassword = "Correct-Horse-7"

// owner is the caller of the workspace's owner.
func (w *world) owner() *object.Caller {
	return &object.Caller{WorkspaceID: w.WorkspaceID, WorkspaceSlug: w.Workspace, Kind: object.PrincipalMember, Key: "owner@example.com", Door: audit.DoorREST}
}

// make declares an object as the owner.
func (w *world) make(t *testing.T, kind *api.Kind, d doc) api.Object {
	t.Helper()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	res, err := w.Service.Create(context.Background(), w.owner(), kind, raw, object.WriteOptions{})
	if err != nil {
		t.Fatalf("making %s %v: %v", kind.Name, d, err)
	}
	return res.Object
}

// tree makes what the tests share: a project in which much lies, some of it apart.
func (w *world) tree(t *testing.T) {
	t.Helper()
	w.make(t, api.TeamKind, doc{"slug": "design", "name": "Design"})
	w.make(t, api.ProjectKind, doc{"path": "/topsecret", "name": "Top secret merger", "team": "design"})
	w.make(t, api.FolderKind, doc{"path": "/topsecret/campaigns", "name": "Campaigns"})
	w.make(t, api.FolderKind, doc{"path": "/topsecret/campaigns/spring", "name": "Spring"})
	w.make(t, api.FolderKind, doc{"path": "/topsecret/campaigns/hidden", "name": "Not for you", "inheritance": "restricted"})
	w.make(t, api.AssetKind, doc{"path": "/topsecret/campaigns/spring/teaser.mp4", "name": "Teaser <cut 2>"})
	w.make(t, api.SharingPolicyKind, doc{"external_sharing": "anyone", "public_links": "allowed", "require_link_password": false})
}

// link makes a share link and answers its id and the path of its page.
func (w *world) link(t *testing.T, d doc) (id, path string) {
	t.Helper()
	l := w.make(t, api.ShareLinkKind, d)
	var secret *api.ShareSecret
	err := w.Service.Do(context.Background(), w.owner(), func(s *object.Scope) (err error) {
		secret, err = sharing.IssueLinkSecret(context.Background(), s, l.GetMeta().ID, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := w.URL + sharing.LinkPath + secret.Secret; secret.URL != want {
		t.Fatalf("the link opens at %s, want %s", secret.URL, want)
	}
	return l.GetMeta().ID, sharing.LinkPath + secret.Secret
}

func (w *world) revoke(t *testing.T, id string) {
	t.Helper()
	if err := w.Service.Delete(context.Background(), w.owner(), api.ShareLinkKind, id, object.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// code reads the last one-time code that was mailed to an address.
func (w *world) code(t *testing.T, email string) string {
	t.Helper()
	code := ""
	for _, m := range mailtest.Outbox(t, w.Service) {
		if m.To == email {
			code = sixDigits.FindString(m.Text)
		}
	}
	if code == "" {
		t.Fatalf("no code was mailed to %s", email)
	}
	return code
}

var campaigns = doc{"resource": "/topsecret/campaigns", "name": "Spring cut for Acme", "kind": "anyone"}

func with(d doc, more doc) doc {
	out := doc{}
	for _, m := range []doc{d, more} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func TestUnknownLinksAllLookTheSame(t *testing.T) {
	w := start(t)
	v := w.visitor(t)
	first := v.get("/s/ghl_"+strings.Repeat("a", 43)).want(404, "This link does not open anything")
	for _, path := range []string{"/s/x", "/s/", "/s/ghl_" + strings.Repeat("b", 43), "/s/" + strings.Repeat("%00", 9), "/s/ghl_a/in/b", "/s/ghl_a/identify", "/s/a/b/c", "/s/a//b", "/s/../v1/whoami", "/s/%2e%2e"} {
		r := v.get(path)
		if r.StatusCode == http.StatusSeeOther {
			r = v.get(r.Header.Get("Location"))
		}
		if r.StatusCode != 404 || r.page != first.page {
			t.Errorf("%s: status %d:\n%s", path, r.StatusCode, r.page)
		}
	}
	if r := v.send("/s/ghl_"+strings.Repeat("b", 43), url.Values{}); r.StatusCode != 404 || r.page != first.page {
		t.Errorf("by POST: status %d:\n%s", r.StatusCode, r.page)
	}
}

// TestAGetUsesUpNoView: what previews links, or scans mail, opens nothing.
func TestAGetUsesUpNoView(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, with(campaigns, doc{"max_views": 1}))
		for range 3 {
			bot := w.visitor(t)
			r := bot.get(path).want(200, "Spring cut for Acme").hides("topsecret", "Top secret", "Teaser")
			if len(r.Cookies()) > 0 {
				t.Errorf("looking at the door sets cookies: %v", r.Cookies())
			}
			if head := bot.do(http.MethodHead, path, nil, nil); head.StatusCode != 200 || head.page != "" {
				t.Errorf("HEAD: status %d, body %q", head.StatusCode, head.page)
			}
		}
		w.visitor(t).post(path, url.Values{}).want(200, "Campaigns")
		w.visitor(t).post(path, url.Values{}).want(410, "This link has been used up")
	})
}

func TestVisitorsSeeWhatTheLinkAllowsAndNothingAboveIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, with(campaigns, doc{"allow_download": true}))
		v := w.visitor(t)
		v.post(path, url.Values{}).want(200, "Campaigns").
			says("Folder", "Spring", "Downloads Allowed", "Comments Not allowed", "Look at it", "Shared as “Spring cut for Acme”", "End my session").
			hides("topsecret", "Top secret", "Not for you", "/hidden")
		v.get(path+"/in/spring").want(200, "Spring").says("Campaigns", "Teaser <cut 2>").hides("topsecret", "Teaser <cut")
		v.get(path+"/in/spring/teaser.mp4").want(200, "Teaser <cut 2>").says("Asset", "Campaigns").hides("topsecret", "What is in here")
		for _, at := range []string{"hidden", "none", "..", "../..", "%2e%2e/x", "spring%2fteaser.mp4x", "~AAAA", "~", strings.Repeat("a", 3000)} {
			if r := v.get(path + "/in/" + at); r.StatusCode != 404 {
				t.Errorf("in/%s: status %d", at, r.StatusCode)
			}
		}
		// The session is this link's only, and this browser's.
		_, other := w.link(t, with(campaigns, doc{"name": "Another link"}))
		v.get(other).want(200, "Another link").hides("Teaser")
		if r := w.visitor(t).get(path + "/in/spring"); r.StatusCode != 303 || r.Header.Get("Location") != path {
			t.Errorf("without a session: %d to %s", r.StatusCode, r.Header.Get("Location"))
		}
	})
}

func TestLongListsComeInPages(t *testing.T) {
	w := start(t)
	w.tree(t)
	for i := range 60 {
		w.make(t, api.AssetKind, doc{"path": fmt.Sprintf("/topsecret/campaigns/spring/still-%02d.jpg", i)})
	}
	_, path := w.link(t, campaigns)
	v := w.visitor(t)
	v.post(path, url.Values{})
	seen := map[string]bool{}
	next := path + "/in/spring"
	for pages := 0; next != ""; pages++ {
		if pages > 2 {
			t.Fatal("the list does not end")
		}
		r := v.get(next).want(200, "Spring").hides("topsecret")
		next = ""
		for _, a := range named(r.all, "a") {
			if strings.Contains(a.attr["href"], "/still-") {
				seen[a.attr["href"]] = true
			}
			if words(a.text) == "More" {
				next = a.attr["href"]
			}
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d of 60 items were listed", len(seen))
	}
	v.get(path+"/in/spring?after=nonsense").want(200, "Spring").says("still-00.jpg")
}

// TestAssetsOfACollectionShowNoPath: what a collection holds from elsewhere is reached
// without a word of where it lies.
func TestAssetsOfACollectionShowNoPath(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		w.make(t, api.CollectionKind, doc{"path": "/topsecret/best", "name": "The best", "asset_ids": []string{"/topsecret/campaigns/spring/teaser.mp4"}})
		_, path := w.link(t, doc{"resource": "/topsecret/best", "name": "The best of spring", "kind": "anyone"})
		v := w.visitor(t)
		r := v.post(path, url.Values{}).want(200, "The best").says("Teaser <cut 2>").hides("topsecret", "campaigns", "teaser.mp4")
		for _, a := range named(r.all, "a") {
			if words(a.text) == "Teaser <cut 2>" {
				v.get(a.attr["href"]).want(200, "Teaser <cut 2>").hides("topsecret", "campaigns", "teaser.mp4")
				// Sealed for this link: another's visitors cannot use it.
				_, other := w.link(t, campaigns)
				v.post(other, url.Values{}).want(200, "Campaigns")
				v.get(other+strings.TrimPrefix(a.attr["href"], path)).want(404, "This link does not open anything")
				return
			}
		}
		t.Error("the asset is not listed")
	})
}

func TestPasswordIsAskedFor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, with(campaigns, doc{"password_wo": linkPassword, "password_wo_version": 1}))
		v := w.visitor(t)
		v.get(path).want(200, "Spring cut for Acme").says("protected by a password").hides("Campaigns", "topsecret")
		v.post(path, url.Values{"password": {""}}).want(422, "Spring cut for Acme").says("There is a problem Enter the password.")
		v.post(path, url.Values{"password": {"wrong"}}).want(422, "Spring cut for Acme").says("The password is not right.")
		v.get(path).want(200, "Spring cut for Acme")
		v.post(path, url.Values{"password": {linkPassword}}).want(200, "Campaigns")
		v.get(path).want(200, "Campaigns")
	})
}

func TestGuessingIsThrottled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, with(campaigns, doc{"password_wo": linkPassword, "password_wo_version": 1}))
		v := w.visitor(t)
		for range 10 {
			v.post(path, url.Values{"password": {"wrong"}}).want(422, "Spring cut for Acme")
		}
		r := v.post(path, url.Values{"password": {linkPassword}}).want(429, "Spring cut for Acme").says("There were too many tries. Please wait 15 minutes")
		if after := r.Header.Get("Retry-After"); len(after) != 3 {
			t.Errorf("Retry-After: %q", after)
		}
		w.advance(16 * time.Minute)
		v.post(path, url.Values{"password": {linkPassword}}).want(200, "Campaigns")
	})
}

func TestRecipientsShowThatTheAddressIsTheirs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, with(campaigns, doc{"kind": "recipient", "recipients": []string{"ann@partner.example"}, "allow_comments": true}))
		v := w.visitor(t)
		v.get(path).want(200, "Spring cut for Acme").says("for certain people").hides("partner.example")
		v.post(path, url.Values{"must": {"email"}, "email": {""}}).want(422, "Spring cut for Acme").says("Enter your e-mail address.")
		v.post(path, url.Values{"email": {"not an address"}}).want(422, "Spring cut for Acme").says("That is not an e-mail address.")
		// The same page for an address that is not among them.
		stranger := v.post(path, url.Values{"email": {"bob@partner.example"}}).want(200, "Spring cut for Acme")
		right := v.post(path, url.Values{"email": {"Ann@Partner.Example"}}).want(200, "Spring cut for Acme").says("Six digits")
		if a, b := strings.ReplaceAll(stranger.page, "bob@partner.example", "?"), strings.ReplaceAll(right.page, "Ann@Partner.Example", "?"); a != b {
			t.Errorf("an address that is not named gets\n%s\none that is gets\n%s", a, b)
		}
		form := right.hidden()
		form.Set("code", "12 34")
		v.post(path, form).want(422, "Spring cut for Acme").says("Enter the code from the mail: six digits.")
		code := w.code(t, "ann@partner.example")
		form.Set("code", map[bool]string{true: "000000", false: "111111"}[code != "000000"])
		v.post(path, form).want(422, "Spring cut for Acme").says("The code is not right.")
		form.Set("code", code[:3]+" "+code[3:])
		v.post(path, form).want(200, "Campaigns").says("with ann@partner.example", "Look at it and comment", "Comments Allowed")
		// A code counts once.
		w.visitor(t).post(path, form).want(422, "Spring cut for Acme")
		// Another one a moment later has to wait.
		again := w.visitor(t)
		again.post(path, url.Values{"email": {"ann@partner.example"}}).want(200, "Spring cut for Acme")
		r := again.post(path, url.Values{"email": {"ann@partner.example"}}).want(429, "Spring cut for Acme").says("A code was asked for a moment ago.", "Six digits")
		if r.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		// And counts for ten minutes.
		form.Set("code", w.code(t, "ann@partner.example"))
		w.advance(11 * time.Minute)
		again.post(path, form).want(422, "Spring cut for Acme")
	})
}

func TestAddressAndPasswordTogether(t *testing.T) {
	w := start(t)
	w.tree(t)
	_, path := w.link(t, with(campaigns, doc{"kind": "recipient", "recipients": []string{"ann@partner.example"}, "password_wo": linkPassword, "password_wo_version": 1}))
	v := w.visitor(t)
	v.get(path).want(200, "Spring cut for Acme").says("E-mail address")
	form := v.post(path, url.Values{"email": {"ann@partner.example"}}).want(200, "Spring cut for Acme").says("Code", "Password").hidden()
	form.Set("code", w.code(t, "ann@partner.example"))
	form.Set("password", "")
	v.post(path, form).want(422, "Spring cut for Acme").says("Enter the password.")
	form.Set("password", "wrong")
	v.post(path, form).want(422, "Spring cut for Acme").says("The code or the password is not right.")
	form.Set("password", linkPassword)
	v.post(path, form).want(200, "Campaigns")
}

// TestAnybodyCanSayWhoTheyAre: at an anyone link that allows comments, a verified
// address allows more (X11).
func TestAnybodyCanSayWhoTheyAre(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, with(campaigns, doc{"level": "comment", "password_wo": linkPassword, "password_wo_version": 1}))
		v := w.visitor(t)
		v.get(path).want(200, "Spring cut for Acme").says("E-mail address (optional)")
		v.post(path, url.Values{"password": {linkPassword}, "email": {"ann at partner"}}).want(422, "Spring cut for Acme").says("That is not an e-mail address.").hides("The password is not right.")
		_, plain := w.link(t, with(campaigns, doc{"name": "Without a password", "level": "comment"}))
		v.get(plain).want(200, "Without a password").says("Open with my e-mail address")
		v.post(plain, url.Values{"must": {"email"}, "email": {"ann at partner"}}).want(422, "Without a password").says("That is not an e-mail address.")
		v.post(path, url.Values{"password": {linkPassword}, "email": {""}}).want(200, "Campaigns").says("Comments Once you say who you are", "Confirm your e-mail address")
		v.get(path+"/identify").want(200, "Spring cut for Acme").says("E-mail address", "Password")
		form := v.post(path, url.Values{"must": {"email"}, "password": {linkPassword}, "email": {"ann@partner.example"}}).want(200, "Spring cut for Acme").hidden()
		form.Set("password", linkPassword)
		form.Set("code", w.code(t, "ann@partner.example"))
		v.post(path, form).want(200, "Campaigns").says("with ann@partner.example", "Comments Allowed").hides("Confirm your e-mail address")
	})
}

// TestRevokedLinkDeniesAtOnce, during a visit too (C074).
func TestRevokedLinkDeniesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		id, path := w.link(t, campaigns)
		v := w.visitor(t)
		v.post(path, url.Values{}).want(200, "Campaigns")
		w.revoke(t, id)
		v.get(path+"/in/spring").want(410, "Access denied").hides("Spring", "Campaigns", "topsecret")
		v.get(path).want(410, "Access denied").hides("Spring", "Campaigns", "topsecret")
		w.visitor(t).get(path).want(410, "Access denied")
		w.visitor(t).post(path, url.Values{}).want(410, "Access denied")
	})
}

func TestLinksAndVisitsEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, with(campaigns, doc{"expires_at": time.Now().Add(72 * time.Hour).UTC().Format(time.RFC3339)}))
		v := w.visitor(t)
		v.post(path, url.Values{}).want(200, "Campaigns")
		w.advance(25 * time.Hour)
		v.get(path+"/in/spring").want(200, "Spring cut for Acme").says("Your session is over.").hides("Teaser")
		v.post(path, url.Values{}).want(200, "Campaigns")
		w.advance(50 * time.Hour)
		v.get(path).want(410, "This link has expired").hides("Spring cut")
	})
}

func TestLeavingEndsTheVisit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.tree(t)
		_, path := w.link(t, campaigns)
		v := w.visitor(t)
		v.post(path, url.Values{}).want(200, "Campaigns")
		u, _ := url.Parse(w.URL + path)
		stolen := v.client.Jar.Cookies(u)
		v.send(path+"/leave", url.Values{}).want(200, "You have left")
		v.get(path).want(200, "Spring cut for Acme").hides("Teaser")
		// A copy of the cookie is worth nothing.
		v.client.Jar.SetCookies(u, stolen)
		v.get(path+"/in/spring").want(200, "Spring cut for Acme").hides("Teaser")
		v.send(path+"/leave", url.Values{}).want(200, "You have left")
		// The log knows it once, by the name that the visitor has there.
		events := w.api(t, w.OwnerToken, "GET", "audit_events?action=share_link.left", nil, 200)["items"].([]any)
		if len(events) != 1 || !strings.Contains(fmt.Sprint(events[0].(doc)["actor"]), "device-") {
			t.Errorf("the events are %v", events)
		}
	})
}
