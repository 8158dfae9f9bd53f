package store

import "slices"

// PreparedTexts lists the SQL that a SQLite database has been asked, sorted.
func PreparedTexts(db *DB) []string {
	var out []string
	db.prepared.Range(func(text, _ any) bool {
		out = append(out, text.(string))
		return true
	})
	slices.Sort(out)
	return out
}

// PlanOnce is the text that SQLite prepares.
var PlanOnce = planOnce
