-- The distributed trace to which an event belongs, so that its deliveries are part of it.

-- +goose Up
ALTER TABLE event ADD COLUMN traceparent TEXT NOT NULL DEFAULT ''; -- of the span that has caused it, as in W3C Trace Context; empty means that it is not traced

-- +goose Down
ALTER TABLE event DROP COLUMN traceparent;
