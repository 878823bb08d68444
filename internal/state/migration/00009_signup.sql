-- Sign-ups that are not finished, and which phone numbers are not registered at Meta.

-- +goose Up
ALTER TABLE phone_number ADD COLUMN unregistered BOOLEAN NOT NULL DEFAULT FALSE; -- for the Cloud API, as Meta said last
ALTER TABLE phone_number ADD COLUMN region TEXT NOT NULL DEFAULT '';             -- country in which Meta keeps its data; empty means unknown

-- Sign-ups whose accounts are not linked yet.
CREATE TABLE signup (
    id         TEXT   NOT NULL PRIMARY KEY, -- SHA-256 of the token that finishes it, in hexadecimal
    account_id TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    sealed     BYTEA  NOT NULL,             -- Meta's access token, and the accounts that it may manage
    expires_at BIGINT NOT NULL
);

CREATE INDEX signup_expiry ON signup (expires_at);
CREATE INDEX signup_account ON signup (account_id);

-- +goose Down
DROP TABLE signup;
ALTER TABLE phone_number DROP COLUMN region;
ALTER TABLE phone_number DROP COLUMN unregistered;
