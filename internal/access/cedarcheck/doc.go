// Package cedarcheck is the only user of Cedar's experimental schema validator
// and of its syntax tree. It may be imported by internal/access alone, so that a
// change of that experimental API is mended in one place. It promises that a
// policy or condition it accepts refers only to attributes that every request
// carries, and that a condition is one expression and cannot smuggle in a policy.
package cedarcheck
