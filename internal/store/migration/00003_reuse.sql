-- Reuse of media: the same bytes for the same phone number give the same media id while it lives.

-- +goose Up
ALTER TABLE account ADD COLUMN reuse BOOLEAN NOT NULL DEFAULT FALSE;          -- whether the account wants it
ALTER TABLE account ADD COLUMN uploads_avoided BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN bytes_avoided BIGINT NOT NULL DEFAULT 0;

CREATE TABLE reuse (
    phone_number_id TEXT   NOT NULL REFERENCES phone_number (id) ON DELETE CASCADE,
    sha256          TEXT   NOT NULL, -- hexadecimal, of the content
    mime_type       TEXT   NOT NULL, -- as sent to WhatsApp
    media_id        TEXT   NOT NULL,
    size            BIGINT NOT NULL, -- bytes
    users           BIGINT NOT NULL, -- uploads that got this id and did not delete it
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (phone_number_id, sha256, mime_type)
);

CREATE UNIQUE INDEX reuse_media ON reuse (phone_number_id, media_id);

-- Which content a source had, so that it need not be read to be known.
CREATE TABLE reuse_source (
    phone_number_id TEXT NOT NULL,
    source_name     TEXT NOT NULL, -- "s3://bucket/key" or a URL without its query
    etag            TEXT NOT NULL,
    declared_type   TEXT NOT NULL, -- an ETag does not cover it
    sha256          TEXT NOT NULL,
    mime_type       TEXT NOT NULL,
    PRIMARY KEY (phone_number_id, source_name, etag, declared_type),
    FOREIGN KEY (phone_number_id, sha256, mime_type) REFERENCES reuse (phone_number_id, sha256, mime_type) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE reuse_source;
DROP TABLE reuse;
ALTER TABLE account DROP COLUMN bytes_avoided;
ALTER TABLE account DROP COLUMN uploads_avoided;
ALTER TABLE account DROP COLUMN reuse;
