// Package report writes results of checks for people and programs: text, Markdown,
// JSON, JUnit and a page to read and print.
//
// The command line and evidence import it; it imports assurance only. It promises to
// keep what was measured apart from what people attested, never to colour the second
// like the first, and never to say that a framework is met.
package report
