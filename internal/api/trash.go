package api

import "time"

// Trashed is an item in the trash (C087): deleted, and back as it was within its clock.
type Trashed struct {
	ID        string    `json:"id" doc:"Id of the item; it stays the same when the item comes back."`
	Kind      string    `json:"kind" enum:"project,folder,collection,asset" doc:"Kind of the item."`
	Path      string    `json:"path" doc:"Where the item was. Another item may be there now."`
	Name      string    `json:"name,omitempty" doc:"Name that people saw."`
	TrashedAt time.Time `json:"trashed_at" doc:"When it was deleted."`
	TrashedBy string    `json:"trashed_by" doc:"Who deleted it."`
	PurgeAt   time.Time `json:"purge_at" doc:"When it is deleted for good, by the retention policy of today (trash_days)."`
	LegalHold bool      `json:"legal_hold" doc:"While true, it is not deleted for good."`
	Grants    int64     `json:"grants" doc:"How many grants and role assignments were on it."`
}

// Restored says what came back from the trash, and what did not.
type Restored struct {
	ID      string    `json:"id" doc:"Id of the item."`
	Kind    string    `json:"kind" doc:"Kind of the item."`
	Path    string    `json:"path" doc:"Where the item is."`
	LeftOut []LeftOut `json:"left_out" nullable:"false" doc:"What was on the item and did not come back, and why."`
}

// LeftOut is something that did not come back with an item.
type LeftOut struct {
	Kind   string `json:"kind" doc:"Kind, e.g. access_grant."`
	Key    string `json:"key" doc:"Which one."`
	Reason string `json:"reason" doc:"Why, in words."`
}

// TrashHold puts an item in the trash under legal hold, or releases it.
type TrashHold struct {
	LegalHold bool `json:"legal_hold" doc:"true stops the clock of the trash, false lets it go on."`
}
