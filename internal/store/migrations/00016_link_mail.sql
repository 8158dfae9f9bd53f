-- +goose Up
-- Of which rotation of a link's token a recipient was mailed the URL (C070), so that
-- nobody gets it twice; 0 for none.
ALTER TABLE link_recipient ADD COLUMN told_rotation BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE link_recipient DROP COLUMN told_rotation;
