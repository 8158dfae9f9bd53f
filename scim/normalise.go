package scim

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// What a server did to a request before its Directory saw it must hold as well where
// somebody else stands between the two: a Directory behind a wire trusts nobody.

// WithRequest is a context in which RequestFrom finds a request and IgnoredFrom what it
// said in vain, for a Directory that is called from elsewhere than a Server.
func WithRequest(ctx context.Context, r Request, ignored []string) context.Context {
	return context.WithValue(context.WithValue(ctx, requestKey{}, r), ignoredKey{}, &ignored)
}

// Normalise holds a user to what a Server accepts of one: the attributes that exist, of
// their types, within their bounds. What the directory fills in is dropped.
func (u User) Normalise() (User, error) {
	doc, err := u.Document()
	if err != nil {
		return User{}, err
	}
	if doc, _, err = patch.Normalise(schema.User, doc); err != nil {
		return User{}, err
	}
	return userFrom(doc)
}

// Normalise holds a group to what a Server accepts of one.
func (g Group) Normalise() (Group, error) {
	doc, err := g.Document()
	if err != nil {
		return Group{}, err
	}
	if doc, _, err = patch.Normalise(schema.Group, doc); err != nil {
		return Group{}, err
	}
	out, err := fromDocument[Group](doc)
	if err != nil {
		return Group{}, err
	}
	out.Members, err = distinct(out.Members, InvalidValue)
	return out, err
}

// Normalise holds a change of a group to what a Server makes.
func (o GroupOp) Normalise() (GroupOp, error) {
	var err error
	switch o.Kind {
	case SetDisplayName, SetExternalID:
		name := "displayName"
		if o.Kind == SetExternalID {
			name = "externalId"
		}
		if _, err = patch.Scalar(schema.Group.Lookup("", name), o.Text); err == nil && o.Text == "" && o.Kind == SetDisplayName {
			err = fault.Bad(Mutability, "displayName is required and cannot be removed")
		}
		o.Members = nil
	case AddMembers, RemoveMembers, ReplaceMembers:
		o.Members, err = distinct(o.Members, InvalidValue)
		o.Text = ""
	case RemoveAllMembers:
		o.Members, o.Text = nil, ""
	default:
		err = Invalid("there is no such change of a group")
	}
	return o, err
}
