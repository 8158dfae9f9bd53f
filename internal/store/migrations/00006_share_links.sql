-- +goose Up
-- Share links (C065 to C074, X09, X11). The document of a link is what was declared;
-- everything that visitors leave behind lies beside it, so that looking changes no
-- object. Rows about a link outlive it as its tombstone (retention_policy).
CREATE TABLE share_link (
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
    resource       TEXT   NOT NULL,
    link_kind      TEXT   NOT NULL,
    created_by     TEXT   NOT NULL,
    -- active, pending_approval or revoked; what follows from time and use is not stored.
    state          TEXT   NOT NULL,
    expires_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX share_link_key ON share_link (workspace_id, kind, key);
CREATE INDEX share_link_resource ON share_link (workspace_id, resource, key);
CREATE INDEX share_link_maker ON share_link (workspace_id, created_by, key);
CREATE INDEX share_link_expiry ON share_link (workspace_id, expires_at, key);

-- Whom recipient links name: the links of one address are looked for when it leaves.
CREATE TABLE link_recipient (
    workspace_id TEXT NOT NULL,
    link_id      TEXT NOT NULL,
    email        TEXT NOT NULL,
    PRIMARY KEY (workspace_id, link_id, email)
);
CREATE INDEX link_recipient_email ON link_recipient (workspace_id, email, link_id);

-- SHA-256 of the tokens in URLs. derived: made from the vault for one rotation, so that
-- it can be given out again (an ephemeral resource is opened at plan and at apply).
CREATE TABLE link_token (
    hash         TEXT   PRIMARY KEY,
    workspace_id TEXT   NOT NULL,
    link_id      TEXT   NOT NULL,
    rotation     BIGINT NOT NULL,
    derived      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL
);
CREATE INDEX link_token_link ON link_token (workspace_id, link_id, rotation);

CREATE TABLE link_password (
    workspace_id TEXT   NOT NULL,
    link_id      TEXT   NOT NULL,
    hash         TEXT   NOT NULL, -- argon2id
    set_at       BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, link_id)
);

-- Visits made, counted apart from the link: two at the last view change one row.
CREATE TABLE link_use (
    workspace_id TEXT   NOT NULL,
    link_id      TEXT   NOT NULL,
    visits       BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, link_id)
);

CREATE TABLE link_session (
    hash         TEXT   PRIMARY KEY,
    workspace_id TEXT   NOT NULL,
    link_id      TEXT   NOT NULL,
    viewer       TEXT   NOT NULL, -- verified e-mail address, or device-<id>
    verified     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL
);
CREATE INDEX link_session_link ON link_session (workspace_id, link_id, viewer);
CREATE INDEX link_session_viewer ON link_session (workspace_id, viewer, link_id);
CREATE INDEX link_session_age ON link_session (expires_at);

-- Who looked at what: one row for each item of a visit.
CREATE TABLE link_view (
    workspace_id TEXT   NOT NULL,
    link_id      TEXT   NOT NULL,
    session_hash TEXT   NOT NULL,
    resource     TEXT   NOT NULL,
    viewer       TEXT   NOT NULL,
    first_at     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, link_id, session_hash, resource)
);
CREATE INDEX link_view_time ON link_view (workspace_id, link_id, first_at, session_hash, resource);

-- One-time codes that are out, also for addresses that no link names: what strangers
-- can find out must not differ.
CREATE TABLE link_code (
    workspace_id TEXT   NOT NULL,
    link_id      TEXT   NOT NULL,
    email        TEXT   NOT NULL,
    code_hash    TEXT   NOT NULL,
    tries        BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, link_id, email)
);
CREATE INDEX link_code_age ON link_code (expires_at);

-- Attempts in a window, by what they are counted for; replicas share it.
CREATE TABLE link_throttle (
    workspace_id TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    window_end   BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, subject)
);
CREATE INDEX link_throttle_age ON link_throttle (window_end);

-- Links that were deleted: what lies beside one is kept for as long as the retention
-- policy keeps the record (link_tombstone_days).
CREATE TABLE link_gone (
    workspace_id TEXT   NOT NULL,
    link_id      TEXT   NOT NULL,
    gone_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, link_id)
);
CREATE INDEX link_gone_age ON link_gone (workspace_id, gone_at, link_id);

-- +goose Down
DROP TABLE link_gone;
DROP TABLE link_throttle;
DROP TABLE link_code;
DROP TABLE link_view;
DROP TABLE link_session;
DROP TABLE link_use;
DROP TABLE link_password;
DROP TABLE link_token;
DROP TABLE link_recipient;
DROP TABLE share_link;
