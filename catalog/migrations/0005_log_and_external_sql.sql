-- Functions that tell what goes on, and what external SQL needs to be run in time.

-- As SECURITY DEFINER, since nobody else reads metadb.auth: it tells names and nothing more.
CREATE FUNCTION public.mdbusers()
    RETURNS TABLE (username text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT a.username::text FROM metadb.auth a ORDER BY a.username
    $$;
REVOKE ALL ON FUNCTION public.mdbusers() FROM PUBLIC;

-- What registered users run in this database. As SECURITY DEFINER: the system user, who owns it,
-- is a member of pg_read_all_stats where the superuser could make it one. A text that may hold a
-- password is not shown.
CREATE FUNCTION public.ps()
    RETURNS TABLE (dbname text, username text, state text, realtime text, query text)
    LANGUAGE sql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT s.datname::text, s.usename::text, s.state,
               to_char(clock_timestamp() - s.query_start, 'HH24:MI:SS'),
               CASE WHEN s.query ~* 'password' THEN '********' ELSE s.query END
        FROM pg_stat_activity s JOIN metadb.auth a ON a.username = s.usename
        WHERE s.datname = current_database() AND s.pid <> pg_backend_pid()
            AND s.backend_type = 'client backend' AND s.state <> 'idle'
        ORDER BY s.query_start
    $$;
REVOKE ALL ON FUNCTION public.ps() FROM PUBLIC;

ALTER TABLE metadb.external_sql ADD COLUMN next_run timestamptz;

-- How the last run of each ended; also of the two that parameters name, which are not in
-- external_sql.
CREATE TABLE metadb.external_sql_run (
    name         varchar(63) PRIMARY KEY,
    last_run     timestamptz NOT NULL,
    last_result  text NOT NULL,
    commit_id    text,
    files_run    integer NOT NULL,
    files_failed integer NOT NULL
);

ALTER TABLE metadb.maintenance ADD COLUMN last_run timestamptz, ADD COLUMN last_error text;
INSERT INTO metadb.maintenance (next_maintenance_time)
    SELECT NULL WHERE NOT EXISTS (SELECT FROM metadb.maintenance);
