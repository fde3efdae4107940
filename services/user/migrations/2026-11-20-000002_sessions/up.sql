-- One row for each signed-in device: the family of all refresh tokens that descend from one login.
CREATE TABLE sessions (
    session_id   uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    -- No refresh goes past this moment, however busy the session is.
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    ended_reason text        CHECK (ended_reason IN ('signed_out', 'refresh_reused')),
    CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at DESC);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Refresh tokens by hash. A spent one stays until it expires: seeing it again is how theft is noticed.
CREATE TABLE refresh_tokens (
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    session_id uuid        NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at   timestamptz
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, refresh_tokens TO rollcall_user;
