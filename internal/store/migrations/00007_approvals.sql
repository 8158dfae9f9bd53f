-- +goose Up
-- A share that waits for approval gives nothing yet (C055).
ALTER TABLE access_grant ADD COLUMN state TEXT NOT NULL DEFAULT 'active';

-- Requests for approval: runtime objects, not declared ones.
CREATE TABLE approval_request (
    workspace_id TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    -- What is asked for: the declared object that waits, or '' until there is one.
    object_kind  TEXT   NOT NULL,
    object_id    TEXT   NOT NULL,
    requester    TEXT   NOT NULL,
    doc          TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    closed_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
-- One open request for an object at any time.
CREATE UNIQUE INDEX approval_request_object ON approval_request (workspace_id, object_kind, object_id) WHERE state = 'pending';
CREATE INDEX approval_request_state ON approval_request (workspace_id, state, id);
CREATE INDEX approval_request_requester ON approval_request (workspace_id, requester, id);
CREATE INDEX approval_request_expiry ON approval_request (state, expires_at);

-- Who decided, and how. A person decides once; later words replace earlier ones.
CREATE TABLE approval_decision (
    workspace_id TEXT   NOT NULL,
    request_id   TEXT   NOT NULL,
    approver     TEXT   NOT NULL,
    verdict      TEXT   NOT NULL,
    comment      TEXT   NOT NULL,
    decided_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, request_id, approver)
);
CREATE INDEX approval_decision_approver ON approval_decision (workspace_id, approver);

-- The links of invitations: hashes alone, and only the newest one counts.
CREATE TABLE invitation_token (
    hash          TEXT   PRIMARY KEY,
    workspace_id  TEXT   NOT NULL,
    invitation_id TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    -- How it ended: '' while it is good, else used, declined, replaced or revoked.
    ended         TEXT   NOT NULL
);
CREATE INDEX invitation_token_end ON invitation_token (expires_at);
CREATE INDEX invitation_token_invitation ON invitation_token (workspace_id, invitation_id, created_at);

-- +goose Down
DROP TABLE invitation_token;
DROP TABLE approval_decision;
DROP TABLE approval_request;
ALTER TABLE access_grant DROP COLUMN state;
