package directory_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/directory"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/filter"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/scimtest"
)

// bridge is a SCIM server over a fixture's store, with a token of connection okta.
type bridge struct {
	*objecttest.Fixture
	*httptest.Server
	Token string
	Dir   *directory.Directory
}

func newBridge(t testing.TB, f *objecttest.Fixture) *bridge {
	t.Helper()
	f.Service.Groups = provisioning.GroupNames
	dir := directory.New(f.Service)
	s, err := scim.New(scim.Options{Directory: dir, Authenticator: dir, Observer: dir})
	if err != nil {
		t.Fatal(err)
	}
	b := &bridge{Fixture: f, Server: httptest.NewServer(s), Dir: dir}
	t.Cleanup(b.Server.Close)
	b.Token = b.newToken(t, "okta")
	return b
}

// newToken declares a SCIM token of a connection and gives out its secret.
func (b *bridge) newToken(t testing.TB, connection string) string {
	t.Helper()
	return b.tokenOf(t, b.Owner, connection)
}

func (b *bridge) tokenOf(t testing.TB, owner *object.Caller, connection string) string {
	t.Helper()
	token := b.Create(t, owner, api.SCIMTokenKind, map[string]any{"connection_name": connection, "name": "main"})
	var secret string
	err := b.Service.Do(context.Background(), owner, func(s *object.Scope) (err error) {
		secret, _, err = provisioning.RotateSCIMToken(context.Background(), s, token.GetMeta().ID, 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// strangersToken is the token of a connection of the same name in another workspace.
func (b *bridge) strangersToken(t testing.TB) string {
	t.Helper()
	_, owner := b.NewWorkspace(t, "globex", "zoe@example.com")
	return b.tokenOf(t, owner, "okta")
}

// TestNamesAreFoldedAsFiltersCompare holds the stored keys to what filters look for.
func TestNamesAreFoldedAsFiltersCompare(t *testing.T) {
	for _, s := range []string{"", "Ann", "JOSÉ", "Jose\u0301", "\uff21nn", "İstanbul", "Straße", "ǅ", "\u212b", "ﾊ\uff9e", "a\xffb"} {
		if provisioning.Fold(s) != filter.Fold(s) {
			t.Errorf("%q: %q and %q", s, provisioning.Fold(s), filter.Fold(s))
		}
	}
}

func (b *bridge) send(method, path, body string) (*http.Response, error) {
	req, err := http.NewRequest(method, b.URL+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+b.Token)
	req.Header.Set("Content-Type", "application/scim+json")
	return b.Client().Do(req)
}

// TestDirectoryPassesTheConformanceSuite holds the SQL directory to RFC 7643, 7644
// and 9865 and to what identity providers send, on both engines.
func TestDirectoryPassesTheConformanceSuite(t *testing.T) {
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			scimtest.Run(t, func(t *testing.T) scimtest.Fixture {
				b := newBridge(t, objecttest.New(t, dialect))
				b.populate(t, 60)
				return scimtest.Fixture{BaseURL: b.URL + "/scim/v2", Token: b.Token, Client: b.Client(),
					Other: b.newToken(t, "entra"), Stranger: b.strangersToken(t)}
			})
		})
	}
}

// populate provisions people, so that the few whom the suite ends are no bulk removal.
func (b *bridge) populate(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		res, err := b.send("POST", "/Users", fmt.Sprintf(`{"userName":"crowd-%d@example.com"}`, i))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("populating: %d", res.StatusCode)
		}
	}
}

// TestParallelPatchesOfOneGroupLoseNothing sends one member each from 32 clients.
func TestParallelPatchesOfOneGroupLoseNothing(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		const clients, each = 32, 4
		b := newBridge(t, f)
		b.populate(t, clients*each)
		var ids []string
		for _, u := range b.list(t, "/Users?count=500") {
			ids = append(ids, u["id"].(string))
		}
		if len(ids) != clients*each {
			t.Fatalf("%d people, want %d", len(ids), clients*each)
		}
		group := b.post(t, "/Groups", `{"displayName":"Everybody"}`)["id"].(string)
		var wg sync.WaitGroup
		errs := make(chan string, len(ids))
		for c := range clients {
			wg.Go(func() {
				for _, id := range ids[c*each : (c+1)*each] {
					res, err := b.send("PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+id+`"}]}]}`)
					if err != nil {
						errs <- err.Error()
						continue
					}
					_ = res.Body.Close()
					if res.StatusCode != http.StatusNoContent {
						errs <- res.Status
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		for e := range errs {
			t.Error(e)
		}
		members, _ := b.get(t, "/Groups/"+group)["members"].([]any)
		if len(members) != len(ids) {
			t.Errorf("the group has %d members, want %d", len(members), len(ids))
		}
	})
}
