-- Reuse of media: uploads of the same bytes for the same phone number receive the same media id until it expires.

-- +goose Up
ALTER TABLE account ADD COLUMN reuse BOOLEAN NOT NULL DEFAULT FALSE;          -- whether the account wants it
ALTER TABLE account ADD COLUMN uploads_avoided BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN bytes_avoided BIGINT NOT NULL DEFAULT 0;

-- Files at WhatsApp that several uploads may share: their users. Each content has at most one current file, whose
-- id new users receive. A file that was replaced remains until its last user deletes it or it expires.
CREATE TABLE reuse (
    phone_number_id TEXT    NOT NULL REFERENCES phone_number (id) ON DELETE CASCADE,
    media_id        TEXT    NOT NULL,
    sha256          TEXT    NOT NULL, -- hexadecimal, of the content
    mime_type       TEXT    NOT NULL, -- as sent to WhatsApp
    size            BIGINT  NOT NULL, -- bytes
    users           BIGINT  NOT NULL, -- uploads that received this id and have not deleted it
    is_current      BOOLEAN NOT NULL,
    expires_at      BIGINT  NOT NULL,
    PRIMARY KEY (phone_number_id, media_id)
);

CREATE UNIQUE INDEX reuse_current ON reuse (phone_number_id, sha256, mime_type) WHERE is_current;
CREATE INDEX reuse_size ON reuse (phone_number_id, size);
CREATE INDEX reuse_expiry ON reuse (expires_at);

-- The content of each version of a source, so that it need not be read again.
CREATE TABLE reuse_source (
    phone_number_id TEXT   NOT NULL REFERENCES phone_number (id) ON DELETE CASCADE,
    source_name     TEXT   NOT NULL, -- "s3://bucket/key" or a URL without its query
    etag            TEXT   NOT NULL,
    declared_type   TEXT   NOT NULL, -- the ETag does not depend on it
    sha256          TEXT   NOT NULL,
    mime_type       TEXT   NOT NULL,
    expires_at      BIGINT NOT NULL, -- of the file with this content
    PRIMARY KEY (phone_number_id, source_name, etag, declared_type)
);

CREATE INDEX reuse_source_expiry ON reuse_source (expires_at);

-- +goose Down
DROP TABLE reuse_source;
DROP TABLE reuse;
ALTER TABLE account DROP COLUMN bytes_avoided;
ALTER TABLE account DROP COLUMN uploads_avoided;
ALTER TABLE account DROP COLUMN reuse;
