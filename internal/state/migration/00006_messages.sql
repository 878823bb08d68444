-- Messages to send, events to deliver, and the outbox that does both (internal/outbox).

-- +goose Up
ALTER TABLE account ADD COLUMN link_to_id BOOLEAN NOT NULL DEFAULT FALSE;  -- media that a message links to is uploaded and sent by id
ALTER TABLE account ADD COLUMN archive_bucket TEXT NOT NULL DEFAULT '';    -- of inbound media; empty means that they are not stored
ALTER TABLE account ADD COLUMN archive_prefix TEXT NOT NULL DEFAULT '';    -- of the keys in this bucket

-- What is delivered: a message to Meta, or an event to its destinations.
CREATE TABLE event (
    id                  TEXT   NOT NULL PRIMARY KEY, -- a UUID, the same on every attempt; of a message: as SendWhatsAppMessage returned it
    account_id          TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    business_account_id TEXT   NOT NULL, -- as in business_account.id
    phone_number_id     TEXT   NOT NULL, -- as in phone_number.id; empty if it concerns no phone number
    kind                TEXT   NOT NULL, -- "message" or "event"
    name                TEXT   NOT NULL, -- "status.delivered", "message.image", or the field of Meta's webhook; of a message: its type
    conversation        TEXT   NOT NULL, -- what is kept in order: the phone number and the user, or the business account and the field
    message_id          TEXT   NOT NULL, -- of the message in the table message that an event is about; empty if unknown or none
    wamid               TEXT   NOT NULL, -- Meta's id of the message that an event is about; empty means none
    body                BYTEA  NOT NULL, -- of an event: AWS's envelope; of a message: Meta's JSON, as the caller sent it
    created_at          BIGINT NOT NULL,
    ready_at            BIGINT           -- when it was complete; NULL while it is prepared (internal/state/prepare.go)
);

CREATE INDEX event_listed ON event (account_id, COALESCE(ready_at, created_at), id);
CREATE INDEX event_age ON event (created_at, id);
CREATE INDEX event_message ON event (message_id) WHERE message_id <> '';
CREATE INDEX event_wamid ON event (wamid) WHERE wamid <> '';

-- A lane keeps the deliveries of one conversation to one destination in order. It is worked by one process at a time.
CREATE TABLE lane (
    id          TEXT   NOT NULL PRIMARY KEY, -- destination and conversation
    destination TEXT   NOT NULL,
    tail        BIGINT NOT NULL, -- number of the last delivery that was put in
    head        BIGINT NOT NULL, -- number of the last delivery that has ended
    due_at      BIGINT,          -- when it is to be worked; while it is held, when the lease ends; NULL means that nothing waits
    owner       TEXT   NOT NULL, -- the process that holds it; empty means none
    claim       BIGINT NOT NULL, -- grows each time that it is taken
    failures    BIGINT NOT NULL, -- since the last success
    not_before  BIGINT NOT NULL, -- until when the destination asked to wait; 0 means that it did not
    released_at BIGINT NOT NULL  -- when its destination was released after it was held; 0 means never
);

CREATE INDEX lane_due ON lane (destination, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE delivery (
    lane_id      TEXT   NOT NULL REFERENCES lane (id) ON DELETE CASCADE,
    seq          BIGINT NOT NULL,
    event_id     TEXT   NOT NULL REFERENCES event (id) ON DELETE CASCADE,
    state        TEXT   NOT NULL, -- waiting, delivered, dead, cancelled or replayed
    attempts     BIGINT NOT NULL,
    error        TEXT   NOT NULL, -- of the last attempt; empty means none
    created_at   BIGINT NOT NULL,
    attempted_at BIGINT NOT NULL, -- of the last attempt that ended; 0 means none
    begun_at     BIGINT,          -- of an attempt whose end is not recorded
    ended_at     BIGINT,
    PRIMARY KEY (lane_id, seq)
);

CREATE INDEX delivery_open ON delivery (lane_id, seq) WHERE state IN ('waiting', 'dead');
CREATE INDEX delivery_event ON delivery (event_id);
CREATE INDEX delivery_ended ON delivery (state, ended_at) WHERE ended_at IS NOT NULL;

-- Destinations that have had deliveries. All deliveries of a destination are of one account. Rows are kept: there are few.
CREATE TABLE destination (
    id         TEXT NOT NULL PRIMARY KEY, -- as in lane.destination, without spaces; the ids of its lanes begin with it and a space
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE
);

CREATE INDEX destination_account ON destination (account_id, id);

-- Destinations whose deliveries wait, because an operator or the destination itself asked for it.
CREATE TABLE held_destination (
    destination TEXT   NOT NULL PRIMARY KEY,
    reason      TEXT   NOT NULL,
    held_at     BIGINT NOT NULL
);

-- The state of messages. Their content is in event.
CREATE TABLE message (
    id              TEXT   NOT NULL PRIMARY KEY REFERENCES event (id) ON DELETE CASCADE,
    phone_number_id TEXT   NOT NULL REFERENCES phone_number (id) ON DELETE CASCADE,
    recipient       TEXT   NOT NULL, -- digits of the number, a business-scoped user id, or a group's id; empty for a read receipt
    api_version     TEXT   NOT NULL, -- of Meta's API, as the caller named it
    access_key_id   TEXT   NOT NULL, -- of the caller
    request_id      TEXT   NOT NULL, -- of the call
    sdk_call        TEXT,            -- what all attempts of one SDK call have in common; NULL if the SDK did not mark them
    status          TEXT   NOT NULL, -- queued, accepted, sent, delivered, read, failed or unknown
    wamid           TEXT   NOT NULL, -- Meta's id; empty until Meta has accepted the message
    error           TEXT   NOT NULL, -- why it failed, or why the outcome is unknown; empty means that it did not
    updated_at      BIGINT NOT NULL
);

CREATE UNIQUE INDEX message_sdk_call ON message (sdk_call) WHERE sdk_call IS NOT NULL;
CREATE INDEX message_wamid ON message (wamid) WHERE wamid <> '';
CREATE INDEX message_phone_number ON message (phone_number_id);
CREATE INDEX message_unsettled ON message (phone_number_id, recipient) WHERE status IN ('queued', 'unknown');

CREATE INDEX media_id ON media (id); -- whether another phone number has uploaded the file that a message names

-- Updates that Meta's webhooks have delivered, so that a repetition is recognised.
CREATE TABLE received (
    id          TEXT   NOT NULL PRIMARY KEY, -- digest of what identifies the update
    received_at BIGINT NOT NULL
);

CREATE INDEX received_age ON received (received_at);

-- Updates of Meta's webhooks that were refused, because nobody has linked what they are about.
CREATE TABLE unlinked (
    business_account TEXT   NOT NULL, -- Meta's id
    phone_number     TEXT   NOT NULL, -- Meta's id, or "+" and digits if only the number is known; empty if the business account is not linked either
    app_id           TEXT   NOT NULL, -- Meta's id of the app that signed, if the account is linked with other apps only; else empty
    updates          BIGINT NOT NULL,
    first_at         BIGINT NOT NULL,
    last_at          BIGINT NOT NULL,
    PRIMARY KEY (business_account, phone_number, app_id)
);

-- Which business accounts have an id of Meta's: several accounts may have linked the same one.
CREATE INDEX business_account_meta_id ON business_account (meta_id);

-- Where the events of a business account go.
CREATE TABLE event_destination (
    business_account_id TEXT   NOT NULL REFERENCES business_account (id) ON DELETE CASCADE,
    arn                 TEXT   NOT NULL,
    role_arn            TEXT   NOT NULL, -- empty means none
    created_at          BIGINT NOT NULL,
    PRIMARY KEY (business_account_id, arn)
);

-- How much of a rate limit at Meta all processes together have used.
CREATE TABLE rate (
    id            TEXT   NOT NULL PRIMARY KEY, -- a business account, a phone number, or a phone number and a recipient
    used_until    BIGINT NOT NULL,             -- Unix microseconds: when everything that was taken will have been paid for
    blocked_until BIGINT NOT NULL,             -- Unix microseconds: until when nothing is sent; 0 means that Meta has not refused anything
    refusals      BIGINT NOT NULL              -- by Meta in a row, since the first one after a time without
);

CREATE INDEX rate_age ON rate (used_until);

-- Files that messages link to, which a phone number has at WhatsApp.
CREATE TABLE link (
    phone_number_id TEXT   NOT NULL REFERENCES phone_number (id) ON DELETE CASCADE,
    url             TEXT   NOT NULL, -- SHA-256 of the URL, in hexadecimal
    kind            TEXT   NOT NULL, -- of the message: "image" and so on
    media_id        TEXT   NOT NULL,
    expires_at      BIGINT NOT NULL, -- when the URL is read again
    PRIMARY KEY (phone_number_id, url, kind)
);

CREATE INDEX link_age ON link (expires_at);

-- +goose Down
DROP TABLE link;
DROP INDEX media_id;
DROP TABLE rate;
DROP TABLE event_destination;
DROP INDEX business_account_meta_id;
DROP TABLE unlinked;
DROP TABLE received;
DROP TABLE message;
DROP TABLE held_destination;
DROP TABLE destination;
DROP TABLE delivery;
DROP TABLE lane;
DROP TABLE event;
ALTER TABLE account DROP COLUMN archive_prefix;
ALTER TABLE account DROP COLUMN archive_bucket;
ALTER TABLE account DROP COLUMN link_to_id;
