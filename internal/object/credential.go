package object

// Derive makes the same 32 secret bytes for the same name in this workspace each time,
// for credentials that must be given out again (vault.Derive).
func (s *Scope) Derive(name string) []byte { return s.svc.Vault.Derive(s.WorkspaceID + "/" + name) }

// Seal encrypts what a capability keeps outside of declared objects, for one place in
// this workspace; Unseal gives it back.
func (s *Scope) Seal(place, secret string) string {
	return s.svc.Vault.Seal(s.WorkspaceID+"/"+place, secret)
}

// Unseal opens what Seal made for the same place.
func (s *Scope) Unseal(place, sealed string) (string, error) {
	return s.svc.Vault.Open(s.WorkspaceID+"/"+place, sealed)
}
