-- Sessions and users whose access tokens are refused although they have not expired. A row is kept until the last
-- token it speaks of has; it holds no tenant's data.
CREATE TABLE revocations (
    kind text NOT NULL CHECK (kind IN ('session', 'user')),
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    revoked_at timestamptz NOT NULL,
    -- Forgotten after this.
    until timestamptz NOT NULL,
    -- When this service heard of it: other instances read what is new since they last looked.
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX revocations_news ON revocations (noted_at);
CREATE INDEX revocations_age ON revocations (until);

DO $$
DECLARE
    service text := regexp_replace(current_user, '_owner$', '');
BEGIN
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON revocations TO %I', service);
END $$;
