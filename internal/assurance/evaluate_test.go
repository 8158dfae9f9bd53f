package assurance_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/assurancetest"
)

func evaluate(t *testing.T, s *assurance.Snapshot, o assurance.Options) map[string]assurance.Result {
	t.Helper()
	r, err := assurance.Evaluate(s, o)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]assurance.Result{}
	for _, res := range r.Results {
		out[res.ID] = res
	}
	return out
}

// notApplicable lists the measured checks whose precondition the sound snapshot does not
// meet, with the one it lacks.
var notApplicable = []string{"GH-CM-04"} // nothing was edited by hand

func TestEveryMeasuredCheckPassesOnASoundSnapshot(t *testing.T) {
	got := evaluate(t, assurancetest.Snapshot(t), assurance.Options{})
	for _, id := range assurance.MeasuredIDs() {
		want := assurance.Pass
		if slices.Contains(notApplicable, id) {
			want = assurance.NotApplicable
		}
		if res := got[id]; res.Status != want {
			t.Errorf("%s is %s: %s %v", id, res.Status, res.Summary, res.Findings)
		}
	}
	if n := len(assurance.MeasuredIDs()); n < 25 {
		t.Errorf("%d checks are measured", n)
	}
}

func TestEveryQuestionOfTheCatalogueIsAnswered(t *testing.T) {
	got := evaluate(t, assurancetest.Snapshot(t), assurance.Options{})
	for _, check := range assurance.TheCatalogue().Checks {
		res, ok := got[check.ID]
		if !ok {
			t.Errorf("%s has no result", check.ID)
			continue
		}
		if !assurance.Measured(check.ID) && (res.Status != assurance.NotAssessed || res.Selected || res.Measured != nil) {
			t.Errorf("%s is not measured and its result is %+v", check.ID, res)
		}
		if assurance.Measured(check.ID) && (res.Measured == nil || len(res.Measured.Populations) == 0 || res.Measured.Collector == "" || res.Measured.Server == "" || res.Measured.AsOf.IsZero()) {
			t.Errorf("%s does not say what it was measured on: %+v", check.ID, res.Measured)
		}
	}
	for _, id := range assurance.MeasuredIDs() {
		if _, ok := assurance.TheCatalogue().Find(id); !ok {
			t.Errorf("%s is measured and not in the catalogue", id)
		}
	}
}

// The property that matters most: take away any population that a check looked at, and
// the check neither passes nor fails.
func TestNoCheckPassesOnAPopulationThatIsNotComplete(t *testing.T) {
	sound := evaluate(t, assurancetest.Snapshot(t), assurance.Options{})
	for _, id := range assurance.MeasuredIDs() {
		if sound[id].Measured == nil || id == "GH-GV-02" {
			continue // it is about the other results
		}
		for _, p := range sound[id].Measured.Populations {
			t.Run(id+"/"+p.Name, func(t *testing.T) {
				s := assurancetest.Snapshot(t)
				spoil(t, s, p.Name)
				if res := evaluate(t, s, assurance.Options{})[id]; res.Status != assurance.NotAssessed {
					t.Errorf("%s: %s", res.Status, res.Summary)
				}
			})
		}
	}
}

// spoil makes a population incomplete.
func spoil(t *testing.T, s *assurance.Snapshot, name string) {
	t.Helper()
	switch name {
	case "audit_events":
		s.Events.Complete, s.Events.Error = false, "forbidden"
	case "audit_events of people":
		s.People.Complete, s.People.Error = false, "forbidden"
	case "provisioning_events":
		s.Provisioning.Complete, s.Provisioning.Error = false, "forbidden"
	case "trash":
		s.Trash.Complete, s.Trash.Error = false, "forbidden"
	case "terraform_state":
		s.State = nil
	case "drift_report":
		s.Drift = nil
	case "routes":
		s.Routes = assurance.Routes{Error: "unavailable"}
	case "probes":
		s.Probes = nil
	default:
		c, ok := s.Objects[name]
		if !ok {
			t.Fatalf("there is no population %q to spoil", name)
		}
		c.Complete, c.Error = false, "forbidden"
		s.Objects[name] = c
	}
}

func TestTwoCountsThatDisagreeAreNotAssessed(t *testing.T) {
	s := assurancetest.Snapshot(t)
	c := s.Objects["api_token"]
	two := 2
	c.SecondCount = &two
	s.Objects["api_token"] = c
	res := evaluate(t, s, assurance.Options{})["GH-AU-08"]
	if res.Status != assurance.NotAssessed || !strings.Contains(res.Summary, "1 and 2") {
		t.Errorf("%s: %s", res.Status, res.Summary)
	}
}

func TestKindsThatWereNotCollectedAreNotAssessed(t *testing.T) {
	s := assurancetest.Snapshot(t)
	delete(s.Objects, "mfa_policy")
	if res := evaluate(t, s, assurance.Options{})["GH-AU-01"]; res.Status != assurance.NotAssessed {
		t.Errorf("%s: %s", res.Status, res.Summary)
	}
}

func TestTheSameSnapshotGivesTheSameReport(t *testing.T) {
	s := assurancetest.Snapshot(t)
	s.Drift.Result = "drift"
	first, err := assurance.Evaluate(s, assurance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := assurance.Evaluate(s, assurance.Options{})
		if err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(first)
		b, _ := json.Marshal(again)
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestExitCodes(t *testing.T) {
	status := func(list ...assurance.Status) *assurance.Report {
		r := &assurance.Report{}
		for _, s := range list {
			r.Results = append(r.Results, assurance.Result{Status: s, Selected: true})
		}
		r.Results = append(r.Results, assurance.Result{Status: assurance.NotAssessed}, assurance.Result{Status: assurance.Fail})
		return r
	}
	for want, r := range map[int]*assurance.Report{
		0: status(assurance.Pass, assurance.Attested, assurance.Excepted, assurance.NotApplicable),
		1: status(assurance.Pass, assurance.NotAssessed, assurance.Fail),
		2: status(assurance.Pass, assurance.Fail),
	} {
		if got := r.ExitCode(); got != want {
			t.Errorf("exit code %d, want %d", got, want)
		}
	}
}

func TestOptionsNameChecksAndThresholdsThatExist(t *testing.T) {
	for _, o := range []assurance.Options{
		{Checks: []string{"GH-XX-01"}},
		{Parameters: map[string]string{"GH-ID-04.hours": "3h"}},
		{Parameters: map[string]string{"GH-ID-04.days": "soon"}},
	} {
		if err := o.Validate(); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	s := assurancetest.Snapshot(t)
	res := evaluate(t, s, assurance.Options{Checks: []string{"GH-ID-04"}, Parameters: map[string]string{"GH-ID-04.days": "400d"}})
	if got := res["GH-ID-04"]; got.Status != assurance.Fail || got.Parameters["days"] != "400d" || !got.Selected {
		t.Errorf("%+v", got)
	}
	if res["GH-AU-01"].Selected {
		t.Error("a check that was not named is selected")
	}
}

func TestStatementsOfPeopleStandOnlyWhereTheyMay(t *testing.T) {
	later, before := assurancetest.AsOf.AddDate(0, 6, 0), assurancetest.AsOf.AddDate(0, -1, 0)
	digest := strings.Repeat("ab", 32)
	attest := func(id string, until time.Time) assurance.Attestation {
		return assurance.Attestation{Check: id, Statement: "Exercise held.", Author: "ann@example.com", Date: before, ExpiresAt: until, Artefact: digest}
	}
	s := assurancetest.Snapshot(t)
	s.Register = &assurance.Register{
		Attestations: []assurance.Attestation{attest("GH-IR-03", later), attest("GH-GV-01", before), attest("GH-AU-01", later)},
		Exceptions: []assurance.Exception{
			{Check: "GH-AU-06", Reason: "night shift", Approver: "owner@example.com", ExpiresAt: later},
			{Check: "GH-AU-01", Reason: "late", Approver: "owner@example.com", ExpiresAt: before},
		},
	}
	set(s, api.SessionPolicyKind, "privileged", map[string]any{"absolute_timeout": "20h", "idle_timeout": "30m"})
	set(s, api.MFAPolicyKind, "requirement", "none")
	got := evaluate(t, s, assurance.Options{})
	for id, want := range map[string]assurance.Status{
		"GH-IR-03": assurance.Attested,    // cannot be measured, and somebody states it
		"GH-GV-01": assurance.NotAssessed, // the statement has ended
		"GH-AU-01": assurance.Fail,        // a measured failure is not talked away, and its exception has ended
		"GH-AU-06": assurance.Excepted,
		"GH-GV-02": assurance.Fail, // an exception has ended
		"GH-AU-02": assurance.NotAssessed,
	} {
		if got[id].Status != want {
			t.Errorf("%s is %s, want %s: %s", id, got[id].Status, want, got[id].Summary)
		}
	}
	if a := got["GH-IR-03"].Attestation; a == nil || a.Artefact != digest {
		t.Errorf("the attestation is not with the result: %+v", a)
	}
	set(s, api.MFAPolicyKind, "requirement", "all_users")
	spoil(t, s, "mfa_policy")
	if res := evaluate(t, s, assurance.Options{})["GH-AU-01"]; res.Status != assurance.NotAssessed {
		t.Errorf("a statement stands in for a measurement: %s", res.Status)
	}
}

func TestRegistersAreCheckedWhenTheyAreRead(t *testing.T) {
	good := "exceptions:\n- {check: GH-AU-06, reason: night shift, approver: owner@example.com, expires_at: 2027-01-01}\n" +
		"attestations:\n- {check: GH-IR-03, statement: held, author: ann, date: 2026-01-01, expires_at: 2026-04-01T00:00:00Z, artefact_sha256: " + strings.Repeat("0a", 32) + "}\n" +
		"findings:\n- {check: GH-ID-02, owner: ann, due: 2026-06-01}\n"
	r, err := assurance.ReadRegister(strings.NewReader(good))
	if err != nil || len(r.Exceptions) != 1 || len(r.Attestations) != 1 || len(r.Findings) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, bad := range []string{
		"exceptions:\n- {check: GH-XX-99, reason: x, approver: y, expires_at: 2027-01-01}",
		"exceptions:\n- {check: GH-AU-06, reason: x, expires_at: 2027-01-01}",
		"attestations:\n- {check: GH-IR-03, statement: held, author: ann, date: 2026-01-01, expires_at: 2026-04-01, artefact_sha256: none}",
		"findings:\n- {check: GH-ID-02, owner: ann}",
		"waivers: []",
	} {
		if _, err := assurance.ReadRegister(strings.NewReader(bad)); err == nil {
			t.Errorf("accepted: %s", bad)
		}
	}
	if r, err := assurance.ReadRegister(strings.NewReader("")); err != nil || r == nil {
		t.Errorf("an empty register: %v", err)
	}
}
