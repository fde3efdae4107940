-- Each organisation's mail is a queue of its own. Not in a transaction, because a service owes mail meanwhile.
CREATE INDEX CONCURRENTLY mail_deliveries_turns ON mail_deliveries (turn_of, next_attempt_at, delivery_id)
    WHERE state = 'queued';
