package secevent

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// verification is the event that a receiver gets when it is tried out (SSF 1.0 §8.1.4).
const verification = "verification"

// uris are what tokens call the events.
var uris = map[string]string{
	api.SecurityEventSessionRevoked:  "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
	api.SecurityEventAccountDisabled: "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
	api.SecurityEventAccountEnabled:  "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
	api.SecurityEventUserCreated:     "urn:ietf:params:scim:event:prov:create:notice",
	api.SecurityEventUserUpdated:     "urn:ietf:params:scim:event:prov:patch:notice",
	api.SecurityEventUserDeleted:     "urn:ietf:params:scim:event:prov:delete",
	api.SecurityEventUserActivated:   "urn:ietf:params:scim:event:prov:activate",
	api.SecurityEventUserDeactivated: "urn:ietf:params:scim:event:prov:deactivate",
	verification:                     "https://schemas.openid.net/secevent/ssf/event-type/verification",
}

// message is what is kept of an event until a receiver has it.
type message struct {
	Event      string   `json:"event"`
	Txn        string   `json:"txn,omitempty"`
	OccurredAt int64    `json:"occurred_at"` // seconds
	MemberID   string   `json:"member_id,omitempty"`
	Email      string   `json:"email,omitempty"`
	ExternalID string   `json:"external_id,omitempty"`
	Attributes []string `json:"attributes,omitempty"`
	Entity     string   `json:"entity,omitempty"` // who caused it, in the words of CAEP
	Reason     string   `json:"reason,omitempty"`
	Stream     string   `json:"stream,omitempty"` // of a verification: the receiver
	State      string   `json:"state,omitempty"`  // of a verification
}

// claims are the body of a token (RFC 8417 §2.2). There is no exp, because what has
// happened does not end, and no sub, so that a token can be taken for no other (§4.1).
type claims struct {
	Issuer   string         `json:"iss"`
	ID       string         `json:"jti"`
	IssuedAt int64          `json:"iat"`
	Audience string         `json:"aud"`
	Txn      string         `json:"txn,omitempty"`
	Subject  map[string]any `json:"sub_id"`
	Events   map[string]any `json:"events"`
}

// claims makes the body of a token. Each has one event, as the interoperability profile
// of CAEP asks.
func (m *message) claims(issuer, audience, id string, at time.Time) claims {
	return claims{
		Issuer: issuer, Audience: audience, ID: id, IssuedAt: at.Unix(), Txn: m.Txn,
		Subject: m.subject(), Events: map[string]any{uris[m.Event]: m.payload()},
	}
}

// subject names who it is about (RFC 9493): SCIM events by the path of the resource
// (RFC 9967 §2.1), the others by e-mail.
func (m *message) subject() map[string]any {
	switch m.Event {
	case verification:
		return map[string]any{"format": "opaque", "id": m.Stream}
	case api.SecurityEventSessionRevoked, api.SecurityEventAccountDisabled, api.SecurityEventAccountEnabled:
		return map[string]any{"format": "email", "email": m.Email}
	}
	out := map[string]any{"format": "scim", "uri": "/Users/" + m.MemberID}
	if m.ExternalID != "" {
		out["externalId"] = m.ExternalID
	}
	return out
}

func (m *message) payload() map[string]any {
	switch m.Event {
	case verification:
		return map[string]any{"state": m.State}
	case api.SecurityEventSessionRevoked:
		return map[string]any{
			"event_timestamp": m.OccurredAt, "initiating_entity": m.Entity,
			"reason_admin": map[string]string{"en": m.Reason},
			"reason_user":  map[string]string{"en": "Your access has ended."},
		}
	case api.SecurityEventUserCreated, api.SecurityEventUserUpdated:
		// A notice names what changed and says nothing of it (RFC 9967 §2.4).
		attributes := m.Attributes
		if attributes == nil {
			attributes = []string{}
		}
		return map[string]any{"attributes": attributes}
	}
	return map[string]any{}
}

// mediaType is that of tokens on their way (RFC 8935 §2.1); in the header of one it is
// without "application/" (RFC 8417 §2.3).
const (
	mediaType = "application/" + tokenType
	tokenType = "secevent+jwt"
)

// sign makes a token: a JSON Web Signature in compact form (RFC 7515 §3.1).
func (k *signingKey) sign(c claims) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.algorithm), Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}},
		(&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return "", fmt.Errorf("taking a key to sign with: %w", err)
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encoding a token: %w", err)
	}
	signed, err := signer.Sign(body)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return signed.CompactSerialize()
}
