package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// ipHeaders are the ways in which a client may claim another address.
var ipHeaders = []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip", "Cf-Connecting-Ip"}

// pushFrom sends a SCIM request with headers that say where it comes from.
func pushFrom(t *testing.T, base, token, method, path, body string, headers http.Header) (int, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range headers {
		req.Header[name] = values
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Clone()
}

func said(values ...string) http.Header { return http.Header{"X-Forwarded-For": values} }

// TestAllowedNetworksOfATokenHoldBehindTheBridge: the control plane decides by the address
// of the identity provider where it trusts the bridge, which believes nobody but its own
// proxies; and by the bridge's address where it does not. What clients claim is never
// passed on.
func TestAllowedNetworksOfATokenHoldBehindTheBridge(t *testing.T) {
	const inside, outside = "203.0.113.9", "198.51.100.7"
	claims := http.Header{}
	for _, name := range ipHeaders {
		claims[name] = []string{inside}
	}
	claims["Forwarded"] = []string{"for=" + inside}
	for name, tt := range map[string]struct {
		serve, bridge []netip.Prefix // whom each believes
		allowed       string         // network of the token
		says          http.Header
		want          int
		ip            string // in the audit log
	}{
		"from an allowed network":                {loopback, loopback, inside + "/28", said(inside), http.StatusCreated, inside},
		"from another network":                   {loopback, loopback, inside + "/28", said(outside), http.StatusUnauthorized, ""},
		"a claim before what the proxy appended": {loopback, loopback, inside + "/28", said(inside + ", " + outside), http.StatusUnauthorized, ""},
		"a header before that of the proxy":      {loopback, loopback, inside + "/28", said(inside, outside), http.StatusUnauthorized, ""},
		"claims to a bridge without proxies":     {loopback, nil, inside + "/28", claims, http.StatusUnauthorized, ""},
		"and the address that it saw":            {loopback, nil, "127.0.0.0/8", claims, http.StatusCreated, "127.0.0.1"},
		"a bridge that nobody trusts":            {nil, loopback, inside + "/28", said(inside), http.StatusUnauthorized, ""},
		"goes by its own address":                {nil, loopback, "127.0.0.0/8", said(inside), http.StatusCreated, "127.0.0.1"},
		"nobody trusts anybody":                  {nil, nil, inside + "/28", claims, http.StatusUnauthorized, ""},
		"no address at all":                      {loopback, loopback, inside + "/28", said("unknown"), http.StatusUnauthorized, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, dialect := range objecttest.Dialects(t) {
				o := servertest.Options{Proxies: tt.serve}
				if dialect == store.Postgres {
					o.Database = objecttest.DSN(t, dialect)
				}
				i := servertest.StartWith(t, o)
				b := startBridgeBehind(t, i.URL, tt.bridge)
				token := connectionToken(t, i, "okta")
				allow(t, i, "okta/main", tt.allowed)
				status, _ := pushFrom(t, b.URL, token, "POST", "/Users", `{"userName":"ann@example.com"}`, tt.says)
				if status != tt.want {
					t.Fatalf("%s: answered %d; want %d", dialect, status, tt.want)
				}
				if tt.ip != "" {
					if got := joinedFrom(t, i, "ann@example.com"); got != tt.ip {
						t.Errorf("%s: the audit log says that %s sent it; want %s", dialect, got, tt.ip)
					}
				}
			}
		})
	}
}

// A token that a moment ago counted from one network opens not even /Schemas from
// another: what the bridge remembers, it remembers with the address.
func TestTheBridgeRemembersATokenForItsAddressOnly(t *testing.T) {
	i := servertest.StartWith(t, servertest.Options{Proxies: loopback})
	b := startBridgeBehind(t, i.URL, loopback)
	token := connectionToken(t, i, "okta")
	allow(t, i, "okta/main", "203.0.113.0/24")
	for _, ask := range []struct {
		from string
		want int
	}{{"203.0.113.9", http.StatusOK}, {"198.51.100.7", http.StatusUnauthorized}, {"203.0.113.9", http.StatusOK}} {
		for _, path := range []string{"/Schemas", "/Users"} {
			if status, _ := pushFrom(t, b.URL, token, "GET", path, "", said(ask.from)); status != ask.want {
				t.Errorf("%s from %s: %d, want %d", path, ask.from, status, ask.want)
			}
		}
	}
}

// Whoever guesses tokens at the bridge is slowed by their own address, and slows nobody
// else.
func TestGuessersAtTheBridgeAreLimitedByTheirAddress(t *testing.T) {
	i := servertest.StartWith(t, servertest.Options{Proxies: loopback})
	b := startBridgeBehind(t, i.URL, loopback)
	limited := false
	for n := 0; n < 500 && !limited; n++ {
		status, header := pushFrom(t, b.URL, fmt.Sprintf("ghs_guess%d", n), "GET", "/Users", "", said("198.51.100.7"))
		if limited = status == http.StatusTooManyRequests; limited && header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
	}
	if !limited {
		t.Error("500 guesses from one address were not limited")
	}
	if status, _ := pushFrom(t, b.URL, "ghs_wrong", "GET", "/Users", "", said("203.0.113.9")); status != http.StatusUnauthorized {
		t.Errorf("another address with a bad token: %d, want 401", status)
	}
}

func TestTheBridgeRefusesProxiesThatAreNoAddresses(t *testing.T) {
	f := bridgeFlags{minTLS: "1.2", proxies: []string{"proxy.example.com"}}
	c := newSCIMCommand()
	c.SetContext(t.Context())
	if err := f.serve(c); err == nil || !strings.Contains(err.Error(), "--trusted-proxies") {
		t.Errorf("%v", err)
	}
}

// startBridgeBehind runs a SCIM door behind proxies.
func startBridgeBehind(t *testing.T, endpoint string, proxies []netip.Prefix) *scimBridge {
	t.Helper()
	return runBridge(t, bridgeConfig{api: endpoint, address: "127.0.0.1:0", path: "/scim/v2", proxies: proxies, log: slog.New(slog.DiscardHandler)})
}

// allow limits a SCIM token to a network.
func allow(t *testing.T, i *servertest.Instance, token, cidr string) {
	t.Helper()
	owner := &object.Caller{WorkspaceID: i.WorkspaceID, WorkspaceSlug: i.Workspace, Kind: object.PrincipalMember, Key: "owner@example.com", Door: audit.DoorREST}
	prefix := netip.MustParsePrefix(cidr).Masked().String()
	connection, name, _ := strings.Cut(token, "/")
	if _, err := i.Service.Put(context.Background(), owner, api.SCIMTokenKind, token, objecttest.JSON(t, map[string]any{"connection_name": connection, "name": name, "allowed_cidrs": []string{prefix}}), object.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// joinedFrom reads in the audit log from which address a member came in.
func joinedFrom(t *testing.T, i *servertest.Instance, email string) string {
	t.Helper()
	var events []audit.Event
	err := i.Service.View(t.Context(), object.System(i.WorkspaceID), func(s *object.Scope) (err error) {
		events, _, err = i.Service.AuditLog().Query(t.Context(), s.Tx, audit.Filter{Workspace: i.WorkspaceID, Action: "member.created", TargetKey: email})
		return err
	})
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	return events[0].IP
}
