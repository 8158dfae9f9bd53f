package server_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent/receivertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// eachWithReceiver starts a server on each engine that reaches a receiver.
func eachWithReceiver(t *testing.T, test func(t *testing.T, i *servertest.Instance, box *receivertest.Receiver, log *servertest.Log)) {
	t.Helper()
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			dsn := ""
			if dialect == store.Postgres {
				dsn = objecttest.DSN(t, dialect)
			}
			box, log := receivertest.New(t), &servertest.Log{}
			test(t, servertest.StartWith(t, servertest.Options{Database: dsn, Log: log, Push: box.Client(outbound.Options{})}), box, log)
		})
	}
}

// fetch reads a public document over the network, as a receiver does.
func fetch(t *testing.T, url string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return servertest.Do(t, req)
}

// TestALeaverOfTheIdentityProviderIsToldOf: from the SCIM door over the sealed log to a
// receiver that knows the address of the issuer and nothing more.
func TestALeaverOfTheIdentityProviderIsToldOf(t *testing.T) {
	eachWithReceiver(t, func(t *testing.T, i *servertest.Instance, box *receivertest.Receiver, log *servertest.Log) {
		tokens := make(chan receivertest.Token, 100)
		box.Answers(func(token receivertest.Token) receivertest.Answer {
			tokens <- token
			return receivertest.Answer{}
		})
		before := i.AddWorkspace("globex")
		want(t, i, 201, call{method: "POST", path: in(&before, "event_receivers"), token: before.OwnerToken, body: doc{"name": "other", "url": box.URL + "/other", "audience": "other"}})
		receiver := want(t, i, 201, call{method: "POST", path: in(i, "event_receivers"), token: i.OwnerToken, body: doc{"name": "mail", "url": box.URL + "/mail", "audience": "https://mail.example.com", "authorization_header_wo": "Bearer " + theSecret, "authorization_header_wo_version": 1}}).object(t)

		secret := scimToken(t, i, "okta")
		scim := func(method, path string, body doc, status int) (id, request string) {
			t.Helper()
			r := want(t, i, status, call{method: method, path: "/scim/v2/Users" + path, token: secret, body: body, header: map[string]string{"Content-Type": "application/scim+json"}})
			if status != http.StatusNoContent {
				id, _ = r.object(t)["id"].(string)
			}
			return id, r.header.Get("X-Request-Id")
		}
		id, _ := scim("POST", "", doc{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "lena@example.com", "externalId": "00u1", "displayName": "Lena"}, 201)
		patch := func(value doc) (request string) {
			_, request = scim("PATCH", "/"+id, doc{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": []doc{{"op": "replace", "value": value}}}, 200)
			return request
		}
		patch(doc{"title": "Editor", "displayName": "Lena L", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": doc{"department": "Film"}})
		request := patch(doc{"active": false})
		scim("DELETE", "/"+id, nil, 204)
		if back, _ := scim("POST", "", doc{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "lena@example.com", "externalId": "00u1", "displayName": "Lena"}, 201); back != id {
			t.Errorf("she came back as %s, and was %s", back, id)
		}

		var got []string
		wanted := []string{
			"urn:ietf:params:scim:event:prov:create:notice", "urn:ietf:params:scim:event:prov:patch:notice",
			"https://schemas.openid.net/secevent/caep/event-type/session-revoked", "urn:ietf:params:scim:event:prov:deactivate",
			"urn:ietf:params:scim:event:prov:delete", "urn:ietf:params:scim:event:prov:create:notice",
		}
		var all []receivertest.Token
		for range wanted {
			select {
			case token := <-tokens:
				got, all = append(got, token.Event), append(all, token)
			case <-time.After(2 * time.Minute): // however busy the machine is
				t.Fatalf("after %v nothing more came", got)
			}
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("what came (-want +got):\n%s", diff)
		}

		// The receiver finds the keys by the issuer alone (SSF 1.0 section 7.2).
		issuer := all[0].Claims["iss"].(string)
		where := strings.Replace(issuer, i.BaseURL, i.BaseURL+"/.well-known/ssf-configuration", 1)
		res, body := fetch(t, where)
		metadata := reply{res.StatusCode, res.Header, body}.object(t)
		if diff := cmp.Diff(map[string]any{"spec_version": "1_0", "issuer": issuer, "jwks_uri": receiver["jwks_uri"], "delivery_methods_supported": []any{"urn:ietf:rfc:8935"}, "default_subjects": "ALL"}, metadata); diff != "" || issuer != receiver["issuer"] || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the transmitter (-want +got):\n%s", diff)
		}
		res, keys := fetch(t, metadata["jwks_uri"].(string))
		if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("the keys: %d, %v", res.StatusCode, res.Header)
		}
		for _, token := range all {
			if err := token.Verify(keys); err != nil || token.Header["alg"] != "RS256" || token.Header["typ"] != "secevent+jwt" {
				t.Errorf("%s, %v: %v", token.Event, token.Header, err)
			}
			if token.Path != "/mail" || token.Claims["aud"] != "https://mail.example.com" || token.Sent.Get("Authorization") != "Bearer "+theSecret {
				t.Errorf("%s came to %s for %v", token.Event, token.Path, token.Claims["aud"])
			}
		}
		if diff := cmp.Diff(map[string]any{"format": "scim", "uri": "/Users/" + id, "externalId": "00u1"}, all[0].Claims["sub_id"]); diff != "" {
			t.Errorf("who came (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]any{"format": "email", "email": "lena@example.com"}, all[2].Claims["sub_id"]); diff != "" || all[2].Said["initiating_entity"] != "system" {
			t.Errorf("who left, because of %v (-want +got):\n%s", all[2].Said, diff)
		}
		if all[2].Claims["txn"] != all[3].Claims["txn"] || request != "" && all[2].Claims["txn"] != request {
			t.Errorf("transactions %v and %v of request %q", all[2].Claims["txn"], all[3].Claims["txn"], request)
		}
		for n, attributes := range map[int][]any{
			1: {"displayName", "title", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"},
			5: {"displayName", "externalId", "userName"},
		} {
			if diff := cmp.Diff(map[string]any{"attributes": attributes}, all[n].Said); diff != "" {
				t.Errorf("%s names (-want +got):\n%s", all[n].Event, diff)
			}
		}

		// What an administrator sees of it.
		// The worker notes what arrived after the receiver has it.
		deadline := time.Now().Add(2 * time.Minute)
		for {
			answer := want(t, i, 200, call{method: "GET", path: in(i, "event_receivers/mail/deliveries?limit=2&state=sent"), token: i.OwnerToken})
			if strings.Contains(answer.String(), "lena@") {
				t.Errorf("deliveries tell who left: %s", answer)
			}
			if page := answer.object(t); len(page["items"].([]any)) == 2 && page["next_cursor"] != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("deliveries: %s", answer)
			}
			time.Sleep(20 * time.Millisecond)
		}
		verified := want(t, i, 200, call{method: "POST", path: in(i, "event_receivers/mail/verify"), token: i.OwnerToken}).object(t)
		if verified["accepted"] != true || (<-tokens).Said["state"] == nil {
			t.Errorf("verified: %v", verified)
		}
		for _, nobody := range []string{"/ssf/acme/jwks.json", "/ssf/ws_00000000000000000000000000/jwks.json", "/.well-known/ssf-configuration", "/.well-known/ssf-configuration/ssf/acme", "/ssf/%00/jwks.json"} {
			if res, body := fetch(t, i.BaseURL+nobody); res.StatusCode != 404 || bytes.Contains(body, []byte("ws_")) && !strings.Contains(nobody, "ws_") {
				t.Errorf("%s: %d %s", nobody, res.StatusCode, body)
			}
		}
		if text := log.String(); strings.Contains(text, theSecret) || strings.Contains(text, "lena@") {
			t.Error("the log tells a secret or who left")
		}
		select {
		case token := <-tokens:
			t.Errorf("more came: %s to %s", token.Event, token.Path)
		default:
		}
	})
}
