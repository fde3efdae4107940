-- Who can sign in. A person belongs to no organisation here, so no row-level security by tenant applies.
CREATE TABLE users (
    user_id       uuid        PRIMARY KEY,
    email         text        NOT NULL CHECK (length(email) <= 254),
    -- `email` in lower case: two people never differ by case only. The service computes it, so that uniqueness
    -- does not depend on the collation of the database.
    email_key     text        NOT NULL CONSTRAINT users_email_unique UNIQUE,
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    locale        text        NOT NULL CHECK (length(locale) <= 35),
    time_zone     text        NOT NULL CHECK (length(time_zone) <= 64),
    -- PHC string of argon2id with its own salt and costs.
    password_hash text        NOT NULL,
    -- SHA-256 of the Idempotency-Key that the account was made with.
    sign_up_key   bytea       CONSTRAINT users_sign_up_key_unique UNIQUE CHECK (octet_length(sign_up_key) = 32),
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON users TO rollcall_user;
