-- Invitations of an organisation by when they were made: the list, newest first, and how many there were of late.
-- Not in a transaction, because a service invites meanwhile.
CREATE INDEX CONCURRENTLY invitations_made ON invitations (org_id, created_at, invitation_id);
