// Package evidence keeps a snapshot, its results and their report in a folder whose
// manifest is signed, and verifies such a folder without any server.
//
// The command line imports it; it imports the assurance packages and internal/audit.
// It promises that a folder is complete in itself: whoever verifies it evaluates again
// from the snapshot, and any file that was altered, added or taken away is named.
package evidence
