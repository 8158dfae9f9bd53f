-- +goose Up
-- Who would lose access by a held change: ids of members, as JSON; '' for none. Ids
-- alone, so that nobody's address outlives the member.
ALTER TABLE provisioning_event ADD COLUMN affected TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE provisioning_event DROP COLUMN affected;
