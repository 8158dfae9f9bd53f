package object

import (
	"context"
	"errors"
)

// Aside answers what compute makes of what the caller has given, without holding up
// other writers meanwhile: hashing a password takes as long as dozens of transactions,
// and SQLite has one writer. Where it is asked for the first time, the change ends with
// nothing kept, compute runs outside of any transaction, and the change is made again
// from its beginning, with everything that was checked before checked anew. Inside
// another change (Apply), which cannot be begun again, it runs at once.
//
// name tells one computation of a change from another; compute must depend on nothing
// that the transaction has read.
func (s *Scope) Aside(ctx context.Context, name string, compute func(context.Context) (string, error)) (string, error) {
	if s.aside == nil {
		return compute(ctx)
	}
	if v, ok := s.aside[name]; ok {
		return v, nil
	}
	return "", &interlude{name, compute}
}

// interlude is how a change says that it goes on after a computation.
type interlude struct {
	name    string
	compute func(context.Context) (string, error)
}

// Error says what it waits for.
func (i *interlude) Error() string { return "object: the change is made after " + i.name }

// playInterlude runs the computation that a change was left for, if it was.
func playInterlude(ctx context.Context, err error, done map[string]string) (bool, error) {
	var i *interlude
	if !errors.As(err, &i) {
		return false, err
	}
	v, err := i.compute(ctx)
	if err != nil {
		return false, err
	}
	done[i.name] = v
	return true, nil
}
