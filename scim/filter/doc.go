// Package filter reads SCIM filters and attribute paths (RFC 7644 §3.4.2.2,
// §3.5.2, §3.10) into a small syntax tree, ties the tree to a resource type and
// can evaluate it. Parse never panics and never takes more than linear time.
// Directories import it to compile the tree to their query language; Match is
// the reference for what that query must mean.
package filter
