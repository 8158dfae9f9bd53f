resource "gatehouse_audit_policy" "this" {
  retention_days          = 730
  pseudonymise_on_erasure = true
  checkpoint_interval     = "1m"
}
