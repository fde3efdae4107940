-- When this database was put back to a backup, and up to when the one that it replaced had worked: what events before
-- that say may have been mailed already. A row each time, for ever: they are few.
CREATE TABLE restores (
    restored_at timestamptz PRIMARY KEY,
    lost_at     timestamptz NOT NULL
);
GRANT SELECT ON restores TO rollcall_notification;
