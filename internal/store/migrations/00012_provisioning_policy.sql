-- +goose Up
-- A human's no to a held change (X15), beside the yes of released_at. The same change is
-- not shown for a decision again as long as the no counts.
ALTER TABLE provisioning_event ADD COLUMN rejected_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE provisioning_event ADD COLUMN rejected_by TEXT NOT NULL DEFAULT '';
-- When a human had the event done again, and as which event.
ALTER TABLE provisioning_event ADD COLUMN replayed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE provisioning_event ADD COLUMN replayed_as TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE provisioning_event DROP COLUMN replayed_as;
ALTER TABLE provisioning_event DROP COLUMN replayed_at;
ALTER TABLE provisioning_event DROP COLUMN rejected_by;
ALTER TABLE provisioning_event DROP COLUMN rejected_at;
