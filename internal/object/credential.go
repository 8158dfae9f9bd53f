package object

// Derive makes the same 32 secret bytes for the same name in this workspace each time,
// for credentials that must be given out again (vault.Derive).
func (s *Scope) Derive(name string) []byte { return s.svc.Vault.Derive(s.WorkspaceID + "/" + name) }
