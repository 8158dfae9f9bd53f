-- +goose Up
-- Which assets a collection references (C031). The documents of collections say it
-- too; this is how a decision about an asset finds the collections that it is in.
CREATE TABLE collection_asset (
    workspace_id    TEXT NOT NULL,
    collection_path TEXT NOT NULL,
    asset_path      TEXT NOT NULL,
    PRIMARY KEY (workspace_id, collection_path, asset_path)
);
CREATE INDEX collection_asset_asset ON collection_asset (workspace_id, asset_path, collection_path);

-- +goose Down
DROP TABLE collection_asset;
