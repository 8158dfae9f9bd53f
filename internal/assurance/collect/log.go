package collect

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// logEvidence reads what shows that the log is intact: the server's recomputation, the
// signed checkpoint, and inclusion proofs of events that were read.
func logEvidence(ctx context.Context, p Plane, s *assurance.Snapshot, o Options) assurance.LogEvidence {
	var out assurance.LogEvidence
	out.Oldest = oldest(ctx, p)
	var report audit.Report
	if err := p.JSON(ctx, under(p, "/audit/verify"), nil, &report); err != nil {
		out.Error = reason(err)
		return out
	}
	out.Report = &report
	for _, i := range toProve(s.Events.Items, o.Proofs) {
		var proof audit.Proof
		if err := p.JSON(ctx, under(p, "/audit/proofs/"+url.PathEscape(s.Events.Items[i].ID)), nil, &proof); err != nil {
			out.Error = "a proof could not be read: " + reason(err)
			return out
		}
		out.Proofs = append(out.Proofs, proof)
	}
	var checkpoint struct {
		Note      string `json:"note"`
		PublicKey string `json:"public_key"`
	}
	if err := p.JSON(ctx, under(p, "/audit/checkpoint"), nil, &checkpoint); err != nil {
		out.Error = reason(err)
		return out
	}
	out.Checkpoint, out.PublicKey = checkpoint.Note, checkpoint.PublicKey
	if o.LogKey != "" {
		out.PublicKey, out.KeyPinned = o.LogKey, true
	}
	return out
}

// toProve chooses which events are proved, by index: all, or as many as are asked for,
// spread evenly and always with the first and the last.
func toProve(events []audit.Event, most int) []int {
	var sealed []int
	for i := range events {
		if events[i].Seq > 0 {
			sealed = append(sealed, i)
		}
	}
	n := len(sealed)
	if most <= 0 || n == 0 {
		return nil
	}
	if n <= most {
		return sealed
	}
	if most == 1 {
		return sealed[n-1:]
	}
	out := make([]int, most)
	for i := range out {
		out[i] = sealed[i*(n-1)/(most-1)]
	}
	return out
}

func oldest(ctx context.Context, p Plane) *time.Time {
	var out *time.Time
	err := p.Events(ctx, map[string]string{"order": "asc"}, func(raw json.RawMessage) bool {
		var e audit.Event
		if json.Unmarshal(raw, &e) == nil {
			out = &e.Time
		}
		return false
	})
	if err != nil {
		return nil
	}
	return out
}

// expired asks about grants, assignments and memberships that have ended and are still
// listed: the decision must not rest on them (GH-AZ-05).
func expired(ctx context.Context, p Plane, s *assurance.Snapshot, now func() time.Time) []assurance.Probe {
	var out []assurance.Probe
	teamItem := map[string]string{}
	for _, project := range s.Objects[api.ProjectKind.Name].Items {
		teamItem[text(project, "team")] = text(project, "path")
	}
	for _, kind := range []*api.Kind{api.AccessGrantKind, api.RoleAssignmentKind, api.TeamMembershipKind} {
		for _, d := range s.Objects[kind.Name].Items {
			end, err := time.Parse(time.RFC3339, text(d, "expires_at"))
			if err != nil || end.After(s.Run.AsOf) || len(out) == maxExpired {
				continue
			}
			probe := assurance.Probe{Name: assurance.ProbeExpiredAccess, Subject: text(d, "id"), At: now().UTC()}
			principal, item := text(d, "principal"), text(d, "resource")+text(d, "scope")
			cited := []string{text(d, "id"), text(d, "key")}
			if kind == api.TeamMembershipKind {
				principal, item = "member:"+principal, teamItem[text(d, "team")]
				cited = append(cited, "team:"+text(d, "team"))
			}
			if item == "" {
				probe.Held, probe.Detail = true, "the team has no project, so the membership gives nothing"
			} else {
				askEffective(ctx, p, principal, item, cited, &probe)
			}
			out = append(out, probe)
		}
	}
	return out
}

func askEffective(ctx context.Context, p Plane, principal, item string, cited []string, probe *assurance.Probe) {
	var answer struct {
		Level   string
		Reasons []struct{ ID, Text string }
	}
	err := p.JSON(ctx, under(p, "/access/effective"), url.Values{"principal": {principal}, "resource": {item}}, &answer)
	if isCode(err, api.CodeNotFound) {
		probe.Held, probe.Detail = true, "decisions do not know the principal or the item any more"
		return
	}
	if err != nil {
		probe.Error = reason(err)
		return
	}
	probe.Held, probe.Detail = true, "level "+answer.Level
	for _, r := range answer.Reasons {
		for _, id := range cited {
			if id != "" && r.ID == id {
				probe.Held, probe.Detail = false, r.Text
			}
		}
	}
}
