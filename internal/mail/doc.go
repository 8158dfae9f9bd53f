// Package mail sends letters to people: Send queues one in the transaction that causes
// it, a worker on each replica hands it to an SMTP server, or notes in the log that
// there is none. Bodies and recipients are sealed while they wait and erased once they
// have gone.
//
// Capabilities import it. It promises that nothing a caller puts into a message can
// add a header or a recipient, that a message exists exactly when its cause was
// committed, and that it is tried for a day before it is given up (mail.failed).
package mail
