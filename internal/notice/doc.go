// Package notice tells people what concerns them (C083 to C085): it reads the sealed
// audit log of each workspace behind a cursor, decides who is told of an event, and
// writes their inbox, their mail and the messages of notification channels in one
// transaction with the cursor. It also sends the daily digest, warns of links that are
// about to end, and owns the kinds notification_policy and notification_channel.
//
// Doors and the control plane import it. It promises that nobody is told of an event
// twice, of an item that they cannot see, or at all while they are suspended; that a
// muted item reaches the inbox and nothing else (X13); and that nothing is sent to an
// address inside of the operator's network.
package notice
