package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning/replay"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

const streamFolders = "../../examples/scim"

// TestEveryProviderLeavesWhoItShould plays each folder of examples/scim in order,
// through both doors on both engines, and looks after each stream who is a member,
// active and in which team: joiners, movers and leavers in effect, not in status. A
// folder is found by itself, and needs an outcome.txt that says what to look for.
func TestEveryProviderLeavesWhoItShould(t *testing.T) {
	folders, err := os.ReadDir(streamFolders)
	if err != nil {
		t.Fatal(err)
	}
	onEachEngine(t, func(t *testing.T, i *servertest.Instance) {
		doors := map[string]string{"inside": i.URL + "/scim/v2", "apart": startBridge(t, i.URL).URL}
		for _, folder := range folders {
			if !folder.IsDir() {
				continue
			}
			for door, base := range doors {
				t.Run(folder.Name()+" "+door, func(t *testing.T) {
					i.AddWorkspace(folder.Name() + "-" + door)
					playFolder(t, i, base, filepath.Join(streamFolders, folder.Name()))
				})
			}
		}
	})
}

// playFolder plays the streams of one provider into the instance's workspace.
func playFolder(t *testing.T, i *servertest.Instance, base, folder string) {
	t.Helper()
	streams, err := filepath.Glob(filepath.Join(folder, "*.scim"))
	if err != nil || len(streams) == 0 {
		t.Fatalf("%s holds no stream: %v", folder, err)
	}
	want := toldOutcomes(t, filepath.Join(folder, "outcome.txt"))
	owner := &object.Caller{WorkspaceID: i.WorkspaceID, WorkspaceSlug: i.Workspace, Kind: object.PrincipalMember, Key: "owner@example.com", Door: audit.DoorREST}
	mapGroups(t, i, owner)
	token := connectionToken(t, i, "idp")
	held, ended := map[string]string{}, map[string]string{} // tokens by who has or had them
	for _, file := range streams {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := replay.Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var out strings.Builder
		if err := s.Play(t.Context(), base, token, &out); err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out.String())
		}
		name := strings.TrimSuffix(filepath.Base(file), ".scim")
		is, members := whereTheyStand(t, i, owner)
		if diff := cmp.Diff(want[name], is); diff != "" || len(is) == 0 {
			t.Errorf("after %s (- outcome.txt, + is):\n%s", name, diff)
		}
		delete(want, name)
		for id, m := range members {
			if !m.Active && held[id] != "" {
				ended[m.Email] = held[id]
				delete(held, id)
			} else if m.Active {
				held[id] = i.Token(m.Email)
				if status := ask(t, i, held[id]); status != http.StatusOK {
					t.Errorf("after %s, %s is active and answered %d", name, m.Email, status)
				}
			}
		}
		// What leavers held is denied on the next request, and after a rehire too.
		for who, token := range ended {
			if status := ask(t, i, token); status != http.StatusUnauthorized {
				t.Errorf("after %s, the token that %s had before leaving is answered %d", name, who, status)
			}
		}
	}
	if len(ended) == 0 {
		t.Error("nobody left: a folder shows joiners, movers and a leaver")
	}
	for name := range want {
		t.Errorf("outcome.txt tells of %s, which is no stream", name)
	}
	for _, e := range eventsOf(t, i) {
		if strings.Contains(e, " "+string(provisioning.OutcomeQuarantined)+" ") {
			t.Errorf("held: %s", e)
		}
	}
}

// mapGroups declares what the groups of the streams mean, as examples/scim/README.md
// says.
func mapGroups(t *testing.T, i *servertest.Instance, owner *object.Caller) {
	t.Helper()
	create := func(kind *api.Kind, doc map[string]any) {
		if _, err := i.Service.Create(t.Context(), owner, kind, objecttest.JSON(t, doc), object.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range [][3]string{{"Designers", "design", "editor"}, {"Finance", "finance", "viewer"}, {"Reviewers", "review", "reviewer"}} {
		create(api.TeamKind, map[string]any{"slug": m[1], "name": m[0]})
		create(api.SCIMGroupMappingKind, map[string]any{"connection_name": "idp", "group": m[0], "team": m[1], "team_role": m[2]})
	}
}

// whereTheyStand tells what everybody is who came over SCIM, in the words of outcome.txt, and
// who they are by id.
func whereTheyStand(t *testing.T, i *servertest.Instance, owner *object.Caller) ([]string, map[string]*api.Member) {
	t.Helper()
	teams := map[string][]string{}
	memberships, err := i.Service.List(t.Context(), owner, api.TeamMembershipKind, nil, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range memberships.Items {
		m := o.(*api.TeamMembership)
		teams[m.Principal] = append(teams[m.Principal], m.Team+" as "+m.Role)
		if m.Source != api.ManagedBySCIM || m.ManagedBy.Kind != api.ManagedBySCIM || m.ManagedBy.Stack != "idp" {
			t.Errorf("%s is in team %s by %s, managed by %+v; want the connection", m.Principal, m.Team, m.Source, m.ManagedBy)
		}
	}
	page, err := i.Service.List(t.Context(), owner, api.MemberKind, map[string]string{"source": "scim"}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	byID := map[string]*api.Member{}
	for _, o := range page.Items {
		m := o.(*api.Member)
		state := map[bool]string{true: "active", false: "suspended"}[m.Active]
		slices.Sort(teams[m.Email])
		lines = append(lines, strings.TrimSpace(m.Email+" "+state+" "+strings.Join(teams[m.Email], ", ")))
		byID[m.ID] = m
	}
	slices.Sort(lines)
	return lines, byID
}

// ask tells how a request with the token is answered.
func ask(t *testing.T, i *servertest.Instance, token string) int {
	t.Helper()
	status, _ := push(t, i.URL, token, http.MethodGet, "/v1/whoami", "")
	return status
}

var outcomeLine = regexp.MustCompile(`^(\S+@\S+) +(\S.*)$`)

// toldOutcomes reads an outcome.txt: lines of people under "after NAME-OF-STREAM".
func toldOutcomes(t *testing.T, file string) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("each folder says how it ends: %v", err)
	}
	out, name := map[string][]string{}, ""
	for n, line := range strings.Split(string(raw), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if after, ok := strings.CutPrefix(line, "after "); ok {
			name = after
			continue
		}
		m := outcomeLine.FindStringSubmatch(line)
		if m == nil || name == "" {
			t.Fatalf("%s:%d: %q is neither \"after NAME\" nor a person below one", file, n+1, line)
		}
		out[name] = append(out[name], m[1]+" "+m[2])
	}
	for _, people := range out {
		slices.Sort(people)
	}
	return out
}
