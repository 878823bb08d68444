-- Verified uploads: WhatsApp's SHA-256 of an upload is compared with that of the bytes that were sent.

-- +goose Up
ALTER TABLE account ADD COLUMN verify_uploads BOOLEAN NOT NULL DEFAULT FALSE; -- whether the account wants it

-- +goose Down
ALTER TABLE account DROP COLUMN verify_uploads;
