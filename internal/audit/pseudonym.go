package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// ErasedPrefix begins what readers see in place of an erased person.
const ErasedPrefix = erasedPrefix

// Pseudonym is how readers see a person of a workspace once they are erased:
// erased:<ref>. Where the log has not met the person it makes the pseudonym, so that
// everything that is erased of them, here and elsewhere, bears one name.
func (l *Log) Pseudonym(ctx context.Context, tx Tx, workspace, person string) (string, error) {
	name := normalPerson(person)
	if name == "" {
		return "", errors.New("naming an erased person: no person given")
	}
	known, err := l.resolve(ctx, tx, workspace, []string{name}, false)
	if err != nil {
		return "", err
	}
	return erasedPrefix + known[name].ref, nil
}

// Known answers which of some people are in the log of a workspace, in the spelling of
// the log.
func (l *Log) Known(ctx context.Context, tx Tx, workspace string, people []string) ([]string, error) {
	var names []string
	for _, person := range people {
		if name := normalPerson(person); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	known := make(subjects, len(names))
	if err := findPeople(ctx, tx, workspace, names, known); err != nil {
		return nil, fmt.Errorf("looking for people in the audit log: %w", err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return known[name] == nil }), nil
}
