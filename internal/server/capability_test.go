package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// C049: admins filter the log by person, by kind of action and by dates; members do
// not read it at all.
func TestAdminsFilterTheAuditLogByPersonActionAndDate(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		began := time.Now().UTC().Add(-time.Second)
		for _, team := range []struct{ slug, token string }{{"design", i.OwnerToken}, {"film", i.AdminToken}} {
			want(t, i, 201, call{method: "POST", path: in(i, "teams"), token: team.token, body: doc{"slug": team.slug, "name": team.slug}})
		}
		want(t, i, 201, call{method: "PUT", path: in(i, "sharing_policy"), token: i.AdminToken, body: doc{"external_sharing": "disabled"}})
		later := time.Now().UTC().Add(time.Minute)
		for name, c := range map[string]struct {
			filter url.Values
			want   []string
		}{
			"a person":            {url.Values{"actor": {"owner@example.com"}, "action": {"team.created"}}, []string{"team.created design"}},
			"a person and a date": {url.Values{"actor": {"admin@example.com"}, "from": {began.Format(time.RFC3339)}, "to": {later.Format(time.RFC3339)}}, []string{"team.created film", "sharing_policy.updated acme"}},
			"an action":           {url.Values{"action": {"team.*"}}, []string{"team.created design", "team.created film"}},
			"a family":            {url.Values{"family": {"policy"}}, []string{"sharing_policy.updated acme"}},
			"before it began":     {url.Values{"action": {"team.*"}, "to": {began.Add(-time.Hour).Format(time.RFC3339)}}, nil},
			"not yet":             {url.Values{"from": {later.Format(time.RFC3339)}}, nil},
			"somebody else":       {url.Values{"actor": {"member@example.com"}}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				c.filter.Set("order", "asc")
				page := want(t, i, 200, call{method: "GET", path: in(i, "audit_events") + "?" + c.filter.Encode(), token: i.AdminToken}).object(t)
				var got []string
				for _, item := range page["items"].([]any) {
					e := item.(doc)
					got = append(got, e["action"].(string)+" "+e["target"].(doc)["key"].(string))
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		}
		want(t, i, 403, call{method: "GET", path: in(i, "audit_events"), token: i.MemberToken})
	})
}

// C092: the control plane holds rules about files and never a file: no route takes or
// gives anything but JSON.
func TestNoRouteCarriesFiles(t *testing.T) {
	i := servertest.Start(t)
	allowed := []string{"application/json", "application/problem+json"}
	contents := func(r route, part string, of any) {
		o, _ := of.(map[string]any)
		content, _ := o["content"].(map[string]any)
		for mediaType, c := range content {
			if !slices.Contains(allowed, mediaType) {
				t.Errorf("%s: its %s is %s", r, part, mediaType)
			}
			if strings.Contains(string(mustJSON(t, c)), `"format":"binary"`) {
				t.Errorf("%s: its %s has binary text", r, part)
			}
		}
	}
	for _, r := range routes(t, i) {
		contents(r, "request", r.spec["requestBody"])
		for status, answer := range r.spec["responses"].(map[string]any) {
			contents(r, "answer "+status, answer)
		}
	}
	team := call{method: "POST", path: in(i, "teams"), token: i.OwnerToken, body: "\x89PNG\r\n", header: map[string]string{"Content-Type": "image/png"}}
	want(t, i, 415, team)
}
