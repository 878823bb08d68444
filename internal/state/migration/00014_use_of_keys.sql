-- When an access key was last used.

-- +goose Up
ALTER TABLE access_key ADD COLUMN used_at BIGINT; -- to within a minute; NULL means that it was not since this column exists

-- +goose Down
ALTER TABLE access_key DROP COLUMN used_at;
