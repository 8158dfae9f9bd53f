package vocabulary

import (
	"fmt"
	"strings"
)

// Level is how far a principal may go on an item (C020). Levels are ordered:
// each allows everything that the one below it allows.
type Level int8

// The levels, lowest first. LevelNone is the absence of access; it is never
// granted, only computed.
const (
	LevelNone Level = iota
	LevelView
	LevelComment
	LevelEdit
	LevelManage
	LevelFullAccess
)

var levelNames = [...]string{"none", "view", "comment", "edit", "manage", "full_access"}

// The five built-in item roles are other names for the five levels (C026, X05).
// "admin" here is the item Admin, not the workspace role of that name.
var levelAliases = map[string]Level{
	"viewer":    LevelView,
	"commenter": LevelComment,
	"editor":    LevelEdit,
	"manager":   LevelManage,
	"admin":     LevelFullAccess,
}

var levelRoleNames = [...]string{"", "Viewer", "Commenter", "Editor", "Manager", "Admin"}

// Levels lists the grantable levels, lowest first.
func Levels() []Level {
	return []Level{LevelView, LevelComment, LevelEdit, LevelManage, LevelFullAccess}
}

// LevelNames lists the names of the grantable levels, lowest first.
func LevelNames() []string {
	return append([]string(nil), levelNames[1:]...)
}

// ParseLevel reads a level by its name or by its role alias (Viewer, Commenter,
// Editor, Manager, Admin). Case does not matter. "none" is accepted, because a
// computed level is written that way; whoever grants must refuse it.
func ParseLevel(s string) (Level, error) {
	name := strings.ToLower(strings.TrimSpace(s))
	for i, n := range levelNames {
		if n == name {
			return Level(i), nil
		}
	}
	if l, ok := levelAliases[name]; ok {
		return l, nil
	}
	return LevelNone, fmt.Errorf("unknown level %q: use %s", clip(s), strings.Join(levelNames[1:], ", "))
}

// String is the level's name on the wire.
func (l Level) String() string {
	if l < LevelNone || l > LevelFullAccess {
		return fmt.Sprintf("level(%d)", int8(l))
	}
	return levelNames[l]
}

// RoleName is the built-in role that means the same as the level ("Editor" for
// edit, X05); it is empty for LevelNone.
func (l Level) RoleName() string {
	if l < LevelNone || l > LevelFullAccess {
		return ""
	}
	return levelRoleNames[l]
}

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) {
	if l < LevelNone || l > LevelFullAccess {
		return nil, fmt.Errorf("level %d does not exist", int8(l))
	}
	return []byte(levelNames[l]), nil
}

// UnmarshalText reads a level's name or alias.
func (l *Level) UnmarshalText(text []byte) error {
	parsed, err := ParseLevel(string(text))
	if err != nil {
		return err
	}
	*l = parsed
	return nil
}
