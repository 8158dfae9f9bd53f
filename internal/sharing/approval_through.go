package sharing

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// What a team or a group is given reaches the guests in it, and takes the same approval
// as what names them (C055). A grant waits as a whole; what cannot wait is refused: role
// assignments, projects, and memberships of a team that has something already.

const (
	principalTeam  = "team"
	principalGroup = "group"
)

// maxOutside bounds how many people outside one request names.
const maxOutside = 100

// outsideThrough lists the people outside who receive what a principal is given.
func outsideThrough(ctx context.Context, s *object.Scope, principal string) ([]string, error) {
	kind, key, _ := api.SplitPrincipal(principal)
	switch kind {
	case "email":
		return []string{key}, nil
	case object.PrincipalMember:
		if role, err := memberRole(ctx, s, key); err != nil || role != string(vocabulary.RoleGuest) {
			return nil, err
		}
		return []string{key}, nil
	case principalTeam:
		return textsOf(ctx, s, `SELECT DISTINCT m.key FROM member m CROSS JOIN team_membership t
			WHERE m.workspace_id = $1 AND m.role = 'guest' AND m.kind = 'member' AND t.workspace_id = m.workspace_id AND t.principal = m.key
			AND t.team = $2 AND (t.expires_at = 0 OR t.expires_at > $3) ORDER BY m.key LIMIT $4`, s.WorkspaceID, key, s.Now.UnixMicro(), maxOutside)
	case principalGroup:
		// Groups belong to another capability; its rows are read as they are stored.
		return textsOf(ctx, s, `SELECT DISTINCT m.key FROM member m CROSS JOIN scim_group_member gm CROSS JOIN scim_group g
			WHERE m.workspace_id = $1 AND m.role = 'guest' AND m.kind = 'member' AND gm.workspace_id = m.workspace_id AND gm.member_id = m.id AND gm.withheld = ''
			AND g.workspace_id = gm.workspace_id AND g.id = gm.group_id AND g.display_name = $2 ORDER BY m.key LIMIT $3`, s.WorkspaceID, key, maxOutside)
	}
	return nil, nil
}

// heldThrough lists where a team or a group has something: what it was given, waiting or
// not, and what it owns.
func heldThrough(ctx context.Context, s *object.Scope, principal string) ([]string, error) {
	text := `SELECT resource FROM access_grant WHERE workspace_id = $1 AND principal = $2 AND (expires_at = 0 OR expires_at > $3)
		UNION SELECT scope FROM role_assignment WHERE workspace_id = $1 AND principal = $2 AND (expires_at = 0 OR expires_at > $3)`
	args := []any{s.WorkspaceID, principal, s.Now.UnixMicro()}
	if kind, key, _ := api.SplitPrincipal(principal); kind == principalTeam {
		text += ` UNION SELECT key FROM item WHERE workspace_id = $1 AND team = $4`
		args = append(args, key)
	}
	return textsOf(ctx, s, text+` ORDER BY 1`, args...)
}

// CheckJoining is the violations of guests who join a team, or get more from it, where
// the team has access for which people outside need an approval; at names each of them.
// Memberships do not wait: somebody whose word is enough makes them, or nobody does.
func CheckJoining(ctx context.Context, s *object.Scope, team string, guests []string, at func(email string) string) ([]api.Violation, error) {
	if len(guests) == 0 {
		return nil, nil
	}
	held, err := heldThrough(ctx, s, principalTeam+":"+team)
	if err != nil {
		return nil, err
	}
	places, policy, err := waiting(ctx, s, held, guests)
	if err != nil || len(places) == 0 {
		return nil, err
	}
	var out []api.Violation
	for _, email := range guests {
		out = append(out, api.Violation{Path: at(email), Code: api.ViolationSharingPolicy, Message: fmt.Sprintf(
			"%s is a guest, and team %q has access to %s, where sharing outside needs approval (require_external_approval in the sharing policy); memberships do not wait for one: give %s a gatehouse_access_grant on what they need, which does%s",
			email, team, strings.Join(firstFew(places), ", "), email, orAnAdmin(policy, "let an admin add them to the team"))})
	}
	return out, nil
}

// CheckTeamGets is the violation of giving a team something on items that cannot wait for
// approval, while guests are in it.
func CheckTeamGets(ctx context.Context, s *object.Scope, team, at string, paths ...string) ([]api.Violation, error) {
	guests, err := outsideThrough(ctx, s, principalTeam+":"+team)
	if err != nil || len(guests) == 0 {
		return nil, err
	}
	places, policy, err := waiting(ctx, s, paths, guests)
	if err != nil || len(places) == 0 {
		return nil, err
	}
	return []api.Violation{{Path: at, Code: api.ViolationSharingPolicy, Message: fmt.Sprintf(
		"gives %s access to %s, where sharing outside needs approval (require_external_approval in the sharing policy), and this does not wait for one; take them out of the team first, or name a team without guests, and give guests a gatehouse_access_grant on what they need, which does%s",
		receiversFrom(principalTeam+":"+team, guests), strings.Join(firstFew(places), ", "), orAnAdmin(policy, "let an admin do it"))}}, nil
}

// waiting lists the places among paths and below where what is given to people outside
// would have to wait, and the approval policy there, "" for an admin's word.
func waiting(ctx context.Context, s *object.Scope, paths, outside []string) ([]string, string, error) {
	sharing, err := s.Sharing(ctx)
	if err != nil {
		return nil, "", err
	}
	places := needing(sharing, paths)
	if len(places) == 0 {
		return nil, "", nil
	}
	if err := s.Prepare(ctx, places); err != nil {
		return nil, "", err
	}
	state, err := StateFor(ctx, s, Ask{Purpose: PurposeShare, Paths: places, Outside: outside})
	if err != nil || state == api.StateActive {
		return nil, "", err
	}
	policy := ""
	for _, path := range places {
		if name := sharing.At(path).ApprovalPolicy; name != "" {
			policy = name
		}
	}
	return places, policy, nil
}

// orAnAdmin says what an admin can do, where an admin's word is enough.
func orAnAdmin(policy, what string) string {
	if policy != "" {
		return ""
	}
	return ", or " + what
}

// receiversFrom names a principal with the people outside whom it brings.
func receiversFrom(principal string, outside []string) string {
	switch kind, key, _ := api.SplitPrincipal(principal); kind {
	case principalTeam, principalGroup:
		return fmt.Sprintf("%s %q, in which %s from outside,", kind, key, are(outside))
	default:
		return key
	}
}

// are names people with the verb.
func are(names []string) string {
	verb := " is"
	if len(names) > 1 {
		verb = " are"
	}
	return strings.Join(firstFew(names), ", ") + verb
}
