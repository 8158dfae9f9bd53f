-- +goose Up

CREATE TABLE workspace (
    id            TEXT   PRIMARY KEY,
    slug          TEXT   NOT NULL UNIQUE,
    -- Changes with everything that can change a decision.
    authz_version BIGINT NOT NULL,
    -- Changes with roles and policies alone, which are costly to compile.
    policy_version BIGINT NOT NULL DEFAULT 0,
    owner_id      TEXT   NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE object (
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
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX object_key ON object (workspace_id, kind, key);

CREATE TABLE member (
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
    role TEXT NOT NULL,
    active BIGINT NOT NULL,
    source TEXT NOT NULL,
    external_id TEXT NOT NULL,
    connection TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX member_key ON member (workspace_id, kind, key);
CREATE INDEX member_role ON member (workspace_id, role, key);
-- One Owner at any time (C013, X03).
CREATE UNIQUE INDEX member_owner ON member (workspace_id) WHERE role = 'owner';
CREATE INDEX member_external ON member (workspace_id, connection, external_id);

CREATE TABLE team_membership (
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
    team TEXT NOT NULL,
    principal TEXT NOT NULL,
    role TEXT NOT NULL,
    source TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX team_membership_key ON team_membership (workspace_id, kind, key);
CREATE INDEX team_membership_team ON team_membership (workspace_id, team, key);
CREATE INDEX team_membership_principal ON team_membership (workspace_id, principal, key);

CREATE TABLE item (
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
    parent TEXT NOT NULL,
    team TEXT NOT NULL,
    owner TEXT NOT NULL,
    restricted BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX item_key ON item (workspace_id, kind, key);
CREATE INDEX item_path ON item (workspace_id, key, kind);
CREATE INDEX item_parent ON item (workspace_id, parent, key);
CREATE INDEX item_team ON item (workspace_id, team, key);

CREATE TABLE access_grant (
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
    resource TEXT NOT NULL,
    principal TEXT NOT NULL,
    level TEXT NOT NULL,
    role TEXT NOT NULL,
    source TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX access_grant_key ON access_grant (workspace_id, kind, key);
CREATE INDEX access_grant_resource ON access_grant (workspace_id, resource, key);
CREATE INDEX access_grant_principal ON access_grant (workspace_id, principal, key);

CREATE TABLE role_assignment (
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
    role TEXT NOT NULL,
    principal TEXT NOT NULL,
    scope TEXT NOT NULL,
    source TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX role_assignment_key ON role_assignment (workspace_id, kind, key);
CREATE INDEX role_assignment_principal ON role_assignment (workspace_id, principal, key);
CREATE INDEX role_assignment_role ON role_assignment (workspace_id, role, key);

CREATE TABLE token_secret (
    hash         TEXT   PRIMARY KEY,
    workspace_id TEXT   NOT NULL,
    token_kind   TEXT   NOT NULL,
    token_id     TEXT   NOT NULL,
    principal    TEXT   NOT NULL,
    rotation     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE INDEX token_secret_token ON token_secret (workspace_id, token_id);
CREATE INDEX token_secret_principal ON token_secret (workspace_id, principal);

CREATE TABLE session (
    id           TEXT   PRIMARY KEY,
    workspace_id TEXT   NOT NULL,
    principal    TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL
);
CREATE INDEX session_principal ON session (workspace_id, principal);
CREATE UNIQUE INDEX session_hash ON session (hash);

CREATE TABLE sealed_secret (
    workspace_id TEXT   NOT NULL,
    object_id    TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    ciphertext   TEXT   NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, object_id, name)
);

CREATE TABLE idempotency (
    workspace_id TEXT   NOT NULL,
    principal    TEXT   NOT NULL,
    key          TEXT   NOT NULL,
    request_hash TEXT   NOT NULL,
    object_kind  TEXT   NOT NULL,
    object_id    TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, principal, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- +goose Down
DROP TABLE idempotency;
DROP TABLE sealed_secret;
DROP TABLE session;
DROP TABLE token_secret;
DROP TABLE role_assignment;
DROP TABLE access_grant;
DROP TABLE item;
DROP TABLE team_membership;
DROP TABLE member;
DROP TABLE object;
DROP TABLE workspace;
