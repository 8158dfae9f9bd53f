package notice

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Names of the channel's secrets in the vault: those of its attributes.
const (
	secretURL     = "url_wo"
	secretSigning = "secret_wo"
)

// C097. What the server keeps of an address is the sealed attribute alone.
var _ = object.Register(api.NotificationChannelKind, object.Rules[*api.NotificationChannel]{
	Validate: func(_ context.Context, c *object.Change[*api.NotificationChannel]) ([]api.Violation, error) {
		if !c.Created || c.New.Type == "email" {
			return nil, nil
		}
		var out []api.Violation
		if c.New.URLWO == "" {
			out = append(out, api.Required("/url_wo", fmt.Sprintf("type = %q needs the address to post to", c.New.Type)))
		}
		if c.New.Type == "webhook" && c.New.SecretWO == "" {
			out = append(out, api.Required("/secret_wo", "type = \"webhook\" needs the secret that messages are signed with"))
		}
		return out, nil
	},
	Effect: channelEffect,
})

// channelEffect: what leaves the workspace is wider the more events and items it is
// about, and the more people read it.
func channelEffect(was, is *api.NotificationChannel) audit.Effect {
	var t object.Tally
	t.Opens(was != nil && was.Enabled, is != nil && is.Enabled)
	if was == nil || is == nil {
		return t.Effect()
	}
	t.Names(was.Events, is.Events)
	t.Names(was.Addresses, is.Addresses)
	if was.Scope != is.Scope {
		t.Add(vocabulary.ScopeContains(was.Scope, is.Scope), vocabulary.ScopeContains(is.Scope, was.Scope))
		t.Unclear(!vocabulary.ScopeContains(was.Scope, is.Scope) && !vocabulary.ScopeContains(is.Scope, was.Scope))
	}
	t.Unclear(was.URLWOVersion != is.URLWOVersion)
	return t.Effect()
}
