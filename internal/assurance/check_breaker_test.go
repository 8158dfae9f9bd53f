package assurance_test

import (
	"maps"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/assurancetest"
)

func init() { maps.Copy(cases, breakerCases) }

// breakerCases are about bulk removals by identity providers (GH-LC-09). The sound
// snapshot has connection okta, without a policy of its own.
var breakerCases = map[string]broken{
	"the defaults hold bulks": {"GH-LC-09", func(*testing.T, *assurance.Snapshot) {}, assurance.Pass, "1 connection"},
	"a loose breaker":         {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) { breakerPolicy(s, "0.5") }, assurance.Fail, "max_removal_ratio is 0.5; 0.25 is the most"},
	"no breaker":              {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) { breakerPolicy(s, "1") }, assurance.Fail, "everybody may be removed at once"},
	"a strict breaker":        {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) { breakerPolicy(s, "0") }, assurance.Pass, ""},
	"a ratio that is none":    {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) { breakerPolicy(s, "many") }, assurance.NotAssessed, "cannot be read"},
	"policies that nobody may read": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) {
		s.Objects[api.ProvisioningPolicyKind.Name] = assurance.Collection{Error: "forbidden"}
	}, assurance.NotAssessed, "provisioning policies could not be read"},
	"a loose breaker of a connection without a token": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) {
		breakerPolicy(s, "1")
		none(s, api.SCIMTokenKind)
	}, assurance.NotApplicable, ""},
	"a trip that somebody released": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) {
		e := trip(s, 10*api.Day)
		at := e.Time.Add(time.Hour)
		e.ReleasedAt, e.ReleasedBy = &at, "member:ann@example.com"
	}, assurance.Pass, "of 1 change that it held, 0 wait"},
	"a trip that somebody rejected, and that came again": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) {
		e := trip(s, 10*api.Day)
		at := e.Time.Add(time.Hour)
		e.RejectedAt, e.RejectedBy = &at, "member:ann@example.com"
		trip(s, 5*api.Day)
	}, assurance.Pass, "of 2 changes that it held, 0 wait"},
	"a trip that waits": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) { trip(s, 2*time.Hour) }, assurance.Pass, "1 wait"},
	"a trip that nobody decided": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) {
		trip(s, 10*api.Day)
		trip(s, 9*api.Day)
	}, assurance.Fail, "held a leave on"},
	"a trip that came to pass without a decision": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) {
		trip(s, 2*time.Hour)
		trip(s, time.Hour).Outcome = "applied"
	}, assurance.Fail, "nobody released or rejected it"},
	"a decision that had lapsed": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) {
		e := trip(s, 60*api.Day)
		at := e.Time.Add(time.Hour)
		e.RejectedAt = &at
		trip(s, 10*api.Day)
	}, assurance.Fail, "held a leave on"},
	"protected people, whom no decision ends": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) {
		trip(s, 10*api.Day).Detail = "owner@example.com is the workspace Owner, whom an identity provider can neither end nor rename. Releasing the event does not help: hand the ownership over first."
	}, assurance.Pass, "0 changes"},
	"a held change of e-mail": {"GH-LC-09", func(_ *testing.T, s *assurance.Snapshot) { trip(s, 10*api.Day).Operation = "rename" }, assurance.Pass, "0 changes"},
}

func breakerPolicy(s *assurance.Snapshot, ratio string) {
	assurancetest.Set(s, api.ProvisioningPolicyKind, assurancetest.Object(api.ProvisioningPolicyKind, "prvp_1", "okta", doc{"connection_name": "okta", "max_removal_ratio": ratio, "quarantine_hours": 72.0}))
}

// trip puts a removal into the snapshot that the breaker held some time ago.
func trip(s *assurance.Snapshot, ago time.Duration) *assurance.ProvisioningEvent {
	s.Provisioning.Items = append([]assurance.ProvisioningEvent{{ID: "pevt_trip_" + ago.String(), Connection: "okta", Time: assurancetest.AsOf.Add(-ago), Operation: "leave", Resource: "User",
		Target: "mem_3", Outcome: "quarantined", Status: 403, Detail: "4 of 12 people would leave"}}, s.Provisioning.Items...)
	return &s.Provisioning.Items[0]
}
