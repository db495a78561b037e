-- The system tables. The first group has the names and columns of Metadb 1.4; ours stand beside them.

CREATE TABLE metadb.base_table (
    schema_name        varchar(63) NOT NULL,
    table_name         varchar(63) NOT NULL,
    source_name        varchar(63) NOT NULL,
    transformed        boolean NOT NULL,
    parent_schema_name varchar(63) NOT NULL,
    parent_table_name  varchar(63) NOT NULL,
    PRIMARY KEY (schema_name, table_name)
);

CREATE TABLE metadb.log (
    log_time       timestamptz(3) NOT NULL,
    error_severity text NOT NULL,
    message        text NOT NULL
) PARTITION BY RANGE (log_time);
CREATE INDEX ON metadb.log (log_time);

CREATE TABLE metadb.table_update (
    schema_name       varchar(63) NOT NULL,
    table_name        varchar(63) NOT NULL,
    last_update       timestamptz NOT NULL,
    elapsed_real_time real,
    PRIMARY KEY (schema_name, table_name)
);

CREATE TABLE metadb.source (
    name               varchar(63) PRIMARY KEY,
    enable             boolean NOT NULL,
    brokers            text NOT NULL,
    security           text NOT NULL,
    topics             text NOT NULL,
    consumer_group     text NOT NULL,
    schema_pass_filter text NOT NULL,
    schema_stop_filter text NOT NULL,
    table_stop_filter  text NOT NULL,
    trim_schema_prefix text NOT NULL,
    add_schema_prefix  text NOT NULL,
    map_public_schema  text NOT NULL,
    module             text NOT NULL,
    sync               smallint NOT NULL
);

CREATE TABLE metadb.origin (name varchar(63) PRIMARY KEY);

CREATE TABLE metadb.transform_json (
    schema_name varchar(63) NOT NULL,
    table_name  varchar(63) NOT NULL,
    column_name varchar(63) NOT NULL,
    path        text NOT NULL,
    map         varchar(16) NOT NULL,
    PRIMARY KEY (schema_name, table_name, column_name, path),
    UNIQUE (schema_name, table_name, column_name, map)
);

CREATE TABLE metadb.acl (
    schema_name text NOT NULL,
    object_name text NOT NULL,
    object_type char(1) NOT NULL,
    privilege   text NOT NULL,
    user_name   text NOT NULL,
    PRIMARY KEY (schema_name, object_name, object_type, privilege, user_name)
);

CREATE TABLE metadb.auth (
    username varchar(63) PRIMARY KEY,
    comment  text NOT NULL DEFAULT ''
);

CREATE TABLE metadb.config (
    parameter text PRIMARY KEY,
    value     text NOT NULL
);

CREATE TABLE metadb.maintenance (next_maintenance_time timestamptz);

-- Ours.

CREATE TABLE metadb.installation (id uuid NOT NULL DEFAULT gen_random_uuid());
INSERT INTO metadb.installation DEFAULT VALUES;

CREATE TABLE metadb.source_option (
    source_name varchar(63) NOT NULL REFERENCES metadb.source ON DELETE CASCADE,
    option      text NOT NULL,
    value       text NOT NULL,
    PRIMARY KEY (source_name, option)
);

-- Not a child of metadb.source: a source that is dropped and created again goes on where it was.
CREATE TABLE metadb.source_table (
    source_name   varchar(63) NOT NULL,
    source_db     text NOT NULL,
    source_schema text NOT NULL,
    source_table  text NOT NULL,
    schema_name   varchar(63) NOT NULL,
    table_name    varchar(63) NOT NULL,
    origin        varchar(63) NOT NULL,
    server_name   text NOT NULL,
    topic         text NOT NULL,
    last_end      timestamptz NOT NULL DEFAULT '-infinity',
    wanted_key    text[],  -- what its events have as the key, where that is not the table's
    PRIMARY KEY (source_name, source_db, source_schema, source_table),
    UNIQUE (schema_name, table_name, origin)
);

-- What the names of a managed table are and what identifies its rows; fixed when it is created.
CREATE TABLE metadb.managed_table (
    schema_name  varchar(63) NOT NULL,
    table_name   varchar(63) NOT NULL,
    history_name varchar(63) NOT NULL,
    sync_name    varchar(63) NOT NULL,
    key_columns  text[] NOT NULL,
    PRIMARY KEY (schema_name, table_name)
);

-- Source columns whose name here differs from their name there.
CREATE TABLE metadb.column_name (
    schema_name   varchar(63) NOT NULL,
    table_name    varchar(63) NOT NULL,
    source_column text NOT NULL,
    column_name   varchar(63) NOT NULL,
    PRIMARY KEY (schema_name, table_name, source_column),
    UNIQUE (schema_name, table_name, column_name)
);

CREATE TABLE metadb.ingest_position (
    source_name    varchar(63) NOT NULL,
    topic          text NOT NULL,
    part           integer NOT NULL,
    cluster_id     text NOT NULL,
    next_offset    bigint NOT NULL,
    last_offset    bigint,
    last_ts        bigint,
    last_hash      bigint,
    generation     bigint NOT NULL DEFAULT 0,
    streaming_seen boolean NOT NULL DEFAULT false,
    epoch          bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (source_name, topic, part)
);

CREATE TABLE metadb.ingest_watermark (
    source_name varchar(63) NOT NULL,
    topic       text NOT NULL,
    part        integer NOT NULL,
    server_name text NOT NULL,
    wm_commit   bigint NOT NULL,
    wm_lsn      bigint NOT NULL,
    wm_ts_us    bigint NOT NULL,
    wm_seen     bigint NOT NULL,
    wm_owed     bigint NOT NULL,
    PRIMARY KEY (source_name, topic, part, server_name)
);

CREATE TABLE metadb.dead_letter (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_name varchar(63) NOT NULL,
    topic       text NOT NULL,
    part        integer NOT NULL,
    "offset"    bigint NOT NULL,
    record_time timestamptz,
    key         bytea,
    value       bytea,
    sqlstate    text NOT NULL,
    error       text NOT NULL,
    schema_name varchar(63),
    table_name  varchar(63),
    set_aside   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (source_name, topic, part, "offset")
);

CREATE TABLE metadb.unresolved (
    schema_name varchar(63) NOT NULL,
    table_name  varchar(63) NOT NULL,
    row_id      bigint NOT NULL,
    column_name varchar(63) NOT NULL,
    noticed     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema_name, table_name, row_id, column_name)
);

CREATE TABLE metadb.acl_all (user_name text PRIMARY KEY);

CREATE TABLE metadb.external_sql (
    name        varchar(63) PRIMARY KEY,
    url         text NOT NULL,
    ref         text NOT NULL,
    path        text NOT NULL,
    schema_name varchar(63) NOT NULL,
    schedule    text
);

CREATE FUNCTION public.mdblog(v interval DEFAULT '24 hours')
    RETURNS TABLE (log_time timestamptz(3), error_severity text, message text)
    LANGUAGE sql STABLE
    SET search_path = pg_catalog
    AS $$
        SELECT l.log_time, l.error_severity, l.message
        FROM metadb.log l
        WHERE l.log_time >= now() - $1
        ORDER BY l.log_time
    $$;
