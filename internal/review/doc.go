// Package review is what people say about items: reviews that are asked for, comments
// and their threads, verdicts.
//
// Doors and other capabilities import it; it imports the object pipeline alone. It
// promises that reviews and comments are there only for those who may read them on
// the item, that nobody answers for somebody else, that what people write never gets
// into the audit log, and that nothing of it outlives the item for good.
package review
