-- The changes of administrators in the journal, which the console lists.

-- +goose Up
CREATE INDEX journal_admin ON journal (seq) WHERE kind = 'admin';

-- +goose Down
DROP INDEX journal_admin;
