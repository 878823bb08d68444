-- The failures in the journal, which the console lists.

-- +goose Up
CREATE INDEX journal_failed ON journal (seq) WHERE failed;

-- +goose Down
DROP INDEX journal_failed;
