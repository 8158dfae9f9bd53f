package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// MaxAssetEvents bounds one call that hands in events of assets.
const MaxAssetEvents = 500

// AssetEvent is what happened to an asset in the application that holds the media
// (C046). The audit log keeps it as asset.uploaded, asset.downloaded, …
type AssetEvent struct {
	Asset  string     `json:"asset" doc:"Path of the asset, e.g. /campaigns/teaser.mp4."`
	Action string     `json:"action" enum:"uploaded,downloaded,deleted,viewed" doc:"What was done."`
	Actor  string     `json:"actor,omitempty" doc:"Who did it: member:ann@example.com, email:ann@example.net for a person without an account, or service_account:ingest; the caller when empty."`
	IP     string     `json:"ip,omitempty" doc:"Address that it was done from."`
	Device string     `json:"device,omitempty" maxLength:"200" doc:"Browser or device."`
	At     *time.Time `json:"at,omitempty" doc:"When it was done (RFC 3339); now when empty."`
}

// AssetEvents is one call. Either all of its events are kept or none.
type AssetEvents struct {
	Events []AssetEvent `json:"events" doc:"Up to 500 events."`
}

// AssetEventsAnswer says how many events the audit log took.
type AssetEventsAnswer struct {
	Recorded int `json:"recorded" doc:"Number of events in the audit log now."`
}

// assetActions are what an application can say of an asset.
var assetActions = []string{"uploaded", "downloaded", "deleted", "viewed"}

// assetActors are the kinds of principal that can act on an asset.
var assetActors = []string{"member", "email", "service_account"}

const maxDevice = 200

// Validate checks the events, and brings them into their one written form.
func (e *AssetEvents) Validate() []Violation {
	switch n := len(e.Events); {
	case n == 0:
		return []Violation{Required("/events", "there is no event in it; send at least one")}
	case n > MaxAssetEvents:
		return []Violation{Invalid("/events", "has %d events; at most %d are allowed in one call", n, MaxAssetEvents)}
	}
	var out []Violation
	for i := range e.Events {
		out = append(out, e.Events[i].validate(fmt.Sprintf("/events/%d", i))...)
	}
	return out
}

func (e *AssetEvent) validate(at string) []Violation {
	path, message := normalisePath(e.Asset)
	if message != "" {
		return []Violation{Invalid(at+"/asset", "%s", message)}
	}
	e.Asset = path
	out := checkDeclaredPath(at+"/asset", e.Asset)
	if !slices.Contains(assetActions, e.Action) {
		out = append(out, Invalid(at+"/action", "must be one of %s", strings.Join(assetActions, ", ")))
	}
	if e.Actor != "" {
		actor, message := normalisePrincipal(e.Actor)
		kind, _, _ := SplitPrincipal(actor)
		if message == "" && !slices.Contains(assetActors, kind) {
			message = "only people and service accounts act; write e.g. member:ann@example.com"
		}
		if message != "" {
			out = append(out, Invalid(at+"/actor", "%s", message))
		}
		e.Actor = actor
	}
	if e.IP != "" {
		ip, err := netip.ParseAddr(e.IP)
		if err != nil || ip.Zone() != "" {
			out = append(out, Invalid(at+"/ip", "is no address; write e.g. 192.0.2.7"))
		}
		e.IP = ip.Unmap().String()
	}
	if len(e.Device) > maxDevice {
		out = append(out, Invalid(at+"/device", "is longer than %d bytes", maxDevice))
	}
	return out
}
