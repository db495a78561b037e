-- Data sources that are paused, and what is remembered of those that were dropped.

CREATE TABLE metadb.source_pause (
    source_name varchar(63) PRIMARY KEY REFERENCES metadb.source ON DELETE CASCADE,
    paused      timestamptz NOT NULL DEFAULT now()
);

-- A source that is created again goes on in the synchronization mode it had.
CREATE TABLE metadb.dropped_source (
    source_name varchar(63) PRIMARY KEY,
    sync        smallint NOT NULL
);

-- When a later event of the record's key was applied: from then on it is no longer the newest.
ALTER TABLE metadb.dead_letter ADD COLUMN closed timestamptz;
CREATE INDEX ON metadb.dead_letter (source_name) WHERE closed IS NULL;
