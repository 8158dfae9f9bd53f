-- +goose Up
-- What leaves the house by itself: mail and messages to channels. A row is written
-- with the change that causes it and tried until it has arrived or is given up; what
-- it says is sealed, and gone as soon as nothing is left to do.
CREATE TABLE delivery (
    workspace_id    TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    route           TEXT   NOT NULL,
    -- The member that it is for, '' for others: nothing reaches who is suspended.
    member_id       TEXT   NOT NULL,
    state           TEXT   NOT NULL, -- queued, sent or failed
    sealed          TEXT   NOT NULL,
    attempts        BIGINT NOT NULL,
    -- While one worker tries, the time when another one may.
    next_attempt_at BIGINT NOT NULL,
    lease           TEXT   NOT NULL,
    -- After this time it is of no use any more; 0 for no such time.
    until           BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX delivery_due ON delivery (route, next_attempt_at, id) WHERE state = 'queued';
CREATE INDEX delivery_finished ON delivery (finished_at, id) WHERE state <> 'queued';
CREATE INDEX delivery_member ON delivery (workspace_id, member_id);

-- The inbox of each member (C083, C084). What a notification says is rendered from
-- its audit event when it is read, so that erasing a person reaches it too.
CREATE TABLE notification (
    workspace_id TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    member_id    TEXT   NOT NULL,
    event_id     TEXT   NOT NULL,
    event        TEXT   NOT NULL, -- link_viewed, mention, …
    item         TEXT   NOT NULL, -- path, '' when it concerns no item
    muted        BIGINT NOT NULL,
    occurred_at  BIGINT NOT NULL,
    read_at      BIGINT NOT NULL,
    digest       BIGINT NOT NULL, -- 1 while it waits for the digest
    PRIMARY KEY (workspace_id, id)
);
-- Nobody is told of one event twice, however often it is read from the log.
CREATE UNIQUE INDEX notification_once ON notification (workspace_id, event_id, member_id);
CREATE INDEX notification_inbox ON notification (workspace_id, member_id, id);
CREATE INDEX notification_unread ON notification (workspace_id, member_id, id) WHERE read_at = 0;
CREATE INDEX notification_digest ON notification (workspace_id, member_id, id) WHERE digest = 1;
CREATE INDEX notification_age ON notification (occurred_at, id);

-- How far the audit log of a workspace was read, by whom: notices here.
CREATE TABLE log_cursor (
    workspace_id TEXT   NOT NULL,
    reader       TEXT   NOT NULL,
    seq          BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, reader)
);

CREATE TABLE notification_preference (
    workspace_id TEXT   NOT NULL,
    member_id    TEXT   NOT NULL,
    doc          TEXT   NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, member_id)
);

-- The last day that a member was sent a digest for, as 2006-01-02.
CREATE TABLE notice_digest (
    workspace_id TEXT   NOT NULL,
    member_id    TEXT   NOT NULL,
    day          TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, member_id)
);

-- What people are told of once: the end of a link, the first look of a visitor. The
-- part that names a person is a keyed hash.
CREATE TABLE notice_once (
    workspace_id TEXT   NOT NULL,
    what         TEXT   NOT NULL,
    told_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, what)
);
CREATE INDEX notice_once_age ON notice_once (told_at);

-- +goose Down
DROP TABLE notice_once;
DROP TABLE notice_digest;
DROP TABLE notification_preference;
DROP TABLE log_cursor;
DROP TABLE notification;
DROP TABLE delivery;
