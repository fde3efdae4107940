-- Short links in mails. Whoever opens one has neither an account nor an organisation here: the code alone is the right
-- to it, so the table has no tenant. Neither a code nor where it leads can be read in a dump of the database.
CREATE TABLE short_links (
    code_hash   bytea PRIMARY KEY,
    sealed_path bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX short_links_age ON short_links (expires_at);
GRANT SELECT, INSERT, DELETE ON short_links TO rollcall_notification;
