DROP INDEX CONCURRENTLY mail_deliveries_turns;
