-- +goose Up
-- What was deleted and may come back for some days (C087). The rows of items and of
-- everything that was given on them leave the tables that decide and list, so no query
-- has to know of the trash; the path is free for another item at once.
CREATE TABLE trash (
    workspace_id TEXT   NOT NULL,
    -- The item's own id: reviews, comments and the audit log go on naming it.
    id           TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    path         TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    -- Id of the item that it lay in, '' at the top: another item may be there now.
    parent_id    TEXT   NOT NULL,
    -- References between collections and assets, by id, as JSON.
    refs         TEXT   NOT NULL,
    trashed_at   BIGINT NOT NULL,
    trashed_by   TEXT   NOT NULL,
    legal_hold   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX trash_time ON trash (workspace_id, trashed_at, id);
CREATE INDEX trash_path ON trash (workspace_id, path, id);

-- The rows, as they were in their own tables. shelf is the id of the item.
CREATE TABLE trash_row (
    workspace_id   TEXT   NOT NULL,
    kind           TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    key            TEXT   NOT NULL,
    doc            TEXT   NOT NULL,
    version        BIGINT NOT NULL,
    manager        TEXT   NOT NULL,
    stack          TEXT   NOT NULL,
    change_context TEXT   NOT NULL,
    managed_at     BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    shelf          TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, shelf, key, kind)
);

-- What somebody owns is asked for by everybody who lists what they can see.
CREATE INDEX item_owner ON item (workspace_id, owner, key);

-- What is given on an item goes with it.
CREATE INDEX role_assignment_scope ON role_assignment (workspace_id, scope, key);

-- +goose Down
DROP INDEX role_assignment_scope;
DROP INDEX item_owner;
DROP TABLE trash_row;
DROP TABLE trash;
