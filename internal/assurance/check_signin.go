package assurance

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var (
	_ = declare("GH-AU-01", mfaRequired)
	_ = declare("GH-AU-04", smsRestricted)
	_ = declare("GH-AU-06", sessionLimits)
	_ = declare("GH-AU-08", apiTokens)
)

// privilegedRoles are the workspace roles that administer.
var privilegedRoles = []string{"owner", "admin"}

func mfaRequired(e *evaluation) outcome {
	policy := single[api.MFAPolicy](e, api.MFAPolicyKind)
	if policy == nil {
		return e.notAssessed("The MFA policy could not be read.")
	}
	switch policy.Requirement {
	case "all_users":
	case "roles":
		for _, role := range privilegedRoles {
			if !slices.Contains(policy.Roles, role) {
				e.find("mfa_policy", "requirement is \"roles\" and the role %s is not among them", role)
			}
		}
	default:
		e.find("mfa_policy", "requirement is %q, so privileged accounts may sign in with one factor", policy.Requirement)
	}
	return e.verdict("A second factor is required of %s.", map[string]string{"all_users": "everybody", "roles": "the roles " + strings.Join(policy.Roles, ", ")}[policy.Requirement])
}

func smsRestricted(e *evaluation) outcome {
	e.covering("The configuration and the recorded acceptance of the risk. Whether users are shown a notice is not measured.")
	policy := single[api.MFAPolicy](e, api.MFAPolicyKind)
	if policy == nil {
		return e.notAssessed("The MFA policy could not be read.")
	}
	if slices.Contains(policy.PrivilegedMethods, "sms") {
		e.find("mfa_policy", "SMS counts for privileged roles")
	}
	if !slices.Contains(policy.AllowedMethods, "sms") && !policy.SMSFallback {
		return e.verdict("SMS is not a second factor here.")
	}
	if !slices.ContainsFunc(policy.AllowedMethods, func(m string) bool { return m != "sms" }) {
		e.find("mfa_policy", "SMS is the only method; one that is not restricted must be offered")
	}
	a := e.s.Register.attestationFor(e.id)
	switch {
	case a == nil:
		e.find("mfa_policy", "SMS is allowed and the register has no dated acceptance of the risk")
	case !a.ExpiresAt.After(e.now()):
		e.find("mfa_policy", "SMS is allowed and the acceptance of the risk by %s ended on %s", a.Author, a.ExpiresAt.Format(time.DateOnly))
	}
	return e.verdict("SMS is allowed beside other methods, never for privileged roles, and the risk is accepted.")
}

func sessionLimits(e *evaluation) outcome {
	policy := single[api.SessionPolicy](e, api.SessionPolicyKind)
	if policy == nil {
		return e.notAssessed("The session policy could not be read.")
	}
	absolute, idle := policy.AbsoluteTimeout, policy.IdleTimeout
	if p := policy.Privileged; p != nil {
		absolute, idle = p.AbsoluteTimeout, p.IdleTimeout
	}
	for _, limit := range []struct{ name, value, most string }{{"absolute", absolute, "abs"}, {"idle", idle, "idle"}} {
		d, err := api.ParseDuration(limit.value)
		if err != nil {
			e.gap("the %s limit of privileged sessions cannot be read", limit.name)
		} else if d > e.duration(limit.most) {
			e.find("session_policy", "the %s limit of privileged sessions is %s; %s is the most", limit.name, limit.value, e.params[limit.most])
		}
	}
	for _, on := range []string{"password_change", "idp_change", "role_change"} {
		if !slices.Contains(policy.RevokeOn, on) {
			e.find("session_policy", "sessions do not end on %s", on)
		}
	}
	return e.verdict("Privileged sessions end after %s, or %s without use, and on changes of password, identity provider and role.", absolute, idle)
}

func apiTokens(e *evaluation) outcome {
	e.covering("Life, scopes and owners. When a token was last used is not told by the server, and federation instead of static tokens is not available in this version.")
	tokens := list[api.APIToken](e, api.APITokenKind)
	accounts := list[api.ServiceAccount](e, api.ServiceAccountKind)
	members := list[api.Member](e, api.MemberKind)
	active := map[string]bool{}
	for _, m := range members {
		active[strings.ToLower(m.Email)] = m.Active
	}
	owner := map[string]api.ServiceAccount{}
	for _, a := range accounts {
		owner[strings.ToLower(a.Name)] = a
	}
	live := 0
	for i := range tokens {
		t := &tokens[i]
		object := "api_token " + quote(t.Name)
		if t.ExpiresAt != nil && !t.ExpiresAt.After(e.now()) {
			continue
		}
		live++
		switch {
		case t.ExpiresAt == nil:
			e.find(object, "never ends")
		case t.CreatedAt == nil:
			e.gap("%s has no time of creation", object)
		case t.ExpiresAt.Sub(*t.CreatedAt) > e.duration("days")+time.Minute:
			e.find(object, "lives %d days; %s are the most", int(t.ExpiresAt.Sub(*t.CreatedAt)/api.Day), e.params["days"])
		}
		if len(t.Scopes) == 0 || slices.Contains(t.Scopes, "*") {
			e.find(object, "may do everything that its account may; it has no explicit scope")
		}
		a, known := owner[strings.ToLower(t.ServiceAccount)]
		switch {
		case !known || !a.Active:
			e.find(object, "its service account %s is not active", t.ServiceAccount)
		case !active[strings.ToLower(a.Owner)]:
			e.find(object, "nobody active answers for it: %s, the owner of its account, is not an active member", a.Owner)
		}
	}
	if live == 0 && len(e.gaps) == 0 {
		return e.notApplicable("There is no live API token.")
	}
	return e.verdict("%s: each ends within %s of its making, has explicit scopes and an active owner.", count(live, "live API token"), e.params["days"])
}
