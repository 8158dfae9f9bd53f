package sharing

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// TransferLinks hands the open links that somebody made to another principal, as part of
// the change under way, and answers how many. Their addresses stay as they are. What
// was revoked stays with who made it.
func TransferLinks(ctx context.Context, s *object.Scope, from, to, reason string) (int, error) {
	made, err := linksWhere(ctx, s, "created_by", from)
	if err != nil {
		return 0, err
	}
	var objs []api.Object
	for _, l := range made {
		if l.State != api.LinkRevoked {
			l.CreatedBy = to
			objs = append(objs, l)
		}
	}
	how := object.How{Keep: true, Verb: "transferred", Effect: audit.EffectNeutral, Reasons: []string{reason}}
	return len(objs), s.SaveDerived(ctx, api.ShareLinkKind, how, objs...)
}
