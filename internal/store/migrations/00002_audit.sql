-- +goose Up
-- The audit log (DESIGN.md section 7; C043, X12). One text for SQLite and
-- PostgreSQL; the triggers that refuse UPDATE and DELETE differ by engine and
-- come from audit.TriggerDDL. No foreign keys: an event outlives everything
-- that it speaks of, and an insert must not lock the row of a workspace.

-- Every column but xid is part of the leaf (see internal/audit/record.go).
-- People appear only as pseudonyms; times are microseconds since 1970.
CREATE TABLE audit_event (
    id              TEXT   NOT NULL PRIMARY KEY,
    workspace_id    TEXT   NOT NULL,
    -- Position for the sealer: on PostgreSQL the inserting transaction, on
    -- SQLite a counter. Commit order is known only by comparing it with the
    -- oldest running transaction.
    xid             BIGINT NOT NULL,
    occurred_at     BIGINT NOT NULL,
    door            TEXT   NOT NULL,
    action          TEXT   NOT NULL,
    family          TEXT   NOT NULL,
    effect          TEXT   NOT NULL,
    actor_kind      TEXT   NOT NULL,
    actor_id        TEXT   NOT NULL,
    actor_key       TEXT   NOT NULL,
    token_id        TEXT   NOT NULL,
    behalf_kind     TEXT   NOT NULL,
    behalf_id       TEXT   NOT NULL,
    behalf_key      TEXT   NOT NULL,
    target_kind     TEXT   NOT NULL,
    target_id       TEXT   NOT NULL,
    target_key      TEXT   NOT NULL,
    before_doc      TEXT   NOT NULL,
    after_doc       TEXT   NOT NULL,
    origin          TEXT   NOT NULL,
    mfa_age_seconds BIGINT NOT NULL,
    reasons         TEXT   NOT NULL,
    change_context  TEXT   NOT NULL,
    request_id      TEXT   NOT NULL
);
CREATE INDEX audit_event_position ON audit_event (xid, id);
CREATE INDEX audit_event_time ON audit_event (workspace_id, occurred_at, id);
CREATE INDEX audit_event_actor ON audit_event (workspace_id, actor_key, occurred_at, id);
CREATE INDEX audit_event_action ON audit_event (workspace_id, family, action, occurred_at, id);
CREATE INDEX audit_event_target ON audit_event (workspace_id, target_key, occurred_at, id);

-- Who a pseudonym is. Erasure empties person and salt and keeps ref (X12).
CREATE TABLE audit_subject (
    workspace_id TEXT   NOT NULL,
    ref          TEXT   NOT NULL,
    person       TEXT,
    salt         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    erased_at    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, ref),
    UNIQUE (workspace_id, person)
);

-- One Merkle log per workspace: seq counts from 1 without gaps.
CREATE TABLE audit_leaf (
    workspace_id TEXT   NOT NULL,
    seq          BIGINT NOT NULL,
    event_id     TEXT   NOT NULL,
    leaf_hash    TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, seq),
    UNIQUE (event_id)
);

-- Hashes of complete subtrees above the leaves: node n of a level covers the
-- leaves [n<<level, (n+1)<<level).
CREATE TABLE audit_hash (
    workspace_id TEXT   NOT NULL,
    level        BIGINT NOT NULL,
    node         BIGINT NOT NULL,
    hash         TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, level, node)
);

CREATE TABLE audit_checkpoint (
    workspace_id TEXT   NOT NULL,
    size         BIGINT NOT NULL,
    root         TEXT   NOT NULL,
    signed_note  TEXT   NOT NULL,
    sealed_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, size)
);

-- How far the sealer has come: every event at or before (xid, event_id) is sealed.
CREATE TABLE audit_seal (
    id       BIGINT NOT NULL PRIMARY KEY,
    xid      BIGINT NOT NULL,
    event_id TEXT   NOT NULL,
    runs     BIGINT NOT NULL
);
INSERT INTO audit_seal (id, xid, event_id, runs) VALUES (1, 0, '', 0);

-- +goose Down
DROP TABLE audit_seal;
DROP TABLE audit_checkpoint;
DROP TABLE audit_hash;
DROP TABLE audit_leaf;
DROP TABLE audit_subject;
DROP TABLE audit_event;
