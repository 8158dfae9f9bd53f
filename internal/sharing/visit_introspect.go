package sharing

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// IntrospectVisit tells an application who stands behind a visitor's session and what
// the link gives them on an item ("" for the link's own). Sessions of other workspaces
// do not exist here.
func IntrospectVisit(ctx context.Context, s *object.Scope, session, resource string) (*api.ShareVisit, error) {
	if err := s.Require(ctx, vocabulary.ShareVisitRead); err != nil {
		return nil, err
	}
	v, subj, err := openVisit(ctx, s, session)
	if isClosed(err) != nil {
		return &api.ShareVisit{}, nil
	}
	if err != nil {
		return nil, err
	}
	if resource == "" {
		resource = v.link.Resource
	}
	item, err := s.Item(ctx, resource)
	if err != nil {
		return nil, err
	}
	rc := access.RequestContext{Time: s.Now, MFAAge: -1, Authenticator: "link"}
	d := s.Engine().Check(subj, item, vocabulary.AssetRead, &rc)
	if !d.Allowed && item.Path == v.link.Resource {
		return &api.ShareVisit{}, nil
	}
	out := &api.ShareVisit{
		Active: true, Viewer: subj.Principal.String(), Verified: v.verified, Link: v.linkID, LinkKey: v.link.Key,
		Resource: item.Path, Level: d.Level.String(), Permissions: s.Engine().Permissions(subj, item, &rc), ExpiresAt: &subj.ExpiresAt,
	}
	return out, nil
}

// VisitSubject is the viewer of a session as the decision knows one, for doors that
// answer questions about principals: principal must be the session's. A session that
// is over gives a subject that may do nothing.
func VisitSubject(ctx context.Context, s *object.Scope, principal, session string) (*access.Subject, error) {
	_, subj, err := openVisit(ctx, s, session)
	if isClosed(err) != nil || err == nil && subj.Principal.String() != principal {
		return s.Subject(ctx, principal)
	}
	return subj, err
}

func openVisit(ctx context.Context, s *object.Scope, session string) (*visit, *access.Subject, error) {
	if !plausible(session, prefixVisit) {
		return nil, nil, &Closed{ClosedUnknown}
	}
	v := &visit{hash: hashToken(session)}
	if err := v.read(ctx, s); err != nil {
		return nil, nil, err
	}
	subj, err := object.ViewerSubject(s.WorkspaceID, v.viewer, v.grant())
	return v, subj, err
}
