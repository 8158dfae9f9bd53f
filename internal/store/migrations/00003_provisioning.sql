-- +goose Up
-- Provisioning (SCIM.md; C039, X15). What a connection said about people and
-- groups; what follows from it lies in member, team_membership and
-- role_assignment. The id of a SCIM user is the id of the member.

-- A member is provisioned by one connection at most. A deleted user stays as a
-- tombstone (deleted_at), so that the same person comes back as the same identity.
CREATE TABLE scim_user (
    workspace_id  TEXT   NOT NULL,
    member_id     TEXT   NOT NULL,
    connection    TEXT   NOT NULL,
    user_name     TEXT   NOT NULL,
    user_name_key TEXT   NOT NULL,
    external_id   TEXT   NOT NULL,
    active        BIGINT NOT NULL,
    display_name  TEXT   NOT NULL,
    doc           TEXT   NOT NULL,
    -- doc with every string folded: what attributes that are not case exact are
    -- compared with, because the engines fold differently from each other.
    folded        TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    -- Workspace role to go back to when no mapped group gives one; '' when none does.
    base_role     TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    deleted_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, member_id)
);
CREATE UNIQUE INDEX scim_user_name ON scim_user (workspace_id, connection, user_name_key) WHERE deleted_at = 0;
CREATE INDEX scim_user_list ON scim_user (workspace_id, connection, member_id) WHERE deleted_at = 0;
CREATE INDEX scim_user_active ON scim_user (workspace_id, connection, active) WHERE deleted_at = 0;
CREATE INDEX scim_user_changed ON scim_user (workspace_id, connection, updated_at) WHERE deleted_at = 0;
CREATE INDEX scim_user_external ON scim_user (workspace_id, connection, external_id);
CREATE INDEX scim_user_gone ON scim_user (workspace_id, connection, user_name_key) WHERE deleted_at <> 0;

-- The addresses of users, because identity providers match people by them.
CREATE TABLE scim_email (
    workspace_id TEXT   NOT NULL,
    member_id    TEXT   NOT NULL,
    position     BIGINT NOT NULL,
    connection   TEXT   NOT NULL,
    value_key    TEXT   NOT NULL,
    type_key     TEXT   NOT NULL,
    is_primary   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, member_id, position)
);
CREATE INDEX scim_email_value ON scim_email (workspace_id, connection, value_key);

CREATE TABLE scim_group (
    workspace_id TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    connection   TEXT   NOT NULL,
    display_name TEXT   NOT NULL,
    display_key  TEXT   NOT NULL,
    external_id  TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX scim_group_name ON scim_group (workspace_id, connection, display_key);
CREATE INDEX scim_group_list ON scim_group (workspace_id, connection, id);
CREATE INDEX scim_group_external ON scim_group (workspace_id, connection, external_id);

CREATE TABLE scim_group_member (
    workspace_id TEXT   NOT NULL,
    group_id     TEXT   NOT NULL,
    member_id    TEXT   NOT NULL,
    added_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, group_id, member_id)
);
CREATE INDEX scim_group_member_reverse ON scim_group_member (workspace_id, member_id, group_id);

-- Declared mappings have a table of their own: each change of a group looks them up.
-- group_key is 'n:' and the folded displayName, or 'x:' and the externalId.
CREATE TABLE scim_group_mapping (
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
    connection     TEXT   NOT NULL,
    group_key      TEXT   NOT NULL,
    team           TEXT   NOT NULL,
    team_role      TEXT   NOT NULL,
    workspace_role TEXT   NOT NULL,
    role           TEXT   NOT NULL,
    scope          TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX scim_group_mapping_key ON scim_group_mapping (workspace_id, kind, key);
CREATE INDEX scim_group_mapping_group ON scim_group_mapping (workspace_id, connection, group_key);
CREATE INDEX scim_group_mapping_connection ON scim_group_mapping (workspace_id, connection, key);
CREATE INDEX scim_group_mapping_team ON scim_group_mapping (workspace_id, team, key);

-- One row per request that changed something, was refused or was held.
CREATE TABLE provisioning_event (
    workspace_id TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    connection   TEXT   NOT NULL,
    occurred_at  BIGINT NOT NULL,
    operation    TEXT   NOT NULL,
    resource     TEXT   NOT NULL,
    target       TEXT   NOT NULL,
    outcome      TEXT   NOT NULL,
    status       BIGINT NOT NULL,
    detail       TEXT   NOT NULL,
    request      TEXT   NOT NULL,
    request_id   TEXT   NOT NULL,
    released_at  BIGINT NOT NULL,
    released_by  TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX provisioning_event_time ON provisioning_event (workspace_id, occurred_at, id);
-- Nearly everything is applied and most of it is no leaver: what is asked for often is rare.
CREATE INDEX provisioning_event_outcome ON provisioning_event (workspace_id, occurred_at, id) WHERE outcome <> 'applied';
CREATE INDEX provisioning_event_leavers ON provisioning_event (workspace_id, connection, occurred_at) WHERE operation = 'leave';
CREATE INDEX provisioning_event_target ON provisioning_event (workspace_id, target, occurred_at);

-- +goose Down
DROP TABLE provisioning_event;
DROP TABLE scim_group_mapping;
DROP TABLE scim_group_member;
DROP TABLE scim_group;
DROP TABLE scim_email;
DROP TABLE scim_user;
