// Package queue holds what is to leave the house (mail, messages to channels) until it
// has arrived. Add writes a sealed row in the transaction that causes it, so that a
// message exists exactly when its cause does; a Worker on every replica tries rows that
// are due, one worker at a time per row, with growing pauses, and erases what they say
// when they have arrived or are given up.
//
// Packages mail and notice import it. It promises at least one delivery, under an id
// that stays the same, and no two at once while the first worker's lease runs.
package queue
