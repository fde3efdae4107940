-- What was done to accounts, by whom and from where. Rows are only added; they outlive what they speak of.
CREATE TABLE audit_events (
    event_id   uuid        PRIMARY KEY,
    -- Whose account; none where somebody tried one that does not exist.
    user_id    uuid,
    kind       text        NOT NULL CHECK (length(kind) <= 64),
    at         timestamptz NOT NULL,
    -- The session or the API token it was done with, or that it is about.
    session_id uuid,
    device     text        NOT NULL CHECK (length(device) <= 200),
    address    text        NOT NULL CHECK (length(address) <= 45)
);
CREATE INDEX audit_events_by_user ON audit_events (user_id, at DESC, event_id DESC);

GRANT SELECT, INSERT ON audit_events TO rollcall_user;
