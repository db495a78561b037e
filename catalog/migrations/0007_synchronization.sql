-- Snapshots of data sources: how far they are, which signal ended them, and what they confirmed.

-- One row a source. A generation is one snapshot of all its tables: the initial one, then one for
-- each SYNC DATA SOURCE. Not children of metadb.source, as the synchronization mode outlives it too.
CREATE TABLE metadb.synchronization (
    source_name varchar(63) PRIMARY KEY,
    generation  bigint NOT NULL DEFAULT 1,
    began       timestamptz NOT NULL DEFAULT now(),
    signal      text,        -- what said that the snapshot is complete; NULL: it is not
    complete    timestamptz  -- since when all of it is applied
);
INSERT INTO metadb.synchronization (source_name) SELECT name FROM metadb.source;

-- What a generation has from one server (source.name of its events).
CREATE TABLE metadb.snapshot_server (
    source_name  varchar(63) NOT NULL,
    server_name  text NOT NULL,
    first_time   timestamptz,  -- the earliest source time of its rows: the snapshot's own
    first_record timestamptz,  -- the earliest time of their records in Kafka
    is_initial   boolean NOT NULL DEFAULT false, -- rows came that are no incremental snapshot's
    -- Before its rows: the earliest source time of changes that were read in this generation.
    first_change timestamptz,
    signal       text,         -- what said that it has sent all; NULL: nothing yet
    PRIMARY KEY (source_name, server_name)
);

-- What a generation has of one source table.
CREATE TABLE metadb.snapshot_table (
    source_name   varchar(63) NOT NULL,
    source_db     text NOT NULL,
    source_schema text NOT NULL,
    source_table  text NOT NULL,
    server_name   text NOT NULL,
    row_count     bigint NOT NULL DEFAULT 0,      -- read so far
    byte_count    bigint NOT NULL DEFAULT 0,      -- of their records
    expected      bigint,                         -- rows, as a notification or the last generation tells
    is_scanned    boolean NOT NULL DEFAULT false, -- a notification says that it was sent to its end
    problem       text,                           -- what a notification says that went wrong
    -- Which snapshot its newest rows are of (its transaction and LSN in the source, hashed), when
    -- the first of them came in Kafka, and how often it was begun anew in this generation.
    begin_id      bigint,
    begin_record  timestamptz,
    begin_time    timestamptz, -- their source time
    begun_anew    integer NOT NULL DEFAULT 0,
    PRIMARY KEY (source_name, source_db, source_schema, source_table)
);

-- Where the newest snapshot in a partition begins, if one was seen since the last ENDSYNC, and
-- whether a streaming event was applied behind it.
ALTER TABLE metadb.ingest_position
    ADD COLUMN snapshot_begin bigint,
    ADD COLUMN has_streamed_since boolean NOT NULL DEFAULT false,
    -- Rows of that snapshot were read before SYNC, unmarked, and cannot be read again.
    ADD COLUMN is_unmarked boolean NOT NULL DEFAULT false,
    -- Its topic stands as `needs resync`, for this reason.
    ADD COLUMN needs_resync text;
