-- +goose Up
-- How many people have lost what a mapped group gives since when, for the circuit breaker
-- (X15): counting them anew would make a change of one member dearer with every other.
ALTER TABLE scim_group ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE scim_group ADD COLUMN lost_since BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE scim_group DROP COLUMN lost_since;
ALTER TABLE scim_group DROP COLUMN lost;
