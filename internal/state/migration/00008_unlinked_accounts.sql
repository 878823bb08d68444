-- Business accounts that were unlinked lately, so that unlinking one again succeeds.

-- +goose Up
CREATE TABLE unlinked_account (
    id         TEXT   NOT NULL PRIMARY KEY, -- as in business_account.id
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);

CREATE INDEX unlinked_account_expiry ON unlinked_account (expires_at);

-- +goose Down
DROP TABLE unlinked_account;
