-- Tags of linked business accounts and of their phone numbers.

-- +goose Up
CREATE TABLE tag (
    business_account_id TEXT NOT NULL REFERENCES business_account (id) ON DELETE CASCADE,
    phone_number_id     TEXT NOT NULL, -- as in phone_number.id; empty if it is a tag of the business account itself
    name                TEXT NOT NULL,
    value               TEXT NOT NULL,
    PRIMARY KEY (business_account_id, phone_number_id, name)
);

-- +goose Down
DROP TABLE tag;
