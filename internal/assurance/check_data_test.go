package assurance_test

import (
	"maps"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/assurancetest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

func init() { maps.Copy(cases, trashCases) }

// trashCases are about what was deleted (GH-DP-05).
var trashCases = map[string]broken{
	"trash kept too long":                 {"GH-DP-05", func(_ *testing.T, s *assurance.Snapshot) { set(s, api.RetentionPolicyKind, "trash_days", 45.0) }, assurance.Fail, "trash_days is 45"},
	"something in the trash for too long": {"GH-DP-05", func(_ *testing.T, s *assurance.Snapshot) { s.Trash.Items[1]["legal_hold"] = false }, assurance.Fail, "still in the trash"},
	"a trash that nobody may look into": {"GH-DP-05", func(_ *testing.T, s *assurance.Snapshot) {
		s.Trash.Complete, s.Trash.Error = false, "forbidden"
	}, assurance.NotAssessed, "the trash could not be read"},
	"something that left the trash in time": {"GH-DP-05", func(t *testing.T, s *assurance.Snapshot) {
		appendEvents(t, s, trashed(-60, "trashed", "asst_1"), trashed(-31, "purged", "asst_1"), trashed(-60, "trashed", "asst_2"), trashed(-50, "restored", "asst_2"))
	}, assurance.Pass, ""},
	"something that left the trash late": {"GH-DP-05", func(t *testing.T, s *assurance.Snapshot) {
		appendEvents(t, s, trashed(-80, "trashed", "asst_1"), trashed(-20, "purged", "asst_1"))
	}, assurance.Fail, "left the trash on"},
	"something that was held in the trash": {"GH-DP-05", func(t *testing.T, s *assurance.Snapshot) {
		appendEvents(t, s, trashed(-80, "trashed", "asst_1"), trashed(-79, "held", "asst_1"), trashed(-21, "hold_released", "asst_1"), trashed(-20, "purged", "asst_1"))
	}, assurance.Pass, ""},
	"something that vanished": {"GH-DP-05", func(t *testing.T, s *assurance.Snapshot) { appendEvents(t, s, trashed(-10, "trashed", "asst_1")) }, assurance.Fail, "no purge is in the log"},
}

func trashed(day int, verb, id string) audit.Event {
	return audit.Event{Time: assurancetest.AsOf.AddDate(0, 0, day), Actor: audit.Actor{Kind: "member", Key: "ann@example.com"}, Door: audit.DoorREST, Action: "asset." + verb, Target: audit.Target{Kind: "asset", ID: id, Key: "/campaigns/" + id}}
}
