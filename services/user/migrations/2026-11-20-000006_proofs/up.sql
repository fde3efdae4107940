-- Tokens that let somebody choose a new password, by hash.
CREATE TABLE password_resets (
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id    uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX password_resets_by_user ON password_resets (user_id);
CREATE INDEX password_resets_by_expiry ON password_resets (expires_at);

-- The second factor of a user.
CREATE TABLE totp_factors (
    user_id       uuid        PRIMARY KEY REFERENCES users (user_id) ON DELETE CASCADE,
    -- 20 bytes, sealed with AES-256-GCM under the key of the credential file.
    sealed_secret bytea       NOT NULL,
    created_at    timestamptz NOT NULL,
    -- Asked for at sign-in from here on.
    confirmed_at  timestamptz,
    -- Time step (RFC 6238) of the last code that was taken: it and those before are never taken again.
    last_step     bigint      NOT NULL DEFAULT 0
);

-- Codes that stand in for the second factor once each, by hash. They have 125 random bits, so a fast hash will do.
CREATE TABLE recovery_codes (
    user_id   uuid        NOT NULL REFERENCES totp_factors (user_id) ON DELETE CASCADE,
    code_hash bytea       NOT NULL CHECK (octet_length(code_hash) = 32),
    used_at   timestamptz,
    PRIMARY KEY (user_id, code_hash)
);

-- Sign-ins that have a right password and wait for the second factor, by hash.
CREATE TABLE mfa_challenges (
    challenge_hash bytea       PRIMARY KEY CHECK (octet_length(challenge_hash) = 32),
    user_id        uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    expires_at     timestamptz NOT NULL,
    attempts       integer     NOT NULL DEFAULT 0
);
CREATE INDEX mfa_challenges_by_user ON mfa_challenges (user_id);
CREATE INDEX mfa_challenges_by_expiry ON mfa_challenges (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON password_resets, totp_factors, recovery_codes, mfa_challenges TO rollcall_user;
