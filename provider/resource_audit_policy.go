package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.AuditPolicyKind, resourceOptions{
	Hints: map[string]string{"/retention_days": "The audit log is kept for a year at least."},
})
