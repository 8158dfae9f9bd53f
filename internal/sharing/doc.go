// Package sharing is who may use what: custom roles and their assignments, projects,
// folders, collections and assets, access grants, share links, and the policy on what
// leaves the workspace.
//
// Doors and other capabilities import it; it imports the object pipeline and the
// decision. It promises that nobody gives away more than they may, that a deleted
// item takes its grants along, and that every refusal names the attribute and says
// what to write instead.
//
// What is deleted goes to the trash (trash.go): its row and everything given on it leave
// the tables that decide and list, so no query has to know of the trash, and its path is
// free at once. An item comes back only to its place and with the id that it had; what
// could not be given today stays out, and so do links, whose URLs are with people
// outside. The clock of the retention policy, or an admin, deletes it for good.
package sharing
