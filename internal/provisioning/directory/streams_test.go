package directory_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/replay"
)

// play sends one recorded stream of examples/scim.
func (b *bridge) play(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../../examples/scim", file))
	if err != nil {
		t.Fatal(err)
	}
	s, err := replay.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var out strings.Builder
	if err := s.Play(context.Background(), b.URL+"/scim/v2", b.Token, &out); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out.String())
	}
}

// TestRecordedStreamsEndWhereTheyShould plays both identity providers and looks at the
// teams of their people: joiners, movers, leavers.
func TestRecordedStreamsEndWhereTheyShould(t *testing.T) {
	type teams = map[string]string
	design, finance, review := teams{"design": "editor by scim"}, teams{"finance": "viewer by scim"}, teams{"review": "reviewer by scim"}
	for _, idp := range []struct {
		name                  string
		joined, moved, leaver map[string]teams
	}{
		{"okta",
			map[string]teams{"nina": design, "omar": design, "petra": finance, "quin": finance, "rosa": review},
			map[string]teams{"nina": finance, "omar": design, "petra": finance, "quin": finance, "rosa": design},
			map[string]teams{"omar": {}, "rosa": design}},
		{"entra",
			map[string]teams{"sven": design, "tara": design, "udo": finance, "vera": finance, "walt": review},
			map[string]teams{"sven": finance, "tara": design, "vera": finance, "walt": {"design": "editor by scim", "review": "reviewer by scim"}},
			map[string]teams{"tara": {}, "udo": finance}},
	} {
		t.Run(idp.name, func(t *testing.T) {
			objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
				b := newBridge(t, f)
				b.company(t) // mappings of connection okta
				for i, want := range []map[string]teams{idp.joined, idp.moved, idp.leaver} {
					b.play(t, idp.name+"/"+[]string{"1-joiners", "2-movers", "3-leaver"}[i]+".scim")
					for who, is := range want {
						b.wantTeams(t, who+"@example.com", is)
					}
				}
				for who := range idp.leaver {
					if m := b.member(t, who+"@example.com"); m.Active != (len(idp.leaver[who]) > 0) {
						t.Errorf("%s: active %v", who, m.Active)
					}
				}
				if held := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeQuarantined}); len(held) != 0 {
					t.Errorf("held: %+v", held)
				}
				page, err := b.Service.List(context.Background(), b.Admin, api.MemberKind, map[string]string{"source": "scim"}, "", 100)
				if err != nil || len(page.Items) != 5 {
					t.Errorf("%d people of the stream, %v", len(page.Items), err)
				}
			})
		})
	}
}
