-- +goose Up
-- Security event tokens on their way to receivers (RFC 8417, RFC 8935), one row for each
-- event and receiver. What a token says is sealed, and gone as soon as it has arrived or
-- is given up. Within a receiver, seq is the order of the audit log.
CREATE TABLE security_event (
    workspace_id    TEXT   NOT NULL,
    id              TEXT   NOT NULL, -- the jti
    receiver_id     TEXT   NOT NULL,
    seq             BIGINT NOT NULL,
    event           TEXT   NOT NULL, -- session_revoked, user_created, …
    subject         TEXT   NOT NULL, -- id of the member
    event_id        TEXT   NOT NULL, -- of the audit log
    state           TEXT   NOT NULL, -- queued, sent or failed
    sealed          TEXT   NOT NULL,
    attempts        BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL, -- 0, or later than that of the receiver
    error           TEXT   NOT NULL,
    occurred_at     BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX security_event_queue ON security_event (workspace_id, receiver_id, seq) WHERE state = 'queued';
-- What waits for longer than its receiver does, and what is behind it.
CREATE INDEX security_event_held ON security_event (workspace_id, receiver_id, subject, seq) WHERE state = 'queued' AND next_attempt_at > 0;
CREATE INDEX security_event_list ON security_event (workspace_id, receiver_id, id);
CREATE INDEX security_event_finished ON security_event (finished_at, id) WHERE state <> 'queued';

-- How deliveries to a receiver go. While one worker delivers, next_attempt_at is the time
-- when another one may.
CREATE TABLE event_receiver_state (
    workspace_id    TEXT   NOT NULL,
    receiver_id     TEXT   NOT NULL,
    algorithm       TEXT   NOT NULL, -- of the keys that it needs
    next_attempt_at BIGINT NOT NULL,
    lease           TEXT   NOT NULL,
    failures        BIGINT NOT NULL, -- in a row
    failing_since   BIGINT NOT NULL,
    last_success_at BIGINT NOT NULL,
    last_error      TEXT   NOT NULL,
    last_error_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, receiver_id)
);
CREATE INDEX event_receiver_state_due ON event_receiver_state (next_attempt_at);

-- The keys that tokens of a workspace are signed with.
CREATE TABLE security_event_key (
    workspace_id TEXT   NOT NULL,
    kid          TEXT   NOT NULL,
    algorithm    TEXT   NOT NULL, -- RS256 or ES256
    sealed       TEXT   NOT NULL, -- private key, PKCS #8
    public       TEXT   NOT NULL, -- JSON Web Key
    created_at   BIGINT NOT NULL,
    active_from  BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL, -- 0 for the newest of its algorithm
    PRIMARY KEY (workspace_id, kid)
);
CREATE UNIQUE INDEX security_event_key_newest ON security_event_key (workspace_id, algorithm) WHERE expires_at = 0;
CREATE INDEX security_event_key_use ON security_event_key (workspace_id, algorithm, active_from);
CREATE INDEX security_event_key_end ON security_event_key (expires_at) WHERE expires_at <> 0;

-- +goose Down
DROP TABLE security_event_key;
DROP TABLE event_receiver_state;
DROP TABLE security_event;
