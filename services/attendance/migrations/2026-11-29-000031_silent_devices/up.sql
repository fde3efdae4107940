-- When a device was heard of last before it fell silent; NULL: it is heard of, or was not silent for long yet.
ALTER TABLE devices ADD COLUMN silent_since timestamptz;

-- Of each site whose devices had not reported when its organisation was looked at last, until when they had. looked_at is
-- when it was looked at, and no silent device holds it back any more.
ALTER TABLE missing_punch_looks ADD COLUMN known_until jsonb NOT NULL DEFAULT '{}';
