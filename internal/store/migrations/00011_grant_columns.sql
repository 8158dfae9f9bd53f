-- +goose Up
-- What a decision needs to know of a grant beyond its columns: '' nothing, 'download',
-- or 'doc', which is to read the document (conditions, and rows of before this column).
ALTER TABLE access_grant ADD COLUMN extras TEXT NOT NULL DEFAULT 'doc';
UPDATE access_grant SET extras = '' WHERE doc NOT LIKE '%"condition":%' AND doc NOT LIKE '%"allow_download":true%';

-- Everything that decides is in the index: whoever holds a thousand grants is read from
-- a few neighbouring pages, and not from a thousand. The workspace is not its first
-- column: SQLite would walk all of a workspace in it rather than take another index.
CREATE INDEX access_grant_held ON access_grant (principal, workspace_id, resource, level, role, state, expires_at, extras, id);

-- +goose Down
DROP INDEX access_grant_held;
ALTER TABLE access_grant DROP COLUMN extras;
