-- +goose Up
-- Reviews and comments (C078 to C082, C123): runtime data, never declared. They hang on
-- the id of an item, so that the next item of the same path does not have them, and are
-- not found while the item lies in the trash.
CREATE TABLE review (
    workspace_id TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    item_id      TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    instructions TEXT   NOT NULL,
    due_at       BIGINT NOT NULL,
    state        TEXT   NOT NULL,
    requested_by TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX review_item ON review (workspace_id, item_id, id);
CREATE INDEX review_requested ON review (workspace_id, requested_by);

-- People are known by address: a reviewer without an account may get one.
CREATE TABLE review_reviewer (
    workspace_id TEXT   NOT NULL,
    review_id    TEXT   NOT NULL,
    email        TEXT   NOT NULL,
    position     BIGINT NOT NULL,
    notified_at  BIGINT NOT NULL,
    viewed_at    BIGINT NOT NULL,
    -- The verdict that counts; all of them are in review_verdict.
    verdict      TEXT   NOT NULL,
    verdict_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, review_id, email)
);
CREATE INDEX review_reviewer_email ON review_reviewer (workspace_id, email, review_id);

CREATE TABLE review_verdict (
    workspace_id TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    review_id    TEXT   NOT NULL,
    email        TEXT   NOT NULL,
    verdict      TEXT   NOT NULL,
    body         TEXT   NOT NULL,
    given_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX review_verdict_review ON review_verdict (workspace_id, review_id, id);
CREATE INDEX review_verdict_email ON review_verdict (workspace_id, email);

CREATE TABLE item_comment (
    workspace_id TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    item_id      TEXT   NOT NULL,
    review_id    TEXT   NOT NULL,
    -- The comment that began the thread; '' for that one itself.
    parent_id    TEXT   NOT NULL,
    author       TEXT   NOT NULL,
    -- What was said: text, timecode, annotation, voice note and mentions, as JSON.
    content      TEXT   NOT NULL,
    -- Of the thread, at its first comment: open, resolved or archived; '' for replies.
    state        TEXT   NOT NULL,
    state_at     BIGINT NOT NULL,
    state_by     TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    edited_at    BIGINT NOT NULL,
    deleted_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX item_comment_item ON item_comment (workspace_id, item_id, id);
CREATE INDEX item_comment_review ON item_comment (workspace_id, review_id, id);
CREATE INDEX item_comment_thread ON item_comment (workspace_id, parent_id, id);
CREATE INDEX item_comment_author ON item_comment (workspace_id, author, id);
CREATE INDEX item_comment_by ON item_comment (workspace_id, state_by) WHERE state_by <> '';
CREATE INDEX item_comment_open ON item_comment (workspace_id, item_id, state, id);

-- +goose Down
DROP TABLE item_comment;
DROP TABLE review_verdict;
DROP TABLE review_reviewer;
DROP TABLE review;
