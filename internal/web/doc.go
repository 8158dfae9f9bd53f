// Package web is the pages that people see in a browser: what a share link opens,
// invitations, and asking for more. Plain HTML and one style sheet; no script.
//
// The control plane mounts it beside the API; nothing else imports it. It promises
// that every page works with a keyboard, with a screen reader and without JavaScript,
// that a GET changes nothing, that a form counts only when it was sent from one of its
// own pages, and that no token, password or code reaches a log, a referrer or a cache.
package web
