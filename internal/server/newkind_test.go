package server_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// widget is the price of a new kind on this side of the wire: a struct with tags, a
// declaration, and a line that registers its rules. Everything below, and every other
// test of this package that walks kinds or routes, works for it without more code.
//
// Permissions must be in the catalogue, so the test borrows those of a kind that has
// a name there and no life yet.
type widget struct {
	api.Meta
	Slug   string `json:"slug" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key."`
	Team   string `json:"team" required:"true" format:"slug" ref:"team" filter:"true" doc:"Team that looks after it."`
	Colour string `json:"colour" enum:"red,green" default:"green" doc:"How it is painted."`
	Note   string `json:"note,omitempty" maxLength:"200" doc:"Anything."`
}

var widgetKind = api.Declare(api.Kind{
	Name: "test_widget", Plural: "test_widgets", Prefix: "twid", PermissionsOf: "notification_channel", Destroy: api.DestroyDelete,
	Doc: "A kind that only this test knows.",
}, func(w *widget) string { return w.Slug })

var _ = object.Register(widgetKind, object.Rules[*widget]{})

func TestNewKindNeedsADeclarationAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		want(t, i, 201, call{method: "POST", path: in(i, "teams"), token: i.OwnerToken, body: doc{"slug": "design", "name": "Design"}})
		byStack := map[string]string{"Gatehouse-Stack": "example.com/infra", "Idempotency-Key": "k1"}
		first := doc{"slug": "one", "team": "design"}

		// Dry run, creation, and the same request again.
		want(t, i, 201, call{method: "POST", path: in(i, "test_widgets") + "?dry_run=true", token: i.AdminToken, body: first})
		want(t, i, 404, call{method: "GET", path: in(i, "test_widgets/one"), token: i.AdminToken})
		made := want(t, i, 201, call{method: "POST", path: in(i, "test_widgets"), token: i.AdminToken, body: first, header: byStack}).object(t)
		again := want(t, i, 201, call{method: "POST", path: in(i, "test_widgets"), token: i.AdminToken, body: first, header: byStack}).object(t)
		if made["id"] != again["id"] || made["colour"] != "green" || made["managed_by"].(doc)["stack"] != "example.com/infra" {
			t.Errorf("made %v, and again %v", made, again)
		}

		// Bad input at its path, references, ownership, versions.
		p := wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: in(i, "test_widgets"), token: i.AdminToken, body: doc{"slug": "two", "team": "design", "colour": "blue"}})
		if len(p.Errors) != 1 || p.Errors[0].Path != "/colour" {
			t.Errorf("violations are %v", p.Errors)
		}
		p = wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: in(i, "test_widgets"), token: i.AdminToken, body: doc{"slug": "two", "team": "nobody"}})
		if len(p.Errors) != 1 || p.Errors[0].Code != api.ViolationReference || p.Errors[0].Key != "nobody" {
			t.Errorf("violations are %v", p.Errors)
		}
		wantProblem(t, i, api.CodeOwnedByOtherStack, call{method: "PUT", path: in(i, "test_widgets/one"), token: i.AdminToken, body: doc{"slug": "one", "team": "design", "note": "mine"}, header: map[string]string{"Gatehouse-Stack": "example.com/other"}})
		wantProblem(t, i, api.CodePreconditionFailed, call{method: "PUT", path: in(i, "test_widgets/one"), token: i.AdminToken, body: first, header: map[string]string{"If-Match": `"ffff"`}})
		wantProblem(t, i, api.CodeForbidden, call{method: "PUT", path: in(i, "test_widgets/one"), token: i.MemberToken, body: first})

		// Lists, filters, pages, batches.
		for _, slug := range []string{"two", "three"} {
			want(t, i, 201, call{method: "PUT", path: in(i, "test_widgets/"+slug), token: i.AdminToken, body: doc{"slug": slug, "team": "design"}})
		}
		page := want(t, i, 200, call{method: "GET", path: in(i, "test_widgets") + "?team=design&limit=2", token: i.AdminToken}).object(t)
		if n := len(page["items"].([]any)); n != 2 || page["next_cursor"] == nil {
			t.Errorf("the first page has %d items and cursor %v", n, page["next_cursor"])
		}
		batch := want(t, i, 200, call{method: "POST", path: in(i, "batch_read"), token: i.AdminToken, body: doc{"objects": []doc{{"kind": "test_widget", "ref": "one"}, {"kind": "test_widget", "ref": "none"}}}}).object(t)["objects"].([]any)
		if batch[0].(doc)["object"].(doc)["id"] != made["id"] || batch[1].(doc)["object"] != nil {
			t.Errorf("the batch is %v", batch)
		}

		// The audit log knows it, and it goes away.
		events := want(t, i, 200, call{method: "GET", path: in(i, "audit_events") + "?action=test_widget.*&target=one", token: i.AdminToken}).object(t)["items"].([]any)
		if len(events) != 1 || events[0].(doc)["action"] != "test_widget.created" {
			t.Errorf("events are %v", events)
		}
		want(t, i, 204, call{method: "DELETE", path: in(i, "test_widgets/"+made["id"].(string)), token: i.AdminToken, header: map[string]string{"Gatehouse-Stack": "example.com/infra"}})
		want(t, i, 404, call{method: "GET", path: in(i, "test_widgets/one"), token: i.AdminToken})
	})
}
