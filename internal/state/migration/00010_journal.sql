-- What happened (internal/journal).

-- +goose Up
CREATE TABLE journal (
    seq        BIGINT  NOT NULL PRIMARY KEY, -- from journal_tail
    at         BIGINT  NOT NULL,             -- when it began
    kind       TEXT    NOT NULL,             -- as activity.Kind
    account_id TEXT    NOT NULL,             -- 12 digits; empty if it is not known
    failed     BOOLEAN NOT NULL,
    trace      TEXT,                         -- this and the next ones: what an entry is found by; NULL means none
    meta_trace TEXT,
    media_id   TEXT,
    message_id TEXT,
    wamid      TEXT,
    event_id   TEXT,
    person     TEXT,
    object     TEXT,
    content    BYTEA   NOT NULL              -- JSON, without payloads
);

CREATE INDEX journal_account ON journal (account_id, seq);
CREATE INDEX journal_trace ON journal (trace) WHERE trace IS NOT NULL;
CREATE INDEX journal_meta_trace ON journal (meta_trace) WHERE meta_trace IS NOT NULL;
CREATE INDEX journal_media_id ON journal (media_id) WHERE media_id IS NOT NULL;
CREATE INDEX journal_message_id ON journal (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX journal_wamid ON journal (wamid) WHERE wamid IS NOT NULL;
CREATE INDEX journal_event_id ON journal (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX journal_person ON journal (person) WHERE person IS NOT NULL;
CREATE INDEX journal_object ON journal (object) WHERE object IS NOT NULL;

-- The number of the last entry, in one row, which the first entry makes. Whoever adds entries locks it until the commit, so that they can be read in
-- the order of their numbers.
CREATE TABLE journal_tail (
    id  TEXT   NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- +goose Down
DROP TABLE journal_tail;
DROP TABLE journal;
