-- Temporary access keys, and the end of access keys that were rotated.

-- +goose Up
-- A table of their own: earlier versions, which know no session tokens, would accept a key of access_key without one.
CREATE TABLE temporary_key (
    id            TEXT   NOT NULL PRIMARY KEY, -- "ASIA…", 20 characters
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name          TEXT   NOT NULL,             -- of the user, in its ARN
    sealed_secret BYTEA  NOT NULL,
    token_hash    BYTEA  NOT NULL,             -- SHA-256 of its session token
    policies      TEXT   NOT NULL,             -- JSON array of IAM policy documents
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    disabled_at   BIGINT,                      -- NULL means that it may be used
    used_at       BIGINT                       -- to within a minute; NULL means that it was not
);

CREATE INDEX temporary_key_account ON temporary_key (account_id);
CREATE INDEX temporary_key_expiry ON temporary_key (expires_at);

-- Once it has passed, disabled_at is set to it, so that earlier versions refuse the key, too.
ALTER TABLE access_key ADD COLUMN expires_at BIGINT; -- NULL means that it has no end

CREATE INDEX access_key_expiry ON access_key (expires_at);

-- +goose Down
DROP INDEX access_key_expiry;
ALTER TABLE access_key DROP COLUMN expires_at;
DROP TABLE temporary_key;
