-- Which keys running servers hold, and which keys seal no more, for 'ferry keyset rotate'.

-- +goose Up
CREATE TABLE server (
    id         TEXT   NOT NULL PRIMARY KEY, -- random, of one start of a process
    name       TEXT   NOT NULL,             -- host and process, for people
    key_ids    TEXT   NOT NULL,             -- of the keyset that it has read, separated by spaces
    seals_with BIGINT NOT NULL,             -- id of the primary key of that keyset
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL              -- when it was there last
);

CREATE TABLE retired_key (
    key_id     BIGINT NOT NULL PRIMARY KEY, -- no row is sealed with it from now on
    retired_at BIGINT NOT NULL,
    removed_at BIGINT                       -- when the last server had read a keyset without it; NULL means that it is not known
);

-- +goose Down
DROP TABLE retired_key;
DROP TABLE server;
