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
