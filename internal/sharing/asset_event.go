package sharing

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Bounds of when something that is handed in may have happened: clocks differ a
// little, and an application catches up after an outage, but nobody rewrites history.
const (
	maxEventAhead = 5 * time.Minute
	maxEventAge   = 7 * 24 * time.Hour
)

// ReportAssetEvents writes what happened to assets in the application that holds the
// media into the audit log (C046), all of it or nothing. An asset that is not
// registered is no reason to lose the event: the event says so.
func ReportAssetEvents(ctx context.Context, s *object.Scope, in api.AssetEvents) (int, error) {
	if err := s.Require(ctx, vocabulary.AssetEventWrite); err != nil {
		return 0, err
	}
	violations := in.Validate()
	assets, people := map[string]*api.Asset{}, map[string]string{}
	reports := make([]object.Reported, len(in.Events))
	for i, e := range in.Events {
		if len(violations) > 0 {
			break
		}
		at := fmt.Sprintf("/events/%d", i)
		r := object.Reported{Action: api.AssetKind.Name + "." + e.Action, IP: e.IP, Device: e.Device, At: s.Now}
		if e.At != nil {
			r.At = e.At.UTC().Truncate(time.Microsecond)
			violations = append(violations, checkHappened(s, at+"/at", r.At)...)
		}
		asset, known := assets[e.Asset]
		if !known {
			var err error
			if asset, err = object.Find[*api.Asset](ctx, s, api.AssetKind, e.Asset); err != nil {
				return 0, err
			}
			assets[e.Asset] = asset
		}
		r.Target = audit.Target{Kind: api.AssetKind.Name, Key: e.Asset}
		if asset == nil {
			r.Reasons = append(r.Reasons, "the asset is not registered here")
		} else {
			r.Target.ID = asset.ID
			if asset.LegalHold && e.Action == "deleted" {
				r.Reasons = append(r.Reasons, "the asset is under legal hold")
			}
		}
		if e.Actor != "" {
			id, known := people[e.Actor]
			if !known {
				var missing *api.Kind
				var err error
				if id, missing, err = actorID(ctx, s, e.Actor); err != nil {
					return 0, err
				}
				if missing != nil {
					_, key, _ := api.SplitPrincipal(e.Actor)
					v := api.Invalid(at+"/actor", "there is no %s %q here; write email:… for a person without an account", missing.Name, key)
					v.Code, v.Kind, v.Key = api.ViolationReference, missing.Name, key
					violations = append(violations, v)
				}
				people[e.Actor] = id
			}
			r.Kind, r.Key, _ = api.SplitPrincipal(e.Actor)
			r.ID = id
		}
		reports[i] = r
	}
	if len(violations) > 0 {
		return 0, api.InvalidObject("asset_events", "", violations)
	}
	for _, r := range reports {
		if err := s.RecordReported(r); err != nil {
			return 0, err
		}
	}
	return len(reports), nil
}

func checkHappened(s *object.Scope, at string, when time.Time) []api.Violation {
	switch {
	case when.After(s.Now.Add(maxEventAhead)):
		return []api.Violation{api.Invalid(at, "lies in the future; it is %s here. Set the clock of the application", s.Now.UTC().Format(time.RFC3339))}
	case when.Before(s.Now.Add(-maxEventAge)):
		return []api.Violation{api.Invalid(at, "is more than %d days ago; events are handed in within that time", int(maxEventAge.Hours()/24))}
	}
	return nil
}

// actorID finds who acted; missing is the kind of an account that does not exist.
// People outside, known by e-mail, need none.
func actorID(ctx context.Context, s *object.Scope, principal string) (id string, missing *api.Kind, err error) {
	kind, key, _ := api.SplitPrincipal(principal)
	var found api.Object
	var of *api.Kind
	switch kind {
	case object.PrincipalMember:
		of = api.MemberKind
		m, err := object.Find[*api.Member](ctx, s, of, key)
		if err != nil {
			return "", nil, err
		}
		if m != nil {
			found = m
		}
	case object.PrincipalServiceAccount:
		of = api.ServiceAccountKind
		a, err := object.Find[*api.ServiceAccount](ctx, s, of, key)
		if err != nil {
			return "", nil, err
		}
		if a != nil {
			found = a
		}
	default:
		return "", nil, nil
	}
	if found == nil {
		return "", of, nil
	}
	return found.GetMeta().ID, nil, nil
}
