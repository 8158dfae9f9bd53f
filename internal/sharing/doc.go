// Package sharing is who may use what: custom roles and their assignments, projects
// and folders, access grants, and the policy on what leaves the workspace.
//
// Doors and other capabilities import it; it imports the object pipeline and the
// decision. It promises that nobody gives away more than they may, that a deleted
// item takes its grants along, and that every refusal names the attribute and says
// what to write instead.
package sharing
