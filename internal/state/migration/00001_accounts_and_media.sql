-- One schema for SQLite and PostgreSQL: it uses only types that both have. Times are Unix milliseconds.
-- Columns named sealed_… contain values that internal/secret encrypted for their table, column, account and row.

-- +goose Up
CREATE TABLE account (
    id         TEXT   NOT NULL PRIMARY KEY, -- 12 digits
    created_at BIGINT NOT NULL
);

CREATE TABLE access_key (
    id            TEXT   NOT NULL PRIMARY KEY, -- "AKIA…", 20 characters
    account_id    TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name          TEXT   NOT NULL,             -- of the user, in its ARN
    sealed_secret BYTEA  NOT NULL,
    policies      TEXT   NOT NULL,             -- JSON array of IAM policy documents
    created_at    BIGINT NOT NULL
);

CREATE INDEX access_key_account ON access_key (account_id);

CREATE TABLE business_account (
    id                   TEXT   NOT NULL PRIMARY KEY, -- 32 hexadecimal digits, as in "waba-…" and the ARN
    account_id           TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    meta_id              TEXT   NOT NULL,             -- Meta's WhatsApp Business Account id
    name                 TEXT   NOT NULL,
    marketing_onboarding TEXT   NOT NULL,             -- empty means unknown
    sealed_token         BYTEA  NOT NULL,             -- Meta's access token
    linked_at            BIGINT NOT NULL,
    UNIQUE (account_id, meta_id)
);

CREATE TABLE phone_number (
    id                  TEXT NOT NULL PRIMARY KEY, -- 32 hexadecimal digits, as in "phone-number-id-…" and the ARN
    business_account_id TEXT NOT NULL REFERENCES business_account (id) ON DELETE CASCADE,
    meta_id             TEXT NOT NULL,             -- Meta's phone number id
    display_number      TEXT NOT NULL,             -- "+1 555-078-3881"
    verified_name       TEXT NOT NULL,
    quality_rating      TEXT NOT NULL,
    UNIQUE (business_account_id, meta_id)
);

CREATE TABLE media (
    phone_number_id TEXT   NOT NULL REFERENCES phone_number (id) ON DELETE CASCADE,
    id              TEXT   NOT NULL, -- Meta's media id
    mime_type       TEXT   NOT NULL,
    size            BIGINT NOT NULL, -- bytes
    sha256          TEXT   NOT NULL, -- hexadecimal
    source          TEXT   NOT NULL, -- "s3" or "presigned-url"
    source_name     TEXT   NOT NULL, -- "s3://bucket/key" or a URL without its query
    source_etag     TEXT   NOT NULL, -- empty means none
    access_key_id   TEXT   NOT NULL, -- of the caller who uploaded it
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (phone_number_id, id)
);

CREATE INDEX media_expiry ON media (expires_at);

-- A value that is encrypted with the keyset in use, so that Open detects a wrong keyset.
CREATE TABLE keyset_check (
    id     TEXT  NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);

-- +goose Down
DROP TABLE keyset_check;
DROP TABLE media;
DROP TABLE phone_number;
DROP TABLE business_account;
DROP TABLE access_key;
DROP TABLE account;
