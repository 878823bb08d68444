-- Who is logged in to the console.

-- +goose Up
-- Links that log in once.
CREATE TABLE console_login (
    id         TEXT   NOT NULL PRIMARY KEY, -- SHA-256 of the token in the link, in hexadecimal
    name       TEXT   NOT NULL,             -- of the person, for the record of what was done
    role       TEXT   NOT NULL,             -- viewer, operator or admin
    expires_at BIGINT NOT NULL
);

CREATE INDEX console_login_expiry ON console_login (expires_at);

CREATE TABLE console_session (
    id         TEXT   NOT NULL PRIMARY KEY, -- SHA-256 of the cookie, in hexadecimal
    name       TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,             -- of the last request, to within a minute
    expires_at BIGINT NOT NULL
);

CREATE INDEX console_session_expiry ON console_session (expires_at);

-- +goose Down
DROP TABLE console_session;
DROP TABLE console_login;
