-- Text formats as text/plain, and who received the id of a file that is reused, so that each user releases only its own.

-- +goose Up
ALTER TABLE account ADD COLUMN text_as_plain BOOLEAN NOT NULL DEFAULT FALSE; -- whether the account wants it

-- The users of a file in the table reuse. Their ids add up to reuse.users.
CREATE TABLE reuse_user (
    phone_number_id TEXT   NOT NULL,
    media_id        TEXT   NOT NULL,
    access_key_id   TEXT   NOT NULL, -- that received the id; empty for users of an earlier version, which are unknown
    user_name       TEXT   NOT NULL, -- of the access key
    ids             BIGINT NOT NULL, -- uploads of this access key that received the id and have not deleted it
    PRIMARY KEY (phone_number_id, media_id, access_key_id),
    FOREIGN KEY (phone_number_id, media_id) REFERENCES reuse (phone_number_id, media_id) ON DELETE CASCADE
);

INSERT INTO reuse_user (phone_number_id, media_id, access_key_id, user_name, ids)
SELECT phone_number_id, media_id, '', '', users FROM reuse;

-- +goose Down
DROP TABLE reuse_user;
ALTER TABLE account DROP COLUMN text_as_plain;
