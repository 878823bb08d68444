-- Meta's app that template media are uploaded to (Resumable Upload).

-- +goose Up
ALTER TABLE business_account ADD COLUMN app_id TEXT NOT NULL DEFAULT ''; -- empty means unknown

-- +goose Down
ALTER TABLE business_account DROP COLUMN app_id;
