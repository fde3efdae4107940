ALTER TABLE missing_punch_looks DROP COLUMN known_until;
ALTER TABLE devices DROP COLUMN silent_since;
