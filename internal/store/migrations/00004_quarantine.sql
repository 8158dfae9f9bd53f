-- +goose Up
-- Who would lose access by a held change: ids of members, as JSON; '' for none. Ids
-- alone, so that nobody's address outlives the member.
ALTER TABLE provisioning_event ADD COLUMN affected TEXT NOT NULL DEFAULT '';

-- Every change of a person pays for every index. What serves the list in order of ids
-- counts active people as well, and no identity provider asks by the time of change.
DROP INDEX scim_user_active;
DROP INDEX scim_user_changed;
DROP INDEX scim_user_list;
CREATE INDEX scim_user_list ON scim_user (workspace_id, connection, member_id, active) WHERE deleted_at = 0;

-- +goose Down
DROP INDEX scim_user_list;
CREATE INDEX scim_user_list ON scim_user (workspace_id, connection, member_id) WHERE deleted_at = 0;
CREATE INDEX scim_user_changed ON scim_user (workspace_id, connection, updated_at) WHERE deleted_at = 0;
CREATE INDEX scim_user_active ON scim_user (workspace_id, connection, active) WHERE deleted_at = 0;
ALTER TABLE provisioning_event DROP COLUMN affected;
