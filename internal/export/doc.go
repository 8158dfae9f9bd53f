// Package export writes a live workspace as HCL that a person would be glad to own.
//
// It reads through the API's client and is imported by the command line alone. It
// promises that a plan of what it writes shows imports and nothing else, that the
// same workspace gives the same bytes, that names are valid and unique, that no text
// of the workspace can break out of a string or a comment, and that it prints no
// secret: what is write-only becomes a commented variable.
package export
