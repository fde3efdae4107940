DROP INDEX CONCURRENTLY invitations_made;
