package workspace_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func TestPoliciesAnswerTheirDefaultsBeforeTheyAreDeclared(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		if p := f.Get(t, f.Admin, api.ChangePolicyKind, "").(*api.ChangePolicy); p.Mode != "warn" || !p.RequireReason || p.ReconcileHours != 72 || p.Key != "acme" {
			t.Errorf("change_policy = %+v", p)
		}
		if p := f.Get(t, f.Admin, api.RetentionPolicyKind, "").(*api.RetentionPolicy); p.TrashDays != 30 || p.Active != "workspace_lifetime" {
			t.Errorf("retention_policy = %+v", p)
		}
		if p := f.Get(t, f.Admin, api.AuditPolicyKind, "").(*api.AuditPolicy); p.RetentionDays != 365 || !p.PseudonymiseOnErasure {
			t.Errorf("audit_policy = %+v", p)
		}
		if p := f.Get(t, f.Member, api.DataResidencyKind, "").(*api.DataResidency); p.PrimaryRegion != "eu-frankfurt" || p.Pin != "none" {
			t.Errorf("data_residency = %+v", p)
		}
		_, err := f.Service.Get(ctx, f.Member, api.AuditPolicyKind, "")
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestOnlyTheOwnerShortensAuditRetention(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Put(t, f.Admin, api.AuditPolicyKind, "", doc{"retention_days": 730})
		_, err := f.TryPut(t, f.Admin, api.AuditPolicyKind, "", doc{"retention_days": 400})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		objecttest.WantViolation(t, err, "/retention_days")
		f.Put(t, f.Owner, api.AuditPolicyKind, "", doc{"retention_days": 400})
		_, err = f.TryPut(t, f.Owner, api.AuditPolicyKind, "", doc{"retention_days": 364})
		objecttest.WantViolation(t, err, "/retention_days")
		_, err = f.TryPut(t, f.Owner, api.AuditPolicyKind, "", doc{"checkpoint_interval": "2d"})
		objecttest.WantViolation(t, err, "/checkpoint_interval")
	})
}

func TestResettingAuditPolicyDoesNotShortenRetentionForAnAdmin(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		admin, owner := objecttest.Stack(f.Admin, "audit"), objecttest.Stack(f.Owner, "audit")
		f.Put(t, admin, api.AuditPolicyKind, "", doc{"retention_days": 730, "on_destroy": "reset"})
		err := f.Service.Delete(ctx, admin, api.AuditPolicyKind, "", object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		f.Delete(t, owner, api.AuditPolicyKind, "")
		if p := f.Get(t, f.Admin, api.AuditPolicyKind, "").(*api.AuditPolicy); p.RetentionDays != 365 || p.ManagedBy.Kind != api.ManagedByManual {
			t.Errorf("after the reset: %+v, managed by %+v", p, p.ManagedBy)
		}
	})
}

func TestEUPinRefusesRegionsOutsideTheUnionAndPlannedOnes(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		for name, c := range map[string]struct {
			doc  doc
			path string
		}{
			"London is outside": {doc{"primary_region": "uk-london", "pin": "eu"}, "/primary_region"},
			"replica outside":   {doc{"primary_region": "eu-dublin", "replica_regions": []string{"uk-london"}, "pin": "eu"}, "/replica_regions"},
			"backup outside":    {doc{"primary_region": "eu-dublin", "backup_region": "uk-london", "pin": "eu"}, "/backup_region"},
			"Paris is planned":  {doc{"primary_region": "eu-paris"}, "/primary_region"},
			"unknown":           {doc{"primary_region": "mars"}, "/primary_region"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := f.TryPut(t, f.Owner, api.DataResidencyKind, "", c.doc)
				objecttest.WantViolation(t, err, c.path)
			})
		}
	})
}

func TestDataNeverMovesSilently(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Put(t, f.Admin, api.DataResidencyKind, "", doc{"primary_region": "eu-dublin", "pin": "eu"})
		_, err := f.TryPut(t, f.Admin, api.DataResidencyKind, "", doc{"primary_region": "eu-stockholm", "pin": "eu"})
		objecttest.WantProblem(t, err, api.CodeConflict)
		objecttest.WantViolation(t, err, "/primary_region")
		_, err = f.TryPut(t, f.Admin, api.DataResidencyKind, "", doc{"primary_region": "eu-stockholm", "pin": "eu", "migrate_from": "eu-frankfurt"})
		objecttest.WantProblem(t, err, api.CodeConflict)
		f.Put(t, f.Admin, api.DataResidencyKind, "", doc{"primary_region": "eu-stockholm", "pin": "eu", "migrate_from": "eu-dublin"})
		_, err = f.TryPut(t, f.Admin, api.DataResidencyKind, "", doc{"primary_region": "eu-stockholm", "pin": "none"})
		objecttest.WantViolation(t, err, "/pin")
		f.Put(t, f.Owner, api.DataResidencyKind, "", doc{"primary_region": "eu-stockholm", "pin": "none"})
		// Destroying it keeps it.
		f.Delete(t, objecttest.Stack(f.Owner, "x"), api.DataResidencyKind, "")
		if p := f.Get(t, f.Owner, api.DataResidencyKind, "").(*api.DataResidency); p.PrimaryRegion != "eu-stockholm" {
			t.Errorf("after destroy: %+v", p)
		}
	})
}
