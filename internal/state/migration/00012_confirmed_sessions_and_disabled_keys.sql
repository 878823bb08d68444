-- Sessions of the console that a link has confirmed lately, and access keys that are disabled.

-- +goose Up
ALTER TABLE console_session ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0; -- when a link was last used for it
ALTER TABLE access_key ADD COLUMN disabled_at BIGINT;                          -- NULL means that it may be used

-- +goose Down
ALTER TABLE access_key DROP COLUMN disabled_at;
ALTER TABLE console_session DROP COLUMN confirmed_at;
