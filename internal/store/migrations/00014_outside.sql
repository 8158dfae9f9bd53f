-- +goose Up
-- Why somebody does not get what is given to a group by its name: separation_of_duties
-- (GH-AZ-04) or external_share (C055). The directory is as the identity provider says.
ALTER TABLE scim_group_member ADD COLUMN withheld TEXT NOT NULL DEFAULT '';
CREATE INDEX scim_group_member_withheld ON scim_group_member (workspace_id, member_id, group_id) WHERE withheld <> '';

-- When a grant to somebody outside was used last, to the hour.
CREATE TABLE grant_use (
    workspace_id TEXT   NOT NULL,
    grant_id     TEXT   NOT NULL,
    last_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, grant_id)
);

-- +goose Down
DROP TABLE grant_use;
DROP INDEX scim_group_member_withheld;
ALTER TABLE scim_group_member DROP COLUMN withheld;
