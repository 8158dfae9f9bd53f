package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// Cookies. That of a visit ends with the browser, and with the visit at the latest; that
// of the device holds random bits and stays, so that one device is not counted twice.
const (
	visitCookie  = "gatehouse_visit_"
	deviceCookie = "gatehouse_device"
	deviceLife   = 180 * 24 * time.Hour
)

var deviceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

// visitor is what use-cases may know of whoever sent the request.
func (r *request) visitor() sharing.Visitor {
	v := sharing.Visitor{IP: r.RemoteAddr, Device: r.device(), RequestID: r.id}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		v.IP = host
	}
	return v
}

func (r *request) device() string {
	for _, c := range r.set {
		if c.Name == deviceCookie {
			return c.Value
		}
	}
	if c, err := r.Cookie(deviceCookie); err == nil && deviceForm.MatchString(c.Value) {
		return c.Value
	}
	return ""
}

// rememberDevice gives the browser something to be told apart by, once it sends a form.
func (r *request) rememberDevice() {
	if r.device() != "" {
		return
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	r.setCookie(deviceCookie, base64.RawURLEncoding.EncodeToString(b[:]), int(deviceLife/time.Second))
}

// setCookie sends a cookie with the answer, whatever it is; maxAge is that of
// http.Cookie.
func (r *request) setCookie(name, value string, maxAge int) {
	//nolint:gosec // G124: Secure everywhere but on loopback without TLS
	r.set = append(r.set, &http.Cookie{Name: name, Value: value, MaxAge: maxAge, Path: sharing.LinkPath, HttpOnly: true, Secure: r.pages.secure, SameSite: http.SameSiteLaxMode})
}

// visitName is the cookie of this link's visit: a browser may have several links open.
func (r *request) visitName() string {
	sum := sha256.Sum256([]byte(r.PathValue("token")))
	return visitCookie + hex.EncodeToString(sum[:8])
}

// visit is the session that the browser has at this link; "" for none.
func (r *request) visit() string {
	if c, err := r.Cookie(r.visitName()); err == nil {
		return c.Value
	}
	return ""
}

func (r *request) keepVisit(session string) { r.setCookie(r.visitName(), session, 0) }

func (r *request) dropVisit() { r.setCookie(r.visitName(), "", -1) }

// showPlace shows something inside of what the link opens.
func (p *Pages) showPlace(r *request) (*answer, error) {
	if r.visit() == "" {
		return see(linkAddress(r)), nil
	}
	place, err := p.place(r)
	if err != nil {
		return nil, err
	}
	place.Cursor = p.cursor(r)
	a, err := p.look(r, place)
	if err == nil && a.page == "share" && r.URL.Query().Has("said") {
		a.notice = "Your comment was added."
	}
	return a, err
}

// look shows a place of a visit with what was wrong in a form there, or why the visit
// is over.
func (p *Pages) look(r *request, at sharing.Place, faults ...fault) (*answer, error) {
	v, err := sharing.Look(r.ctx(), p.Service, r.visit(), r.visitor(), at)
	if over := (*sharing.Closed)(nil); errors.As(err, &over) {
		return p.over(r, over.Reason)
	}
	if err != nil {
		return nil, err
	}
	said, err := p.remarks(r, v, at)
	if over := (*sharing.Closed)(nil); errors.As(err, &over) {
		return p.over(r, over.Reason)
	}
	if err != nil {
		return nil, err
	}
	page := p.sharePage(r, v)
	page.Remarks = said
	a := &answer{page: "share", title: v.Item.Name, data: page}
	if len(faults) > 0 && said != nil {
		said.Form.Fields = blame(said.Form.Fields, faults)
		said.Form.Fields[0].Value = r.text(fieldComment)
		a.blameOn(faults)
	}
	return a, nil
}

// over answers a visit that cannot go on. When only the visit is over, the link's door
// is shown again.
func (p *Pages) over(r *request, reason string) (*answer, error) {
	r.dropVisit()
	switch reason {
	case sharing.ClosedEnded:
		return p.landing(r, "Your session is over. You can open the link again.")
	case sharing.ClosedUnknown:
		return p.landing(r, "")
	}
	return closed(reason), nil
}

// Views of the page share.html.
type (
	sharePage struct {
		Leave        *form
		Trail        []entry
		Kind, Name   string
		Link, Viewer string
		Facts        []fact
		Holds        bool
		Items        []entry
		More         string
		Offers       []offer
		Remarks      *remarks
	}
	offer struct{ ID, Heading, Text, Address, Link string }
	entry struct{ Name, Kind, Address string }
	fact  struct {
		Name, Text string
		Time       time.Time
	}
)

func (p *Pages) sharePage(r *request, v *sharing.VisitView) *sharePage {
	s := &sharePage{
		Leave: &form{Action: linkAddress(r) + "/leave", Submit: "End my session", Quiet: true},
		Name:  v.Item.Name, Kind: kindWords[v.Item.Kind], Link: v.Name,
		Facts: []fact{
			{Name: "You may", Text: levelWords[v.Level]},
			{Name: "Downloads", Text: yesNo(v.Download)},
			{Name: "Comments", Text: commentWords(v)},
			{Name: "Your session ends", Time: v.ExpiresAt},
		},
		Holds: v.Item.Kind != api.AssetKind.Name,
	}
	if v.Verified {
		_, s.Viewer, _ = strings.Cut(v.Viewer, ":")
		s.Offers = append(s.Offers, offer{ID: "ask", Heading: "Do you need more?", Text: "You can ask to become a guest or a member of the workspace.", Address: linkAddress(r) + "/ask", Link: "Ask for more"})
	}
	if v.Identify {
		s.Offers = append(s.Offers, offer{ID: "identify", Heading: "Do you want to comment?", Text: "Comments carry a name. Show that an e-mail address is yours, and you can write some.", Address: linkAddress(r) + "/identify", Link: "Confirm your e-mail address"})
	}
	for _, above := range v.Above {
		s.Trail = append(s.Trail, entry{Name: above.Name, Address: p.address(r, v.Root, above.Path)})
	}
	if len(s.Trail) == 0 && v.Item.Path != v.Root {
		s.Trail = []entry{{Name: v.Name, Address: linkAddress(r)}} // an asset that a collection holds from elsewhere
	}
	for _, child := range v.Children {
		s.Items = append(s.Items, entry{Name: child.Name, Kind: kindWords[child.Kind], Address: p.address(r, v.Root, child.Path)})
	}
	if v.Next != "" {
		s.More = p.address(r, v.Root, v.Item.Path) + "?after=" + url.QueryEscape(p.seal(r, v.Next))
	}
	return s
}

// address is where an item is shown: by its path below the shared item. What lies
// elsewhere and came by a collection has its path sealed, because the names above the
// shared item are nobody's business.
func (p *Pages) address(r *request, root, path string) string {
	if path == root {
		return linkAddress(r)
	}
	below, found := strings.CutPrefix(path, strings.TrimSuffix(root, "/")+"/")
	if !found {
		return linkAddress(r) + "/in/" + p.seal(r, path)
	}
	segments := strings.Split(below, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return linkAddress(r) + "/in/" + strings.Join(segments, "/")
}

// placeAddress is where forms about an item go.
func (p *Pages) placeAddress(r *request, root, path string) string {
	if path == root {
		return linkAddress(r) + "/in/"
	}
	return p.address(r, root, path)
}

// sealMark begins a sealed path: no segment of a path can.
const sealMark = "~"

// seal hides a path for this link's visitors. Where it is opened, the decision is taken
// as for any other path.
func (p *Pages) seal(r *request, path string) string {
	return sealMark + base64.RawURLEncoding.EncodeToString([]byte(p.Service.Vault.Seal(r.sealPlace(), path)))
}

func (r *request) sealPlace() string { return "web/" + r.visitName() }

func (p *Pages) unseal(r *request, sealed string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(sealed, sealMark))
	if err == nil {
		var path string
		if path, err = p.Service.Vault.Open(r.sealPlace(), string(raw)); err == nil {
			return path, nil
		}
	}
	return "", api.NewProblem(api.CodeNotFound, "There is no such item here.")
}

// place reads which item of the link is asked for.
func (p *Pages) place(r *request) (sharing.Place, error) {
	path := r.PathValue("path")
	if strings.HasPrefix(path, sealMark) {
		path, err := p.unseal(r, path)
		return sharing.Place{Path: path}, err
	}
	return sharing.Place{Below: path}, nil
}

// cursor reads which page of what an item holds is asked for; the first when the
// address was tampered with.
func (p *Pages) cursor(r *request) string {
	if after := r.URL.Query().Get("after"); after != "" {
		if path, err := p.unseal(r, after); err == nil {
			return path
		}
	}
	return ""
}
