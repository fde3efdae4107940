-- Tokens for scripts and devices, by hash. A revoked one stays, so that its owner sees what there was.
CREATE TABLE api_tokens (
    api_token_id uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    scopes       jsonb       NOT NULL,
    token_hash   bytea       NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id, created_at DESC, api_token_id DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON api_tokens TO rollcall_user;
